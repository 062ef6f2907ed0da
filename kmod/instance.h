/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of one loaded dm target, and the design of the module: how a write is passed,
 * held, recorded and released.
 *
 * Terms.  The *origin* is the device that is tracked.  A *writeset* is a bitmap of the
 * blocks that are recorded in one era; the instance has one current writeset.  The *owner*
 * is the process that has attached, the erad daemon.  A write is *held* while it waits
 * until the owner has recorded its blocks.  It is *released* when it may go to the origin.
 * A *drain* waits for the writes in flight that a former writeset has counted.
 *
 * ->map remaps a write whose bits are all set in the current writeset.  It holds any other
 * write.  The owner fetches the blocks of held writes, makes them durable and commits them;
 * the commit sets the bits and releases the writes.  The module writes no metadata but one
 * sector, the degrade record, and only when no owner can record writes (degrade.c).
 *
 * Life of a write
 *	map		all bits are set: the writeset counts the write as begun, and
 *			->map remaps it.  Otherwise the write is held: it goes to `queue`
 *	fetch		`queue` to `batch`; the ranges of blocks go to user space
 *	commit		sets the bits, counts each write as begun, `batch` to `submit_list`.
 *			If a page of the bitmap cannot be allocated, its bits stay clear.
 *			The writes are released all the same, because their blocks are
 *			durable.  The next write to those blocks is held once more
 *	submit work	`submit_list` to the origin
 *	end_io		the same writeset counts the write as ended
 *
 * A rollover swaps the pointer to the current writeset.  A write that found its bits in the
 * old writeset belongs to the old era, and the drain waits for it.  Any other write is
 * recorded in the new era.  No write falls between the two: it finds the bits and is counted
 * in the same writeset, in one RCU section, and the drain adds up the counts only after
 * a grace period that began after the swap.
 *
 * Locks, in this order
 *	instances_lock (mutex)	the list of instances
 *	ei->message_mutex	held by the sender of a message until the owner has answered
 *	ei->fetch_mutex		the array `fetched`
 *	ei->mutex		owner, batch, writesets, message, dead.  Never held over I/O,
 *				user memory, a lock of dm, or an allocation that may sleep
 *	ei->lock (spinlock)	queue, submit_list, state, counters
 * ->map takes ei->lock only to hold a write.  It spins on ei->lock with preemption off, so
 * no work under ei->lock may grow with the number of bios.
 *
 * Memory reclaim may wait for the daemon.  So the ioctls allocate with GFP_NOIO, and nothing
 * that a commit waits for allocates memory in a way that may sleep.  Among the owner's
 * ioctls only PREPARE_ERA makes an allocation that may sleep.  PREPARE_ERA holds no lock
 * meanwhile, so another thread can commit.
 *
 * A file calls only functions of files to its right:
 *	target, control, owner, era, detach, degrade, map, message, instance, writeset, writer, trace
 */
#ifndef ERAD_INSTANCE_H
#define ERAD_INSTANCE_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "erad_uapi.h"
#include "writeset.h"

struct erad_record;

/* What happens to held writes while there is no owner. */
enum erad_detach_policy {
	ERAD_QUEUE_WRITES,
	ERAD_FAIL_WRITES,
	ERAD_DEGRADE_WRITES,
};

struct erad_instance {
	struct list_head list;		/* instances_lock */
	struct kref ref;		/* the target, each instance fd, each look-up */
	u64 id;
	struct dm_target *ti;		/* do not use if dead, except from dm's hooks */
	struct mapped_device *md;	/* only to compare */
	u32 dev;			/* dev_t of the mapped device */
	struct dm_dev *origin;
	struct dm_dev *meta;		/* NULL for "-" */
	dev_t origin_dev, meta_dev;	/* valid after dtr has put the devices, too; 0 for "-" */
	u64 nr_sectors;
	u64 nr_blocks;
	u32 block_sectors;
	int block_shift;		/* -1: not a power of two */
	struct erad_writeset __rcu *current_ws;	/* NULL before the first era; written under mutex */
	u32 detach_timeout;		/* seconds */
	enum erad_detach_policy policy;
	u8 uuid[16];

	struct erad_record *record;	/* the degrade record; NULL without a metadata device */
	bool has_record;		/* mutex for writing; READY has brought the record's content */

	/* Every write on every CPU reads the fields above.  Each commit writes the fields below. */
	struct mutex mutex ____cacheline_aligned_in_smp;
	struct erad_writeset *prepared;	/* mutex; for the next era, or NULL */
	struct erad_writeset *draining;	/* mutex for writing; retired, with writes in flight; or NULL */
	struct erad_io_counts __percpu *counts;	/* two sets; the set that no writeset uses is zero */
	struct bio_list batch;		/* mutex */
	u64 batch_id;			/* mutex; 0: no batch is outstanding */
	u64 last_batch_id;		/* mutex */
	u32 batch_era;			/* mutex */
	bool owned;			/* mutex */
	u64 last_commit_ns;		/* mutex; ktime of the last commit, 0 before the first */
	struct {
		u64 id;			/* 0: no message is under way */
		enum erad_message_type type;
		bool taken;		/* MESSAGE_GET has returned it */
		bool done;		/* result and era are set */
		int result;
		u32 era;
	} message;			/* mutex for writing */
	u64 last_message_id;		/* mutex */
	bool suspending;		/* mutex; from presuspend to resume */
	bool dead;			/* mutex for writing; dtr has begun */

	struct mutex message_mutex;	/* one message at a time */
	struct mutex fetch_mutex;	/* held by COMMIT_FETCH */
	struct erad_range *fetched;	/* fetch_mutex; ERAD_MAX_RANGES entries */

	spinlock_t lock ____cacheline_aligned_in_smp;	/* ->map spins on it */
	enum erad_state state;		/* lock, and mutex for writing */
	bool resumed;			/* lock */
	u64 written_resumed, written_suspended;	/* lock; as in struct erad_info */
	bool pushback;			/* lock; during a noflush suspend, dm requeues writes */
	bool passing;			/* lock, and mutex for writing; current_ws has all bits, no write is held */
	struct bio_list queue;		/* lock, and mutex to remove bios; held, in no batch */
	struct bio_list submit_list;	/* lock; released, and about to be submitted by submit_work */
	u64 nr_queued;			/* lock; of queue, and bios that a fetch examines now */
	u64 nr_batch;			/* lock; of batch */
	u64 held, released, requeued, failed, batches;	/* lock; totals, for STATS */
	u64 begun;			/* mutex; writes begun by writesets that are freed */
	u64 usage_used, usage_total, usage_root;	/* lock */

	wait_queue_head_t wait;		/* poll(), NEW_ERA, DEGRADE, senders of messages, dtr */
	atomic_t events;		/* grows with every event that makes poll() return POLLPRI */

	struct workqueue_struct *wq;
	struct work_struct submit_work;
	struct work_struct count_work, reap_work;	/* the steps of a drain */
	struct work_struct event_work;	/* in the system's workqueue, not in wq */
	struct delayed_work detach_work;
};

/* Whether a message waits for MESSAGE_GET.  No lock. */
static inline bool erad_instance_has_message(const struct erad_instance *ei)
{
	return READ_ONCE(ei->message.id) && !READ_ONCE(ei->message.taken) &&
		!READ_ONCE(ei->message.done);
}

/*
 * Returns an instance with one reference, or NULL if there is no memory.  ctr adds the devices,
 * the workqueue and the work items of other files.
 */
struct erad_instance *erad_instance_alloc(struct dm_target *ti);

/*
 * Adds the instance to the list, or removes it.  Returns EBUSY if the instance conflicts with
 * another one; *error is then a constant string with the reason.
 */
int erad_instance_register(struct erad_instance *ei, char **error);
void erad_instance_unregister(struct erad_instance *ei);

/* The current era, 0 before the first.  No lock. */
u32 erad_instance_era(struct erad_instance *ei);

/* Increments erad_list.gen and wakes those who poll the control node.  After each change that gen counts. */
void erad_instances_changed(void);
u64 erad_instances_gen(void);
extern struct wait_queue_head erad_instances_wait;

/* Returns the instance with a reference, for erad_instance_put(); or NULL if there is no such instance. */
struct erad_instance *erad_instance_get(u64 id);
void erad_instance_put(struct erad_instance *ei);

/*
 * Fills at most cap entries with the instances whose id is larger than after, in ascending order.  Returns the
 * number of these instances, which may be larger than cap.  May sleep.
 */
u32 erad_instances_list(u64 after, struct erad_info *infos, u32 cap);

/*
 * Only while dtr cannot put the devices: under ei->mutex if ei is not dead, or under instances_lock
 * if ei is on the list.
 */
void erad_instance_info(struct erad_instance *ei, struct erad_info *info);

/*
 * After a change that INFO shows: wakes the owner and all who wait for the instance, and increments
 * dm's event counter.  Only under ei->mutex, or while dtr cannot have ended.
 */
void erad_instance_event(struct erad_instance *ei);

/* Says in the kernel's log why writes hang.  Any context in which ei->ti is valid. */
void erad_warn_detached(struct erad_instance *ei);

/*
 * Under ei->mutex: changes the state, and wakes all who wait for a change.  A caller that makes
 * the instance leave ACTIVE calls erad_message_end() next.
 */
void erad_instance_set_state(struct erad_instance *ei, enum erad_state state);

#endif /* ERAD_INSTANCE_H */
