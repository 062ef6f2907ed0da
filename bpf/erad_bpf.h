/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the BPF programs of other projects: finds out whether a block is in the current writeset of a
 * volume.
 *
 * Declare two maps as example.bpf.c does.  The loader replaces them by the volume's pinned maps,
 * with bpf_map__reuse_fd().  Then call erad_in_writeset().  A loaded program keeps its writeset
 * map.  When the volume has a new writeset, erad_in_writeset() returns -1; then load the program
 * again.
 */
#ifndef ERAD_BPF_H
#define ERAD_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "erad_maps.h"

/*
 * The kernel's struct bpf_map has more fields, but the program reads only the id.  The verifier
 * allows this, and libbpf relocates the access for the running kernel.
 */
struct bpf_map {
	__u32 id;
} __attribute__((preserve_access_index));

/*
 * Returns 1 if the block is recorded in the current era.  In a coarse mirror, 2^shift blocks share
 * a bit: 1 then means that one of these blocks is recorded.  Returns 0 if no write to the block has
 * been released in this era.  Returns -1 if the answer is unknown: the writeset is no longer the
 * current one (load the program again), the mirror is degraded, the volume has no such block, or
 * erad is changing the map `info`, or has changed it during the call (call again later).
 */
static __always_inline int erad_in_writeset(void *info_map, void *writeset_map, __u64 block)
{
	/* volatile: the compiler must neither reorder nor repeat the reads, nor leave one out. */
	const volatile struct erad_map_word *word;
	const volatile struct erad_map_info *info;
	__u64 seq, blocks;
	__u32 key = 0;

	info = bpf_map_lookup_elem(info_map, &key);
	if (!info)
		return -1;
	seq = info->seq;
	if ((seq & 1) || info->writeset_id != ((struct bpf_map *)writeset_map)->id ||
	    (info->flags & ERAD_MAP_DEGRADED) || block >= info->nr_blocks)
		return -1;
	block >>= info->shift & 63;
	key = block / 64;
	word = bpf_map_lookup_elem(writeset_map, &key);
	if (!word)
		return -1;
	blocks = word->blocks;
	/* If seq is unchanged, all fields belong together, and the writeset was still the current one. */
	if (info->seq != seq)
		return -1;
	return blocks >> (block & 63) & 1;
}

#endif /* ERAD_BPF_H */
