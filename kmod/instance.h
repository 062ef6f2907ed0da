/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of one loaded dm target, and the design of the module: how a write is passed, held,
 * recorded and released.
 *
 * Terms.  The *origin* is the device that is tracked.  A *writeset* is a bitmap of the blocks that
 * are recorded in one era; the instance has one current writeset.  The *owner* is the process that
 * has attached, the erad daemon.  A write is *held* while it waits until the owner has recorded its
 * blocks.  A write is *released* when it may go to the origin.  A *drain* waits for the writes in
 * flight that a former writeset has counted.
 *
 * ->map remaps a write whose bits are all set in the current writeset.  It holds any other write.
 * The owner fetches the blocks of held writes, makes them durable and commits them; the commit sets
 * the bits and releases the writes.  The degrade record is the only metadata that the module
 * writes, and only when detach_policy degrade or the ioctl DEGRADE asks for it (degrade.c).
 *
 * Life of a write
 *	map		if all bits are set, the writeset counts the write as begun, and ->map
 *			remaps the write.  Otherwise ->map holds the write: it adds the write
 *			to `queue`
 *	fetch		moves the write from `queue` to `batch`; the ranges of blocks go to
 *			user space.  If all bits have been set meanwhile, fetch counts the
 *			write as begun, and moves it to `submit_list`
 *	commit		sets the bits, counts each write as begun, and moves it from `batch`
 *			to `submit_list`.  If a page of the bitmap cannot be allocated, its
 *			bits stay clear.  The writes are still released, because their blocks
 *			are durable.  The next write to these blocks is held and recorded
 *			once more
 *	submit work	sends the writes of `submit_list` to the origin
 *	end_io		the same writeset counts the write as ended
 *
 * A rollover swaps the pointer to the current writeset.  A write that found its bits in the old
 * writeset belongs to the old era, and the drain waits for it.  Any other write is recorded in the
 * new era.  There is no third kind of write: a write finds its bits and is counted in the same
 * writeset, in one RCU section.  The drain adds up the counts only after a grace period that began
 * after the swap.
 *
 * Locks, in this order
 *	instances_lock (mutex)	the list of instances
 *	ei->message_mutex	held by the sender of a message until the owner has answered
 *	ei->fetch_mutex		the array `fetched`
 *	ei->mutex		owner, batch, writesets, message, dead.  Never held over I/O,
 *				user memory, a lock of dm, or an allocation that may sleep
 *	ei->lock (spinlock)	queue, submit_list, state, counters
 *
 * ->map takes ei->lock only to hold a write.  While ->map spins on ei->lock, preemption is off, so
 * the time for which ei->lock is held must not grow with the number of bios.
 *
 * Memory reclaim may wait for the daemon.  So the ioctls allocate with GFP_NOIO, and nothing that a
 * commit waits for allocates memory in a way that may sleep.  Among the owner's ioctls, only
 * PREPARE_ERA makes an allocation that may sleep.  PREPARE_ERA holds no lock during this
 * allocation, so another thread can commit.
 *
 * A file calls only functions of files to its right:
 *	target, control, owner, era, detach, degrade, map, message, instance, writeset, writer,
 *	trace
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

/*
 * The comment of a field begins with the lock that protects the field.  "lock for writing": writers
 * hold ei->lock, readers use READ_ONCE() or RCU if they hold no lock.  "lock and mutex for
 * writing": writers hold both, and a reader may hold either.  Without a lock in its comment, a
 * field does not change after ctr, or has its own synchronization.
 */
struct erad_instance {
	struct list_head list;		/* instances_lock; entry in the list */
	/*
	 * One reference for the target, one for each instance fd, and one for each
	 * erad_instance_get().
	 */
	struct kref ref;
	u64 id;
	struct dm_target *ti;		/* not valid if `dead` is set, except in dm's callbacks */
	struct mapped_device *md;	/* only compared after ctr, never dereferenced */
	u32 dev;			/* number of the mapped device */
	struct dm_dev *origin;
	struct dm_dev *meta;		/* metadata device; NULL for "-" */
	/* Numbers of the devices; also valid after dtr has put the devices.  0 for "-". */
	dev_t origin_dev, meta_dev;
	u64 nr_sectors;
	u64 nr_blocks;
	u32 block_sectors;
	int block_shift;		/* log2 of the block size; -1: it is not a power of two */
	struct erad_writeset __rcu *current_ws;	/* mutex for writing; NULL before the first era */
	u32 detach_timeout;		/* in seconds */
	enum erad_detach_policy policy;
	u8 uuid[16];

	struct erad_record *record;	/* the degrade record; NULL without a metadata device */
	bool has_record;		/* mutex for writing; the last READY has passed a record */

	/* Every write on every CPU reads the fields above.  Each commit writes the fields below. */
	struct mutex mutex ____cacheline_aligned_in_smp;
	struct erad_writeset *prepared;	/* mutex; the writeset for the next era, or NULL */
	/* mutex for writing; the retired writeset whose writes are in flight, or NULL. */
	struct erad_writeset *draining;
	/* Two sets of counts.  A set that no writeset uses is zero. */
	struct erad_io_counts __percpu *counts;
	struct bio_list batch;		/* mutex; the writes of the outstanding batch */
	/* mutex for writing; id of the outstanding batch; 0: no batch is outstanding. */
	u64 batch_id;
	u64 last_batch_id;		/* mutex; id of the last batch */
	u32 batch_era;			/* mutex; the era in which the batch was fetched */
	bool owned;			/* mutex for writing; there is an owner */
	/* mutex; time of the last commit, by ktime; 0: no commit yet. */
	u64 last_commit_ns;
	struct {
		u64 id;			/* id of the message; 0: no message is under way */
		enum erad_message_type type;
		bool taken;		/* MESSAGE_GET has returned the message to the owner */
		bool done;		/* the owner has answered: result and era are set */
		int result;
		u32 era;
	} message;			/* mutex for writing; the message under way */
	u64 last_message_id;		/* mutex; id of the last message */
	bool suspending;		/* mutex for writing; true from presuspend to resume */
	bool dead;			/* mutex for writing; dtr has begun */

	/* Held by the sender of a message, so that only one message is under way. */
	struct mutex message_mutex;
	struct mutex fetch_mutex;	/* held by COMMIT_FETCH, for `fetched` */
	struct erad_range *fetched;	/* fetch_mutex; array of ERAD_MAX_RANGES entries */

	spinlock_t lock ____cacheline_aligned_in_smp;	/* ->map spins on this lock */
	enum erad_state state;		/* lock and mutex for writing; as in struct erad_info */
	bool resumed;			/* lock for writing; as ERAD_RESUMED in erad_info.status */
	u64 since_id;			/* lock; as in struct erad_info */
	u64 written_resumed, written_suspended;	/* lock; counters, as in struct erad_info */
	/* lock; a noflush suspend has begun, so writes go back to dm. */
	bool pushback;
	/* lock and mutex for writing; current_ws has all bits, and no write is held. */
	bool passing;
	/* lock, and also mutex to remove bios; the held writes that are not in a batch. */
	struct bio_list queue;
	struct bio_list submit_list;	/* lock; released writes that submit_work will submit */
	/* lock; number of bios in `queue`, and of bios that a fetch is examining. */
	u64 nr_queued;
	u64 nr_batch;			/* lock and mutex for writing; number of bios in batch */
	u64 held, released, requeued, failed, batches;	/* lock; totals for STATS */
	/* mutex; number of writes that were begun in writesets whose drains have ended. */
	u64 begun;
	u64 usage_used, usage_total, usage_root;	/* lock; numbers from ioctl USAGE */

	/* For poll(), NEW_ERA, DEGRADE, senders of messages, postsuspend and dtr. */
	wait_queue_head_t wait;
	/* Number of erad_instance_event() calls; poll() returns PRI if it has grown since INFO. */
	atomic_t events;

	struct workqueue_struct *wq;
	struct work_struct submit_work;
	struct work_struct count_work, reap_work;	/* work items of a drain */
	struct work_struct event_work;	/* dm_table_event(), in the system's workqueue */
	struct delayed_work detach_work;
};

/* Returns whether a message waits for MESSAGE_GET.  Any context. */
static inline bool erad_instance_has_message(const struct erad_instance *ei)
{
	return READ_ONCE(ei->message.id) && !READ_ONCE(ei->message.taken) &&
		!READ_ONCE(ei->message.done);
}

/*
 * Allocates an instance with one reference.  Returns NULL if there is no memory.  ctr adds the
 * values of the table line, the devices, the counts, the workqueue and the work items of other
 * files.
 */
struct erad_instance *erad_instance_alloc(struct dm_target *ti);

/*
 * erad_instance_register() sets ei->id, and adds the instance to the list.  EBUSY: the instance
 * conflicts with another instance, and *error is a constant string with the reason.
 * erad_instance_unregister() removes the instance from the list.
 */
int erad_instance_register(struct erad_instance *ei, char **error);
void erad_instance_unregister(struct erad_instance *ei);

/* Returns the current era, or 0 before the first era.  Any context. */
u32 erad_instance_era(struct erad_instance *ei);

/*
 * Increments erad_list.gen, and wakes all who poll the control node.  Call this after each change
 * that gen counts.
 */
void erad_instances_changed(void);
u64 erad_instances_gen(void);
extern struct wait_queue_head erad_instances_wait;

/*
 * Returns the instance with this id, or NULL.  The caller drops its reference to the instance with
 * erad_instance_put().
 */
struct erad_instance *erad_instance_get(u64 id);
void erad_instance_put(struct erad_instance *ei);

/*
 * Lists the instances whose id is larger than `after`, in ascending order of ids.  Fills in at most
 * cap entries of infos.  Returns the number of all these instances, which may be larger than cap.
 * May sleep.
 */
u32 erad_instances_list(u64 after, struct erad_info *infos, u32 cap);

/*
 * Returns erad_info.since_id for an instance that is being resumed for the first time.  written:
 * the mapped device's counter at this resume, as in erad_info.written_resumed.  May sleep.
 */
u64 erad_instances_unbroken_since(const struct erad_instance *ei, u64 written);

/*
 * Fills in the info, except info->h.  dtr must not free the current writeset during the call, so
 * the caller holds ei->mutex, or holds instances_lock while ei is on the list.
 */
void erad_instance_info(struct erad_instance *ei, struct erad_info *info);

/*
 * Call this after a change of a value that INFO returns.  Wakes the owner and all others who wait
 * for the instance.  Also queues a work item that increments dm's event counter.  Context:
 * ei->mutex while ei is not dead, or any context in which dtr cannot have ended.
 */
void erad_instance_event(struct erad_instance *ei);

/*
 * Logs that writes wait for an owner, at dm's limited rate.  Any context in which ei->ti is valid.
 */
void erad_warn_detached(struct erad_instance *ei);

/*
 * Changes the state, and wakes all who wait for a change.  If the state was ACTIVE, the caller must
 * call erad_message_end() after erad_instance_set_state().  Context: ei->mutex.
 */
void erad_instance_set_state(struct erad_instance *ei, enum erad_state state);

#endif /* ERAD_INSTANCE_H */
