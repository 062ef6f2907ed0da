/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The protocol between the dm-erad module and the erad daemon: ioctls on /dev/erad-control, and on
 * the instance file descriptors that ATTACH returns.
 *
 * An *instance* is the state of one loaded "erad" target.  In one boot, no id is used twice, even
 * if the module is loaded again, and a newer instance has a larger id.  During a table reload, the
 * old and the new instance of one volume exist at the same time.
 *
 * The *writeset* of an era is a bitmap: one bit for each block that is recorded in this era.  A
 * write whose blocks are not all in the instance's current writeset is *held*.  The owner of the
 * instance fetches the blocks of held writes as a *batch* of ranges, makes these ranges durable in
 * its metadata, and commits the batch.  The commit sets the bits and *releases* the writes: they go
 * to the origin, the device that is tracked.
 *
 * What the module promises:
 *  - A write passes only if its blocks are recorded in the current writeset: by their bits, or by
 *    the commit of the write's own batch.  The same writeset counts the write until the write has
 *    completed.
 *  - A commit sets bits only in the writeset from which its batch was fetched.  If this writeset is
 *    no longer the current one, the batch goes back to the queue of held writes, and the commit
 *    fails with ESTALE.
 *  - Bits are set before the writes of the batch are released.
 *  - After NEW_ERA has returned 0, every write that was recorded only in an earlier era has
 *    completed.
 *
 * A *degrade record* is one sector of the metadata device.  It says that every block may be written
 * from now on.  The owner passes its content to the module with READY.  The module writes the
 * record when an instance with detach_policy degrade has no owner for too long, and when DEGRADE is
 * called.  When the record is durable, the module sets every bit of the current writeset, so that
 * all writes pass: the instance is *degraded*.  NEW_ERA ends this, because the new writeset is
 * empty, and the module holds writes again.  Before NEW_ERA, the owner must make durable that every
 * block counts as written in the current era.
 *
 * Every struct starts with its own size, because module and user space may have different versions.
 * The module copies the bytes that both know.  It returns E2BIG if a byte that only user space
 * knows is not zero.  It never writes more than the caller's size.  Unknown flags and padding that
 * is not zero are EINVAL.
 *
 * All ioctls need CAP_SYS_ADMIN.  Only DEGRADE, and NEW_ERA with drain_ms != 0, wait for I/O.
 */
#ifndef ERAD_UAPI_H
#define ERAD_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ERAD_ABI		1
#define ERAD_CONTROL_NAME	"erad-control"

struct erad_hdr {
	__u32 size;		/* sizeof the whole struct, as the caller knows it */
	__u32 flags;		/* no flag is defined, so 0 */
};

/* Values of erad_info.state. */
enum erad_state {
	ERAD_DETACHED = 1,	/* there is no owner; recorded writes pass, others are held */
	/* There is an owner, but READY has not been called.  Writes are held as in DETACHED. */
	ERAD_LOADING,
	ERAD_ACTIVE,		/* there is an owner, which can fetch batches */
	/* Recorded writes pass, others get EIO.  Ends with ATTACH or DEGRADE. */
	ERAD_FAILED,
	/* The degrade record is durable, and every write passes.  Ends with ATTACH. */
	ERAD_DEGRADED,
};

/* Bits of erad_info.status. */
/* The instance has been resumed, and is not suspended now. */
#define ERAD_RESUMED	(1U << 0)
#define ERAD_OWNED	(1U << 1)	/* some file descriptor owns the instance */
#define ERAD_DRAINING	(1U << 2)	/* the drain of the previous era has not ended */
#define ERAD_POLICY_FAIL (1U << 3)	/* detach_policy is fail */
#define ERAD_MESSAGE	(1U << 4)	/* a message waits for MESSAGE_GET */
#define ERAD_POLICY_DEGRADE (1U << 5)	/* detach_policy is degrade */
/*
 * All writes pass: the instance was degraded, and no era has begun since.  The state is DEGRADED,
 * or LOADING after the next ATTACH.
 */
#define ERAD_PASSES_ALL	(1U << 6)
/* The last READY has passed a degrade record, so DEGRADE is possible. */
#define ERAD_HAS_RECORD	(1U << 7)

struct erad_info {
	struct erad_hdr h;
	__u64 instance_id;
	__u64 nr_blocks;
	__u64 nr_sectors;	/* size of the target in 512-byte sectors */
	__u32 block_sectors;
	__u32 era;		/* 0: no era has begun, and the writeset is empty */
	__u32 state;		/* a value of enum erad_state */
	__u32 status;		/* bits: ERAD_RESUMED and others */
	__u32 dev_major, dev_minor;	/* number of the mapped device */
	__u32 meta_major, meta_minor;	/* number of the metadata device; 0:0 for "-" */
	__u32 origin_major, origin_minor;
	__u32 detach_timeout;	/* in seconds, for detach_policy fail and degrade */
	__u32 pad;
	__u8 uuid[16];		/* zeros if the table has no option uuid */
	/*
	 * The number of sectors that were written to or discarded on the mapped device, through any
	 * table, at two moments at which no write to the device is in flight.  These are the
	 * kernel's counters, which survive reloads.
	 */
	/* At the first resume of this instance.  ERAD_WRITTEN_UNKNOWN before this resume. */
	__u64 written_resumed;
	/* At the last suspend of this instance.  ERAD_WRITTEN_UNKNOWN before the first suspend. */
	__u64 written_suspended;
	/*
	 * The smallest instance id with this property: since the first resume of that instance,
	 * every write to the mapped device has gone through an instance with the metadata and the
	 * origin of this instance.  0: this instance has not been resumed yet.  The value is this
	 * instance's own id if another table was live directly before, if the mapped device has no
	 * counters, or if the instance directly before had another origin or other metadata.
	 */
	__u64 since_id;
};

/*
 * The number is not known, for example because the counters are switched off (queue/iostats in
 * sysfs).
 */
#define ERAD_WRITTEN_UNKNOWN	(~0ULL)

struct erad_version {
	struct erad_hdr h;
	__u32 abi;		/* ERAD_ABI of the module */
	__u32 pad;
	__u64 features;		/* no flag is defined, so 0 */
};

/*
 * Lists the instances whose instance_id is larger than `after`, in ascending order.  buf has room
 * for cap entries, which are entry_size bytes apart.  The module sets h.size of an entry to the
 * number of bytes that it has filled in.  Returns in nr the number of all these instances.  If nr
 * is larger than cap, only the first cap of them are in buf.
 *
 * The call allocates no memory.  Its caller need not allocate memory either, because it can get all
 * instances in several calls with a small buf.  In each call, `after` is then the last id of the
 * previous call.
 *
 * gen grows when an instance is created, removed, resumed or suspended, and when it changes its
 * state, loses its owner, or has a message for MESSAGE_GET.  Two changes that only the owner needs
 * to know do not change gen: a new era, and the end of a drain.  poll() on the control node returns
 * IN when gen has grown since the last LIST by this open file.
 */
struct erad_list {
	struct erad_hdr h;
	__u64 gen;		/* out */
	__u64 buf;		/* struct erad_info[cap] */
	__u32 entry_size;	/* sizeof(struct erad_info), as the caller knows it */
	__u32 cap;
	__u32 nr;		/* out */
	__u32 pad;
	__u64 after;		/* an instance_id, or 0 for all */
};

/*
 * Makes the caller the owner: fd is a new instance fd with O_CLOEXEC.  The state becomes LOADING.
 * EBUSY: the instance has an owner.  EAGAIN: the degrade record is being written.  ENOENT: there is
 * no such instance.
 *
 * When the last reference to the fd is dropped, the state becomes DETACHED, with two exceptions:
 * with ERAD_PASSES_ALL, it becomes DEGRADED, and a FAILED instance stays FAILED.  A fetched batch
 * goes back to the head of the queue.  The era and the writesets do not change.  To leave FAILED or
 * DEGRADED, close the fd and attach again.
 */
struct erad_attach {
	struct erad_hdr h;
	__u64 instance_id;
	__s32 fd;		/* out */
	__u32 pad;
};

/*
 * Fails all held writes with EIO and makes the instance FAILED, with or without an owner.  Takes no
 * lock of device-mapper, so that it can end a suspend that waits for held writes.  With
 * ERAD_PASSES_ALL, no write is held, and ABORT changes nothing.  ENOENT: there is no such instance.
 */
struct erad_abort {
	struct erad_hdr h;
	__u64 instance_id;
	__u64 failed;		/* out: number of held writes that have failed now */
};

/*
 * Writes the degrade record.  When the record is durable, releases all held writes and makes the
 * instance DEGRADED, with or without an owner.  Waits until the write of the record has ended; a
 * fatal signal ends the wait with EINTR, but not the write.  Takes no lock of device-mapper.  Also
 * returns 0 if the instance passes all writes already.
 *
 * EOPNOTSUPP	there is no record: the metadata is a file, no owner has called READY, or the last
 *		READY passed no record
 * EAGAIN		the state is LOADING
 * EBUSY		the device is suspended, so no write is held
 * ENOENT		there is no such instance, or it was removed during the write
 * ECANCELED	ABORT was called during the write
 * EIO and others	an error of the metadata device: the record may be durable or not, and held
 *		writes stay held
 */
struct erad_degrade {
	struct erad_hdr h;
	__u64 instance_id;
};

/*
 * Changes the state from LOADING to ACTIVE.  The module keeps a copy of the degrade record, and
 * writes this copy when it degrades.  If a logical block of the metadata device is larger than the
 * record, the write zeroes the rest of the block.
 *
 * EINVAL has these reasons:
 * - The state is not LOADING.
 * - era is 0, or is not the instance's era.
 * - The instance has ERAD_PASSES_ALL; call NEW_ERA first.
 * - There is a record, but the table has no metadata device.
 * - The logical block of record_sector is not completely on the metadata device.
 * - record_sector is not at the beginning of a logical block.
 * - A logical block of the metadata device is larger than a page of memory.
 * - pad is not 0.
 */
struct erad_ready {
	struct erad_hdr h;
	__u32 era;
	__u32 pad;
	/* Pointer to the ERAD_RECORD_SIZE bytes of the record.  0: there is no record. */
	__u64 record;
	/* Place of the record on the metadata device, in 512-byte sectors. */
	__u64 record_sector;
};

#define ERAD_RECORD_SIZE	512

/*
 * The blocks first … first + len - 1.  len is never 0.  Later versions do not extend this struct.
 */
struct erad_range {
	__u64 first;
	__u32 len;
	__u32 pad;
};

/*
 * Commits the outstanding batch, if commit_batch is not 0.  Then fetches the next batch, if max is
 * not 0, commit_status is 0 and a write is held.  At most one batch is outstanding.
 *
 * The ranges cover every block of the batch's writes that is not yet in the current writeset, in
 * the order in which the writes arrived.  Adjacent ranges of consecutive writes are merged.  A
 * range may contain blocks that are recorded in this era already, and a block may be in several
 * ranges.
 *
 * commit_status is 0, or a positive errno if the owner could not record the batch.  With an errno,
 * the instance becomes FAILED, and all held writes fail with EIO.
 *
 * Errors:
 * ESTALE: the batch is of an earlier era, or is no longer outstanding, for example after a noflush
 *   suspend.  Writes of the batch that are still held are back in the queue.  Nothing was fetched.
 * EBUSY: a batch is outstanding, commit_batch is 0 and max is not 0.
 * EINVAL: the state is DETACHED or LOADING, or a field is invalid.
 * EIO: the state is FAILED.
 * ENOTCONN: the state is DEGRADED.
 * EFAULT: the result cannot be written; the commit is done, and the fetched batch is back in the
 *   queue.
 * ENODEV: the target is removed.
 */
struct erad_xfer {
	struct erad_hdr h;
	__u64 commit_batch;
	__u64 buf;		/* struct erad_range[max] */
	__u32 max;		/* at most ERAD_MAX_RANGES */
	__u32 commit_status;
	__u64 batch;		/* out; 0: nothing was fetched */
	__u32 era;		/* out: the era of the batch */
	__u32 nr;		/* out: number of ranges */
	__u64 pending;		/* out: number of held writes that are not in this batch */
};

#define ERAD_MAX_RANGES	1024

/*
 * Allocates the writeset of era `to`.  Does nothing if this writeset is allocated already; frees a
 * writeset that was prepared for another era.  This call may sleep while memory is reclaimed, but
 * no other call waits for it, so one thread of the owner can prepare while another thread commits.
 *
 * ENOMEM has two reasons.  There is no memory now: call again later.  Or the directory of the
 * writeset (8 bytes for 32,768 blocks) would need more than a quarter of the machine's memory.
 */
struct erad_prepare {
	struct erad_hdr h;
	__u32 to;
	__u32 pad;
};

/*
 * Begins era `to` if the current era is `from`; `from` is 0 on a new instance.  If the current era
 * is `to` already, goes on with the wait.  Waits up to drain_ms milliseconds for the writes that
 * were recorded in `from`.  Returns 0 when all of these writes have completed.  An outstanding
 * batch stays outstanding, and its commit will fail with ESTALE.
 *
 * ETIMEDOUT	the era has begun, and some writes are in flight: call again with the same eras
 * EINTR		as ETIMEDOUT, after a signal
 * EINVAL		the current era is neither `from` nor `to`; or `to` is not larger than `from`,
 *		or is not prepared; or the instance is DETACHED or DEGRADED
 * EBUSY		the drain of the previous era has not ended
 * EIO		the instance is FAILED
 */
struct erad_newera {
	struct erad_hdr h;
	__u32 from, to;
	__u32 drain_ms;		/* 0: do not wait */
	__u32 pad;
};

/* Numbers about the metadata, for the status line. */
struct erad_usage {
	struct erad_hdr h;
	__u64 used, total;	/* in blocks of 4 KiB */
	/*
	 * Newest era in the metadata snapshot.  0: there is no snapshot, and the status line has
	 * "-".
	 */
	__u64 held_root;
};

enum erad_message_type {
	ERAD_MESSAGE_CHECKPOINT = 1,
	ERAD_MESSAGE_TAKE_SNAPSHOT,
	ERAD_MESSAGE_DROP_SNAPSHOT,
};

/*
 * MESSAGE_GET returns the message that `dmsetup message` has sent to the instance.  It returns each
 * message once.  If no message waits, id is 0.  The sender waits for MESSAGE_REPLY for at most 30
 * seconds, and then gets ETIME.  The sender also gets an error when the instance is suspended or
 * removed, when the state is no longer ACTIVE, or when a signal arrives.
 */
struct erad_message {
	struct erad_hdr h;
	__u64 id;		/* out; an instance never uses an id twice */
	__u32 type;		/* out: enum erad_message_type, or a newer type */
	__u32 pad;
};

/* ENOENT: the sender no longer waits for this reply, for example after the 30 seconds. */
struct erad_reply {
	struct erad_hdr h;
	__u64 id;
	__u32 status;		/* 0, or the positive errno that the sender gets */
	__u32 era;		/* the new era, for the sender of a CHECKPOINT */
};

struct erad_stats {
	struct erad_hdr h;
	__u64 held_now;		/* number of held writes */
	__u64 oldest_held_ns;	/* for how long the oldest held write has been held; 0: none */
	/*
	 * Counts of writes since the target was made.  held: writes that were held.  released: held
	 * writes that went to the origin.  requeued: writes that went back to dm.  failed: writes
	 * that the module has ended with EIO.
	 */
	__u64 held, released, requeued, failed;
	__u64 batches;		/* batches that were committed */
	__u64 bitmap_bytes;	/* memory of the writesets in bytes */
	__u64 passed;		/* number of writes that were not held, since the target was made */
};

#define ERAD_IOC_MAGIC	0xEA

/* Ioctls of /dev/erad-control. */
#define ERAD_IOC_VERSION	_IOWR(ERAD_IOC_MAGIC, 0x00, struct erad_version)
#define ERAD_IOC_LIST		_IOWR(ERAD_IOC_MAGIC, 0x01, struct erad_list)
#define ERAD_IOC_ATTACH		_IOWR(ERAD_IOC_MAGIC, 0x02, struct erad_attach)
#define ERAD_IOC_ABORT		_IOWR(ERAD_IOC_MAGIC, 0x03, struct erad_abort)
#define ERAD_IOC_DEGRADE	_IOWR(ERAD_IOC_MAGIC, 0x04, struct erad_degrade)

/*
 * Ioctls of an instance fd.  poll() on this fd returns
 *
 * IN	the state is ACTIVE, a write is held, and no batch is outstanding
 * PRI	since the last INFO, the state has changed, the device was resumed or suspended, an era has
 *	begun or a drain has ended; or a message waits for MESSAGE_GET
 * HUP	the target is removed: every ioctl returns ENODEV, but INFO also fills in its struct
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

/* The layout is the same for callers with 32 and with 64 bits. */
ERAD_ASSERT(sizeof(struct erad_info) == 120);
ERAD_ASSERT(sizeof(struct erad_version) == 24);
ERAD_ASSERT(sizeof(struct erad_list) == 48);
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
