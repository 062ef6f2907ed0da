/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of dm-erad: how a write is let through, held, recorded and
 * released.
 *
 * The module keeps one bitmap, the *writeset* of the current era.  A write
 * whose blocks are all set there is remapped in ->map.  Any other is held on
 * a queue, until the owner of the instance (the erad daemon) says that its
 * blocks are durable.  The module itself writes no metadata but one sector,
 * and that one only when no owner can record writes (degrade.c).
 *
 * Life of a write
 *	map		all bits set: counted as on its way by that writeset; remap
 *			otherwise: to `queue`
 *	fetch		`queue` → `batch`, ranges to user space
 *	commit		bits set, each bio counted, `batch` → `release`;
 *			if a page of the bitmap cannot be allocated, its bits
 *			stay clear; the batch is durable and is released, and
 *			the next write to those blocks is held once more
 *	release work	`release` → the origin
 *	end_io		counted as ended
 *
 * Rollover swaps the writeset pointer.  A write that found the old bits counts
 * as written in the old era, and the drain waits for it; one that did not is
 * recorded in the new era.  There is nothing in between, because a write finds
 * the bits and is counted by the same writeset in one RCU section, and the drain
 * looks at the counts only when a grace period has passed since the swap.
 *
 * Locks, in this order
 *	instances_lock (mutex)	the list of instances
 *	ei->message_mutex	who sends a message; held while it waits for the owner
 *	ei->mutex		owner, batch, the writesets, the message, dead; never held
 *				over I/O, user memory, a lock of dm or an
 *				allocation that may wait
 *	ei->lock (spinlock)	queue, release, state, counters
 * ->map takes ei->lock only to hold a write.  It spins there with preemption off, so
 * nothing that grows with the number of bios is done under ei->lock.
 *
 * The daemon may be what the machine's reclaim waits for.  So all that the ioctls
 * allocate is GFP_NOIO, and nothing that a commit waits for allocates memory in a way
 * that may sleep.  PREPARE_ERA is the only ioctl of an owner that allocates memory
 * and may sleep; it holds no lock meanwhile, so another thread can commit.
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

/* What becomes of held writes when nobody is attached. */
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
	dev_t origin_dev, meta_dev;	/* theirs, for when they are put already; 0 for "-" */
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

	/* Each commit writes what follows; what comes before is read by each write on each CPU. */
	struct mutex mutex ____cacheline_aligned_in_smp;
	struct erad_writeset *prepared;	/* mutex */
	struct erad_writeset *draining;	/* mutex for writing; one at a time */
	struct erad_io_counts __percpu *counts;	/* two sets; the set that no writeset uses is zero */
	struct bio_list batch;		/* mutex */
	u64 batch_id;			/* mutex; 0: none outstanding */
	u64 last_batch_id;		/* mutex */
	u32 batch_era;			/* mutex */
	bool owned;			/* mutex */
	u64 last_commit_ns;		/* mutex; ktime of the last commit; 0: there was none */
	struct {
		u64 id;			/* 0: none is under way */
		enum erad_message_type type;
		bool taken, done;	/* by MESSAGE_GET; result and era are set */
		int result;
		u32 era;
	} message;			/* mutex for writing */
	u64 last_message_id;		/* mutex */
	bool suspending;		/* mutex; from presuspend to resume */
	bool dead;			/* mutex for writing; dtr has begun */

	struct mutex message_mutex;	/* one message at a time */
	struct mutex fetch_mutex;	/* one COMMIT_FETCH at a time; outside of mutex */
	struct erad_range *fetched;	/* fetch_mutex; ERAD_MAX_RANGES of them */

	spinlock_t lock ____cacheline_aligned_in_smp;	/* ->map spins on it */
	enum erad_state state;		/* lock, and mutex for writing */
	bool resumed;			/* lock */
	bool pushback;			/* lock; a noflush suspend is on */
	bool passing;			/* lock, and mutex for writing; current_ws has all bits, nothing is held */
	struct bio_list queue;		/* lock; and mutex to take bios off it */
	struct bio_list submit_list;	/* lock; released, and about to be submitted by submit_work */
	u64 nr_queued;			/* lock; those that a fetch looks at are on no list */
	u64 nr_batch;			/* lock */
	u64 held, released, requeued, failed, batches;	/* lock */
	u64 begun;			/* mutex; sum of erad_writeset_begun() of all writesets that have been freed */
	u64 usage_used, usage_total, usage_root;	/* lock */

	wait_queue_head_t wait;		/* pollers, drain waiters, a message's sender */
	atomic_t events;		/* grows with everything that is POLLPRI */

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

/* One reference, and nothing that is the table's: devices, workqueue.  NULL if there is no memory. */
struct erad_instance *erad_instance_alloc(struct dm_target *ti);

/*
 * Puts the instance on the list, or takes it off.  EBUSY if it cannot exist beside
 * another instance; *error then says why, in a string that nobody frees.
 */
int erad_instance_register(struct erad_instance *ei, char **error);
void erad_instance_unregister(struct erad_instance *ei);

/* The current era, 0 before the first.  No lock. */
u32 erad_instance_era(struct erad_instance *ei);

/* After something that erad_list.gen is for: moves gen on and wakes those who poll for it. */
void erad_instances_changed(void);
u64 erad_instances_gen(void);
extern struct wait_queue_head erad_instances_wait;

/* Takes a reference; NULL if there is none.  erad_instance_put() ends it. */
struct erad_instance *erad_instance_get(u64 id);
void erad_instance_put(struct erad_instance *ei);

/* Fills at most cap entries, returns how many there are.  May sleep. */
u32 erad_instances_list(struct erad_info *infos, u32 cap);

/* While dtr cannot have begun: under ei->mutex if it is not dead, or instances_lock if it is on the list. */
void erad_instance_info(struct erad_instance *ei, struct erad_info *info);

/*
 * Something that INFO and dm's event counter show has changed: wakes the owner and all
 * who wait for the instance.  Only while ei->mutex is held or dtr cannot have ended.
 */
void erad_instance_event(struct erad_instance *ei);

/* Tells the kernel's log why writes hang.  Any context in which ei->ti is there. */
void erad_warn_detached(struct erad_instance *ei);

/*
 * Under ei->mutex: changes the state, and wakes all who wait for a change.  Who makes the state
 * one in which the owner serves no messages calls erad_message_end() afterwards.
 */
void erad_instance_set_state(struct erad_instance *ei, enum erad_state state);

#endif /* ERAD_INSTANCE_H */
