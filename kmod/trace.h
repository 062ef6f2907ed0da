/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of dm-erad, system "erad".
 *
 * All arguments are numbers, except comm, which points to TASK_COMM_LEN bytes.  So a BPF program
 * can attach to a tracepoint as raw_tp without the module's BTF.  The program finds an argument by
 * its position (see bpf/trace.bpf.c), so the order of the arguments is an ABI.  dev is the dev_t of
 * the mapped device in the kernel's encoding (major << 20 | minor).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM erad

#if !defined(ERAD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ERAD_TRACE_H

#include <linux/sched.h>
#include <linux/tracepoint.h>

/* A write is held, because not all of its blocks are recorded in the current era. */
TRACE_EVENT(erad_gated,
	TP_PROTO(u32 dev, u64 first, u64 nr_blocks, u32 op),
	TP_ARGS(dev, first, nr_blocks, op),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u64, first)
		__field(u64, nr_blocks)
		__field(u32, op)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->first = first;
		__entry->nr_blocks = nr_blocks;
		__entry->op = op;
	),
	TP_printk("%u:%u first=%llu nr_blocks=%llu op=%u",
		  __entry->dev >> 20, __entry->dev & 0xfffff,
		  __entry->first, __entry->nr_blocks, __entry->op)
);

/*
 * Writes of one submitter, which follow each other in a batch, have recorded nr_blocks blocks that
 * had not been recorded in this era before.  A commit emits one event for each such sequence of
 * writes, and none if the writes have recorded no new block.  Each block is counted at most once in
 * an era: if several writes of the batch cover a block, it is counted for the first of them.  cgroup
 * and comm: the submitter (see writer.c).
 */
TRACE_EVENT(erad_recorded,
	TP_PROTO(u32 dev, u32 era, u64 nr_blocks, u64 cgroup, const char *comm),
	TP_ARGS(dev, era, nr_blocks, cgroup, comm),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, era)
		__field(u64, nr_blocks)
		__field(u64, cgroup)
		__array(char, comm, TASK_COMM_LEN)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->era = era;
		__entry->nr_blocks = nr_blocks;
		__entry->cgroup = cgroup;
		memcpy(__entry->comm, comm, TASK_COMM_LEN);
	),
	TP_printk("%u:%u era=%u nr_blocks=%llu cgroup=%llu comm=%s",
		  __entry->dev >> 20, __entry->dev & 0xfffff, __entry->era,
		  __entry->nr_blocks, __entry->cgroup, __entry->comm)
);

/* The owner has committed a batch: its blocks are durable, and their bits are set. */
TRACE_EVENT(erad_committed,
	TP_PROTO(u32 dev, u64 batch, u32 era, u32 nr_bios),
	TP_ARGS(dev, batch, era, nr_bios),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u64, batch)
		__field(u32, era)
		__field(u32, nr_bios)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->batch = batch;
		__entry->era = era;
		__entry->nr_bios = nr_bios;
	),
	TP_printk("%u:%u batch=%llu era=%u nr_bios=%u",
		  __entry->dev >> 20, __entry->dev & 0xfffff,
		  __entry->batch, __entry->era, __entry->nr_bios)
);

/* A released write is submitted to the origin, after it was held for wait_ns. */
TRACE_EVENT(erad_released,
	TP_PROTO(u32 dev, u64 sector, u32 nr_sectors, u64 wait_ns),
	TP_ARGS(dev, sector, nr_sectors, wait_ns),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u64, sector)
		__field(u32, nr_sectors)
		__field(u64, wait_ns)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->sector = sector;
		__entry->nr_sectors = nr_sectors;
		__entry->wait_ns = wait_ns;
	),
	TP_printk("%u:%u sector=%llu nr_sectors=%u wait_ns=%llu",
		  __entry->dev >> 20, __entry->dev & 0xfffff,
		  __entry->sector, __entry->nr_sectors, __entry->wait_ns)
);

/*
 * nr_bios released writes are submitted to the origin.  Each of them was held for at least
 * 2^log2_ns ns (log2_ns 0: at least 0 ns) and for less than 2^(log2_ns + 1) ns.  wait_ns is the sum
 * of these times.
 */
TRACE_EVENT(erad_waited,
	TP_PROTO(u32 dev, u32 log2_ns, u32 nr_bios, u64 wait_ns),
	TP_ARGS(dev, log2_ns, nr_bios, wait_ns),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, log2_ns)
		__field(u32, nr_bios)
		__field(u64, wait_ns)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->log2_ns = log2_ns;
		__entry->nr_bios = nr_bios;
		__entry->wait_ns = wait_ns;
	),
	TP_printk("%u:%u log2_ns=%u nr_bios=%u wait_ns=%llu",
		  __entry->dev >> 20, __entry->dev & 0xfffff,
		  __entry->log2_ns, __entry->nr_bios, __entry->wait_ns)
);

DECLARE_EVENT_CLASS(erad_change,
	TP_PROTO(u32 dev, u32 from, u32 to),
	TP_ARGS(dev, from, to),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%u:%u from=%u to=%u",
		  __entry->dev >> 20, __entry->dev & 0xfffff,
		  __entry->from, __entry->to)
);

/* A new era has begun.  Writes of the old era may still be in flight. */
DEFINE_EVENT(erad_change, erad_rollover,
	TP_PROTO(u32 dev, u32 from, u32 to),
	TP_ARGS(dev, from, to)
);

/* The state of the instance has changed.  Both arguments are values of enum erad_state. */
DEFINE_EVENT(erad_change, erad_state,
	TP_PROTO(u32 dev, u32 from, u32 to),
	TP_ARGS(dev, from, to)
);

/* nr_bios held writes were ended with an error.  error: a positive errno. */
TRACE_EVENT(erad_error,
	TP_PROTO(u32 dev, u32 error, u32 nr_bios),
	TP_ARGS(dev, error, nr_bios),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, error)
		__field(u32, nr_bios)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->error = error;
		__entry->nr_bios = nr_bios;
	),
	TP_printk("%u:%u error=%u nr_bios=%u",
		  __entry->dev >> 20, __entry->dev & 0xfffff,
		  __entry->error, __entry->nr_bios)
);

#endif /* ERAD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
