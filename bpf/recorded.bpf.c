// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts, for each volume and each writer, the blocks that were recorded.  on_recorded() is a
 * raw_tp program, like the programs of trace.bpf.c.  It runs once for each event erad_recorded: see
 * kmod/trace.h.
 */
#include <linux/bpf.h>
#include <linux/errno.h>

#include <bpf/bpf_helpers.h>

#include "erad_maps.h"

/* The map of one volume.  erad creates it, pins it and enters it into the table below. */
struct writers_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ERAD_MAP_WRITERS);
	__type(key, struct erad_map_writer);
	__type(value, struct erad_map_written);
} writers SEC(".maps");

/*
 * The table of the volumes' maps.  The key is the number of the mapped device, as the tracepoint
 * passes it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__array(values, struct writers_map);
} volumes SEC(".maps");

static void *writers_of(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 dev = ctx->args[0];

	return bpf_map_lookup_elem(&volumes, &dev);
}

static long add_blocks(void *map, const struct erad_map_writer *who, __u64 blocks)
{
	struct erad_map_written *sum = bpf_map_lookup_elem(map, who), first = { .blocks = blocks };

	if (!sum) {
		const long r = bpf_map_update_elem(map, who, &first, BPF_NOEXIST);

		/* Another processor may just have added the writer, so look it up again. */
		if (r != -EEXIST)
			return r;
		sum = bpf_map_lookup_elem(map, who);
		if (!sum)
			return r;
	}
	__sync_fetch_and_add(&sum->blocks, blocks);
	return 0;
}

SEC("raw_tp/erad_recorded")
int on_recorded(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 era = ctx->args[1];
	const __u64 blocks = ctx->args[2];
	struct erad_map_writer who = { .cgroup = ctx->args[3], .era = era };
	struct erad_map_writer other = { .era = era, .flags = ERAD_MAP_OTHERS };
	void *map = writers_of(ctx);

	if (!map)
		return 0;
	bpf_probe_read_kernel_str(who.comm, sizeof(who.comm), (const void *)ctx->args[4]);
	if (add_blocks(map, &who, blocks))
		add_blocks(map, &other, blocks);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
