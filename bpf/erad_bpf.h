/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For BPF programs of others: is this block in the current writeset of a volume?
 *
 * Declare two maps as in example.bpf.c, let the loader put the volume's pins
 * in their places, bpf_map__reuse_fd(), and ask.  A program keeps the
 * writeset that it was loaded with.  When there is another one, which
 * erad_in_writeset() notices, it is loaded again.
 */
#ifndef ERAD_BPF_H
#define ERAD_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "erad_maps.h"

/* What the verifier lets a program read of a map that it has; libbpf finds the place. */
struct bpf_map {
	__u32 id;
} __attribute__((preserve_access_index));

/*
 * 1: the block is recorded in the current era, or, if the mirror is coarse,
 * one of the 2^shift blocks that share its bit is.  0: no write to it has been let
 * through in this era.  -1: this writeset cannot say; it is not the current
 * one any more (load again), or erad could not keep it complete.
 */
static __always_inline int erad_in_writeset(void *info_map, void *writeset_map, __u64 block)
{
	const struct erad_map_word *word;
	const struct erad_map_info *info;
	__u32 key = 0;

	info = bpf_map_lookup_elem(info_map, &key);
	if (!info || info->writeset_id != ((struct bpf_map *)writeset_map)->id ||
	    (info->flags & ERAD_MAP_DEGRADED) || block >= info->nr_blocks)
		return -1;
	block >>= info->shift & 63;
	key = block / 64;
	word = bpf_map_lookup_elem(writeset_map, &key);
	return word ? word->blocks >> (block & 63) & 1 : -1;
}

#endif /* ERAD_BPF_H */
