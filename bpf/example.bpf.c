// SPDX-License-Identifier: GPL-2.0-only
/*
 * An example of erad_bpf.h: counts write requests that reach a volume's origin past the volume.
 * The volume releases a write only after all blocks of the write are recorded.  So a request with a
 * block that is not in the volume's writeset went past the volume.
 */
#include "erad_bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/*
 * Only the types of these two maps matter, because the loader replaces them by the volume's maps.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG);
	__type(key, __u32);
	__type(value, struct erad_map_word);
} writeset SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG);
	__type(key, __u32);
	__type(value, struct erad_map_info);
} info SEC(".maps");

const volatile __u32 major, minor;	/* device number of the origin, a whole disk */
const volatile __u32 block_sectors = 128;

__u64 writes, not_in_writeset, unknown;

#define MOST_BLOCKS	64	/* at most this many blocks of a request are checked */

/*
 * The fields of kernel structs that the program reads.  libbpf finds their offsets when it loads
 * the program.
 */
struct gendisk {
	int major, first_minor;
} __attribute__((preserve_access_index));

struct request_queue {
	struct gendisk *disk;
} __attribute__((preserve_access_index));

struct request {
	struct request_queue *q;
	__u32 cmd_flags;
	__u32 __data_len;
	__u64 __sector;
} __attribute__((preserve_access_index));

SEC("raw_tp/block_rq_issue")
int BPF_PROG(on_issue, struct request *rq)
{
	__u64 sector = BPF_CORE_READ(rq, __sector);
	__u32 len = BPF_CORE_READ(rq, __data_len);
	__u64 block, last;
	int in = 1;

	/* If the low bit of an operation is set, the operation changes the device. */
	if (!(BPF_CORE_READ(rq, cmd_flags) & 1) || !len ||
	    (__u32)BPF_CORE_READ(rq, q, disk, major) != major ||
	    (__u32)BPF_CORE_READ(rq, q, disk, first_minor) != minor)
		return 0;
	block = sector / block_sectors;
	last = (sector + (len - 1) / 512) / block_sectors;
	for (int i = 0; i < MOST_BLOCKS && in > 0; i++) {
		if (block + i > last)
			break;
		in = erad_in_writeset(&info, &writeset, block + i);
	}
	__sync_fetch_and_add(&writes, 1);
	if (in < 0)
		__sync_fetch_and_add(&unknown, 1);
	else if (!in)
		__sync_fetch_and_add(&not_in_writeset, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
