/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The protocol between the dm-erad module and the erad daemon: ioctls on
 * /dev/erad-control and on the instance file descriptors it hands out.
 *
 * An *instance* is one loaded "erad" target.  It is named by an id that is
 * never used twice, because during a table reload the old and the new
 * instance of one volume live side by side.
 *
 * A write whose blocks are not all in the instance's current writeset is
 * *held* ("gated").  The owner of the instance fetches held writes as a
 * *batch* of block ranges, makes these ranges durable in its metadata, and
 * commits the batch, which sets the bits and releases the writes.
 *
 * What the module promises:
 *  - a write is passed on only if its blocks are recorded in the current
 *    writeset, by its bits or by the commit of its own batch, and is counted
 *    by that same writeset until it has completed;
 *  - a commit sets bits only in the writeset its batch was fetched from,
 *    otherwise the batch goes back to the queue and the commit fails with
 *    ESTALE;
 *  - bits are set before the writes of the batch are released;
 *  - after NEW_ERA has returned 0, every write that was recorded only in an
 *    earlier era has completed.
 *
 * A *degrade record* is one sector of the metadata device which says that from
 * now on every block may have been written.  The owner hands it to the module
 * with READY.  When no owner is there, the module can write it, and so record
 * every block at once: only when the record is durable it sets every bit of the
 * current writeset, so that all writes pass.  The instance is *degraded* until
 * NEW_ERA, whose empty writeset holds writes again.  Whoever attaches must
 * first make durable that every block counts as written in the current era.
 *
 * Every struct starts with its own size, so that either side may be older:
 * the module copies what both know, wants zeros in what only user space
 * knows (E2BIG otherwise), and returns no more than the caller's size.
 * Unknown flags and non-zero padding are EINVAL.
 *
 * All ioctls need CAP_SYS_ADMIN.  None of them waits for I/O, except NEW_ERA
 * with drain_ms != 0, and DEGRADE.
 */
#ifndef ERAD_UAPI_H
#define ERAD_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ERAD_ABI		1
#define ERAD_CONTROL_NAME	"erad-control"

struct erad_hdr {
	__u32 size;		/* sizeof the whole struct, as the caller knows it */
	__u32 flags;		/* none defined: 0 */
};

/* erad_info.state */
enum erad_state {
	ERAD_DETACHED = 1,	/* no owner; recorded writes pass, others are held */
	ERAD_LOADING,		/* owned, not yet READY; the same */
	ERAD_ACTIVE,		/* owned; batches can be fetched */
	ERAD_FAILED,		/* recorded writes pass, others get EIO; ATTACH leaves it */
	ERAD_DEGRADED,		/* the degrade record is durable, every write passes; ATTACH leaves it */
};

/* erad_info.status */
#define ERAD_RESUMED	(1U << 0)	/* has been resumed, and is not suspended now */
#define ERAD_OWNED	(1U << 1)	/* some file descriptor owns the instance */
#define ERAD_DRAINING	(1U << 2)	/* writes of the previous era are in flight */
#define ERAD_POLICY_FAIL (1U << 3)	/* detach_policy fail */
#define ERAD_MESSAGE	(1U << 4)	/* a message waits for MESSAGE_GET */
#define ERAD_POLICY_DEGRADE (1U << 5)	/* detach_policy degrade */
#define ERAD_PASSES_ALL	(1U << 6)	/* degraded, and no era has begun since; whatever the state */
#define ERAD_HAS_RECORD	(1U << 7)	/* READY has brought a degrade record: DEGRADE would work */

struct erad_info {
	struct erad_hdr h;
	__u64 instance_id;
	__u64 nr_blocks;
	__u64 nr_sectors;	/* length of the target, 512-byte sectors */
	__u32 block_sectors;
	__u32 era;		/* 0: no era begun, the writeset is empty */
	__u32 state;		/* enum erad_state */
	__u32 status;		/* ERAD_RESUMED … */
	__u32 dev_major, dev_minor;	/* the mapped device */
	__u32 meta_major, meta_minor;	/* the metadata device; 0:0 for "-" */
	__u32 origin_major, origin_minor;
	__u32 detach_timeout;	/* seconds, for detach_policy fail and degrade */
	__u32 pad;
	__u8 uuid[16];		/* zeros if the table names none */
};

struct erad_version {
	struct erad_hdr h;
	__u32 abi;		/* ERAD_ABI of the module */
	__u32 pad;
	__u64 features;		/* none defined: 0 */
};

/*
 * Fills up to cap entries of buf, which are entry_size bytes apart, and returns
 * in nr how many instances there are.  An entry's h.size says how much of it
 * the module knows.  gen grows whenever an instance comes, goes, is resumed, suspended,
 * changes state, loses its owner or has a message for MESSAGE_GET.  A new era and the end of
 * a drain, which only the owner needs, do not change gen.  poll() on the control node
 * says IN when gen has grown since this file's last LIST.
 */
struct erad_list {
	struct erad_hdr h;
	__u64 gen;		/* out */
	__u64 buf;		/* struct erad_info[cap] */
	__u32 entry_size;	/* sizeof(struct erad_info), as the caller knows it */
	__u32 cap;
	__u32 nr;		/* out */
	__u32 pad;
};

/*
 * Makes the caller the owner: fd is a new O_CLOEXEC instance fd.  EBUSY if
 * owned, EAGAIN while the degrade record is being written, ENOENT if there is no
 * such instance.  The state becomes LOADING.
 * When the fd's last reference goes, the instance is DETACHED (DEGRADED with
 * ERAD_PASSES_ALL), unless it is FAILED: a fetched batch goes back to the head of
 * the queue, and nothing else changes.  To leave FAILED or DEGRADED, close the fd
 * and attach again.
 */
struct erad_attach {
	struct erad_hdr h;
	__u64 instance_id;
	__s32 fd;		/* out */
	__u32 pad;
};

/*
 * Fails everything that is held with EIO and leaves the instance FAILED,
 * whoever owns it.  Takes no lock of device-mapper, so that it frees a
 * suspend that waits for held writes.  With ERAD_PASSES_ALL nothing is held, and
 * nothing changes.
 */
struct erad_abort {
	struct erad_hdr h;
	__u64 instance_id;
	__u64 failed;		/* out: how many writes were held, and failed */
};

/*
 * Writes the degrade record, and when it is durable releases everything that
 * is held and leaves the instance DEGRADED, whoever owns it.  Waits for this one
 * write, killably (EINTR: it goes on).  Takes no lock of device-mapper.  0 also if
 * the instance passes all writes already.
 *
 * EOPNOTSUPP: there is no record, because the metadata is a file, no owner has been
 * READY, or the last READY brought none.  EAGAIN: an owner is LOADING.  EBUSY: the device
 * is suspended, and so holds no writes.  ECANCELED: ABORT came in between.  EIO
 * and other errors of the metadata device: the record may be durable or not, and
 * writes go on waiting.
 */
struct erad_degrade {
	struct erad_hdr h;
	__u64 instance_id;
};

/*
 * LOADING → ACTIVE.  EINVAL in each of these cases: era is 0, or is not the instance's
 * era.  The instance has ERAD_PASSES_ALL, and NEW_ERA must come first.  A record is given
 * and the table names no metadata device, or record_sector is no place for a logical
 * block of that device.
 *
 * The record is copied.  If the metadata device's logical blocks are larger than
 * the record, the rest of its block is written with zeros.
 */
struct erad_ready {
	struct erad_hdr h;
	__u32 era;
	__u32 pad;
	__u64 record;		/* pointer to its ERAD_RECORD_SIZE bytes; 0: none */
	__u64 record_sector;	/* where it belongs, 512-byte sectors of the metadata device */
};

#define ERAD_RECORD_SIZE	512

/* Blocks first … first + len - 1; len is never 0.  This struct does not grow. */
struct erad_range {
	__u64 first;
	__u32 len;
	__u32 pad;
};

/*
 * Commits the outstanding batch, if commit_batch is not 0, then fetches the
 * next one, if max is not 0 and any write is held.  One batch can be
 * outstanding.
 *
 * The ranges cover every block that the batch's writes still miss in the
 * current writeset, in the order of arrival; neighbours are merged, overlaps
 * between writes are not.  A block that is listed though it is recorded
 * already in this era does no harm.
 *
 * commit_status other than 0 (a positive errno) fails the batch's writes
 * with EIO instead, and the instance becomes FAILED.
 *
 * Errors: ESTALE the batch is unknown (pushed back by a suspend, aborted) or
 * of an earlier era; its writes, if still held, are back in the queue, and
 * nothing was fetched.  EBUSY a batch is outstanding and commit_batch is 0.
 * EINVAL the instance is not ACTIVE.  EIO it is FAILED.  ENOTCONN it is DEGRADED.
 * EFAULT the fetched batch went back to the queue.  ENODEV the target is gone.
 */
struct erad_xfer {
	struct erad_hdr h;
	__u64 commit_batch;
	__u64 buf;		/* struct erad_range[max] */
	__u32 max;		/* at most ERAD_MAX_RANGES */
	__u32 commit_status;
	__u64 batch;		/* out; 0: nothing fetched */
	__u32 era;		/* out: the era the batch belongs to */
	__u32 nr;		/* out: ranges */
	__u64 pending;		/* out: writes still queued behind this batch */
};

#define ERAD_MAX_RANGES	1024

/*
 * Allocates the writeset of era `to`; idempotent.  This call may sleep while memory
 * is reclaimed, but no other call waits for it: one thread of the owner can prepare
 * while another one commits.  ENOMEM: there is no memory now, call again later; or
 * the directory of the writeset, 8 bytes for 32,768 blocks, were more than a quarter
 * of the machine's memory.
 */
struct erad_prepare {
	struct erad_hdr h;
	__u32 to;
	__u32 pad;
};

/*
 * Begins era `to` if the current era is `from`, and waits up to drain_ms for
 * the writes that were recorded in `from`.  0: all of them have completed.
 * ETIMEDOUT: the era has begun, some are still in flight; call again with the
 * same eras (EINTR, after a signal, likewise).  EINVAL: the era is neither from nor to, or `to`
 * is not larger, or it is not prepared.  EBUSY: the era before is still
 * draining.  EIO: the instance is FAILED.  from is 0 on a fresh instance.  A
 * batch that is outstanding stays so, and its commit will be ESTALE.
 */
struct erad_newera {
	struct erad_hdr h;
	__u32 from, to;
	__u32 drain_ms;
	__u32 pad;
};

/* What the owner wants the status line to say about the metadata. */
struct erad_usage {
	struct erad_hdr h;
	__u64 used, total;	/* 4 KiB blocks */
	__u64 held_root;	/* metadata snapshot: the newest era that it shows; 0: none, shown as "-" */
};

enum erad_message_type {
	ERAD_MESSAGE_CHECKPOINT = 1,
	ERAD_MESSAGE_TAKE_SNAPSHOT,
	ERAD_MESSAGE_DROP_SNAPSHOT,
};

/*
 * MESSAGE_GET: what device-mapper was told (`dmsetup message`), once; id 0 if no
 * message waits.  The sender waits until MESSAGE_REPLY, but for no longer than 30 seconds:
 * then the sender gets ETIME.  The sender also gets an error when the instance is suspended,
 * leaves ACTIVE or goes, or when a signal arrives.
 */
struct erad_message {
	struct erad_hdr h;
	__u64 id;		/* out; never used twice by an instance */
	__u32 type;		/* out: enum erad_message_type; newer ones may come */
	__u32 pad;
};

/* ENOENT: nobody waits for this reply any more, say because the 30 seconds are over. */
struct erad_reply {
	struct erad_hdr h;
	__u64 id;
	__u32 status;		/* 0, or the positive errno that the sender gets */
	__u32 era;		/* the new era, which the sender of CHECKPOINT is told */
};

struct erad_stats {
	struct erad_hdr h;
	__u64 held_now;		/* queued or fetched */
	__u64 oldest_held_ns;	/* how long the oldest of them waits; 0: none */
	__u64 held, released, requeued, failed;	/* since the target was made */
	__u64 batches;		/* committed */
	__u64 bitmap_bytes;	/* memory of the writesets */
	__u64 passed;		/* writes that were not held, as their blocks were recorded; since the target was made */
};

#define ERAD_IOC_MAGIC	0xEA

/* on /dev/erad-control */
#define ERAD_IOC_VERSION	_IOWR(ERAD_IOC_MAGIC, 0x00, struct erad_version)
#define ERAD_IOC_LIST		_IOWR(ERAD_IOC_MAGIC, 0x01, struct erad_list)
#define ERAD_IOC_ATTACH		_IOWR(ERAD_IOC_MAGIC, 0x02, struct erad_attach)
#define ERAD_IOC_ABORT		_IOWR(ERAD_IOC_MAGIC, 0x03, struct erad_abort)
#define ERAD_IOC_DEGRADE	_IOWR(ERAD_IOC_MAGIC, 0x04, struct erad_degrade)

/*
 * On an instance fd.  poll(): IN a write is held and no batch outstanding;
 * PRI the state changed, an era began or a drain ended since the last INFO, or a message
 * waits for MESSAGE_GET; HUP the target is gone, and every ioctl answers ENODEV.
 */
#define ERAD_IOC_INFO		_IOWR(ERAD_IOC_MAGIC, 0x10, struct erad_info)
#define ERAD_IOC_READY		_IOWR(ERAD_IOC_MAGIC, 0x11, struct erad_ready)
#define ERAD_IOC_COMMIT_FETCH	_IOWR(ERAD_IOC_MAGIC, 0x12, struct erad_xfer)
#define ERAD_IOC_PREPARE_ERA	_IOWR(ERAD_IOC_MAGIC, 0x13, struct erad_prepare)
#define ERAD_IOC_NEW_ERA	_IOWR(ERAD_IOC_MAGIC, 0x14, struct erad_newera)
#define ERAD_IOC_USAGE		_IOWR(ERAD_IOC_MAGIC, 0x15, struct erad_usage)
#define ERAD_IOC_STATS		_IOWR(ERAD_IOC_MAGIC, 0x16, struct erad_stats)
#define ERAD_IOC_MESSAGE_GET	_IOWR(ERAD_IOC_MAGIC, 0x17, struct erad_message)
#define ERAD_IOC_MESSAGE_REPLY	_IOWR(ERAD_IOC_MAGIC, 0x18, struct erad_reply)

#ifdef __KERNEL__
#define ERAD_ASSERT(cond)	static_assert(cond)
#else
#define ERAD_ASSERT(cond)	_Static_assert(cond, #cond)
#endif

/* The same layout for 32-bit and 64-bit callers. */
ERAD_ASSERT(sizeof(struct erad_info) == 96);
ERAD_ASSERT(sizeof(struct erad_version) == 24);
ERAD_ASSERT(sizeof(struct erad_list) == 40);
ERAD_ASSERT(sizeof(struct erad_attach) == 24);
ERAD_ASSERT(sizeof(struct erad_abort) == 24);
ERAD_ASSERT(sizeof(struct erad_degrade) == 16);
ERAD_ASSERT(sizeof(struct erad_ready) == 32);
ERAD_ASSERT(sizeof(struct erad_range) == 16);
ERAD_ASSERT(sizeof(struct erad_xfer) == 56);
ERAD_ASSERT(sizeof(struct erad_prepare) == 16);
ERAD_ASSERT(sizeof(struct erad_newera) == 24);
ERAD_ASSERT(sizeof(struct erad_usage) == 32);
ERAD_ASSERT(sizeof(struct erad_message) == 24);
ERAD_ASSERT(sizeof(struct erad_reply) == 24);
ERAD_ASSERT(sizeof(struct erad_stats) == 80);

#endif /* ERAD_UAPI_H */
