// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the events of the module's tracepoints, for each volume.  No tracepoint is on the path of
 * a write whose blocks are already recorded.
 *
 * These are raw_tp programs.  They need no type information of the module, because all arguments
 * that they read are numbers.  The first argument is the number of the mapped device.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "erad_maps.h"

/* The map of one volume.  erad creates it, pins it and enters it into the table below. */
struct events_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erad_map_events);
} events SEC(".maps");

/*
 * The table of the volumes' maps.  The key is the number of the mapped device, as the tracepoints
 * pass it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__array(values, struct events_map);
} volumes SEC(".maps");

static struct erad_map_events *events_of(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 dev = ctx->args[0], key = 0;
	void *map = bpf_map_lookup_elem(&volumes, &dev);

	return map ? bpf_map_lookup_elem(map, &key) : NULL;
}

static void count(__u64 *counter, __u64 n)
{
	__sync_fetch_and_add(counter, n);
}

/* Returns the position of the highest set bit, or 0 for n = 0. */
static __u32 log2_of(__u64 n)
{
	__u32 log = 0;

#pragma unroll
	for (int shift = 32; shift; shift >>= 1) {
		if (n >> shift) {
			n >>= shift;
			log += shift;
		}
	}
	return log;
}

SEC("raw_tp/erad_waited")
int on_waited(struct bpf_raw_tracepoint_args *ctx)
{
	struct erad_map_events *e = events_of(ctx);
	const __u32 nr_bios = ctx->args[2];
	__u32 slot = ctx->args[1];

	if (!e)
		return 0;
	if (slot >= ERAD_MAP_HOLD_SLOTS)
		slot = ERAD_MAP_HOLD_SLOTS - 1;
	count(&e->released, nr_bios);
	count(&e->hold_ns, ctx->args[3]);
	count(&e->hold[slot], nr_bios);
	return 0;
}

SEC("raw_tp/erad_committed")
int on_committed(struct bpf_raw_tracepoint_args *ctx)
{
	struct erad_map_events *e = events_of(ctx);
	const __u32 nr_bios = ctx->args[3];
	__u32 slot = log2_of(nr_bios);

	if (!e)
		return 0;
	if (slot >= ERAD_MAP_BATCH_SLOTS)
		slot = ERAD_MAP_BATCH_SLOTS - 1;
	count(&e->commits, 1);
	count(&e->batch_writes, nr_bios);
	count(&e->batch[slot], 1);
	return 0;
}

SEC("raw_tp/erad_rollover")
int on_rollover(struct bpf_raw_tracepoint_args *ctx)
{
	struct erad_map_events *e = events_of(ctx);

	if (e)
		count(&e->rollovers, 1);
	return 0;
}

SEC("raw_tp/erad_error")
int on_error(struct bpf_raw_tracepoint_args *ctx)
{
	struct erad_map_events *e = events_of(ctx);

	if (e)
		count(&e->failed, (__u32)ctx->args[2]);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
