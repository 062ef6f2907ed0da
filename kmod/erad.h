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
#ifndef ERAD_H
#define ERAD_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "erad_uapi.h"

struct erad_instance;
struct erad_record;

/*
 * Writes on their way to the origin, by the CPU that saw them begin or end.  An
 * instance has two such sets of counts: one for the current writeset, and one for
 * the writeset that drains.
 */
struct erad_passage {
	u64 in, out;
};

/*
 * One bit a block, in pages of PAGE_SIZE * 8 bits.  A page that was never set
 * is NULL; one that was set in one piece is the shared page of ones.  Bits
 * are only ever set, by one writer at a time; readers need nothing but RCU.
 */
struct erad_writeset {
	struct erad_passage __percpu *passage;	/* one of the instance's; NULL until it is current */
	bool draining;			/* what ends from now on counts in `left` */
	atomic64_t left;		/* writes on their way, once the drain has added them up */
	struct work_struct drain;	/* adds them up */
	struct work_struct reap;	/* frees it when there are none */
	struct erad_instance *ei;
	u32 era;
	u64 nr_blocks;
	u64 nr_pages;			/* entries of dir */
	u64 nr_allocated;		/* of them with a page of their own */
	unsigned long *dir[];
};

#define ERAD_BITS_PER_PAGE	((u64)PAGE_SIZE * BITS_PER_BYTE)

/* Module-wide page of ones. */
int erad_writeset_init(void);
void erad_writeset_exit(void);

/* Largest number of blocks that erad_writeset_alloc() takes. */
u64 erad_writeset_max_blocks(void);

/*
 * NULL if there is no memory.  ei is only stored.  May sleep for as long as the
 * machine is short of memory, so the caller holds no lock that a commit takes.
 */
struct erad_writeset *erad_writeset_alloc(struct erad_instance *ei, u64 nr_blocks, u32 era);

/* No write may be on its way by ws, and nobody in an RCU section that saw it.  NULL is fine. */
void erad_writeset_free(struct erad_writeset *ws);

/*
 * A write goes to the origin by ws.  In the RCU section that found ws to be the
 * current one, or under ei->mutex while it is.
 */
static inline void erad_writeset_enter(struct erad_writeset *ws)
{
	this_cpu_inc(ws->passage->in);
}

/* The last one has ended.  Any context. */
void erad_writeset_drained(struct erad_writeset *ws);

/* It has ended.  Any context.  ws may be gone afterwards. */
static inline void erad_writeset_leave(struct erad_writeset *ws)
{
	rcu_read_lock_sched();
	if (likely(!READ_ONCE(ws->draining)))
		this_cpu_inc(ws->passage->out);
	else if (atomic64_dec_and_test(&ws->left))
		erad_writeset_drained(ws);
	rcu_read_unlock_sched();
}

/* How many writes have entered so far.  0 for NULL. */
u64 erad_writeset_entered(const struct erad_writeset *ws);

/*
 * Under ei->mutex, with no writeset draining: gives ws, which is about to replace
 * `old` as the current writeset, the set of counts that `old` does not use.
 */
void erad_writeset_begin(struct erad_writeset *ws, const struct erad_writeset *old);

/*
 * Under ei->mutex: ws is not current any more.  When the last write by it has
 * ended, it is freed and ei->draining is NULL again.
 */
void erad_writeset_drain(struct erad_writeset *ws);

/* First block of first … last that is not set, or last + 1. */
u64 erad_writeset_next_missing(struct erad_writeset *ws, u64 first, u64 last);

/* Whether all of first … last are set; most writes are of one block, for which it is quick. */
static inline bool erad_writeset_has(struct erad_writeset *ws, u64 first, u64 last)
{
	const unsigned long *bits;

	if (first != last)
		return erad_writeset_next_missing(ws, first, last) > last;
	bits = READ_ONCE(ws->dir[first / ERAD_BITS_PER_PAGE]);
	return bits && test_bit(first % ERAD_BITS_PER_PAGE, bits);
}

/*
 * Returns how many bits were clear and are set now.  May be scheduled away, but does
 * not wait for memory: if a page cannot be allocated, its bits stay clear, and the
 * next write to those blocks is held and recorded again.
 */
u64 erad_writeset_set(struct erad_writeset *ws, u64 first, u64 last);

/* Sets all bits.  Allocates nothing. */
void erad_writeset_fill(struct erad_writeset *ws);

u64 erad_writeset_bytes(const struct erad_writeset *ws);

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

	/* Each commit writes what follows; what comes before is read by each write on each CPU. */
	struct mutex mutex ____cacheline_aligned_in_smp;
	struct erad_writeset *prepared;	/* mutex */
	struct erad_writeset *draining;	/* mutex for writing; one at a time */
	struct erad_passage __percpu *passage;	/* two; that of no writeset is zero */
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

	spinlock_t lock ____cacheline_aligned_in_smp;	/* ->map spins on it */
	enum erad_state state;		/* lock, and mutex for writing */
	bool resumed;			/* lock */
	bool pushback;			/* lock; a noflush suspend is on */
	bool passing;			/* lock, and mutex for writing; current_ws has all bits, nothing is held */
	struct bio_list queue;		/* lock; and mutex to take bios off it */
	struct bio_list release;	/* lock */
	u64 nr_queued;			/* lock; those that a fetch looks at are on no list */
	u64 nr_batch;			/* lock */
	u64 held, released, requeued, failed, batches;	/* lock */
	u64 entered;			/* mutex; total of the writesets that have been freed */
	u64 usage_used, usage_total, usage_root;	/* lock */

	wait_queue_head_t wait;		/* pollers, drain waiters, a message's sender */
	atomic_t events;		/* grows with everything that is POLLPRI */

	struct workqueue_struct *wq;
	struct work_struct release_work;
	struct work_struct event_work;	/* in the system's workqueue, not in wq */
	struct delayed_work detach_work;
};

/* For statistics: nothing else goes by it. */
struct erad_writer {
	u64 cgroup;			/* id, in the default hierarchy; 0: not known */
	char comm[TASK_COMM_LEN];	/* padded with zeros */
};

static inline bool erad_writer_is_same(const struct erad_writer *a, const struct erad_writer *b)
{
	return a->cgroup == b->cgroup && !memcmp(a->comm, b->comm, sizeof(a->comm));
}

/* dm does not zero it. */
struct erad_per_bio {
	struct erad_writeset *ws;	/* by which it goes to the origin, or NULL; set for
					 * every bio but reads: end_io sees them all
					 */
	u64 held_ns;			/* ktime when it was queued; from here on, of held ones */
	struct erad_writer writer;
};

/* instance.c */

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
 * Changes the state and tells everybody.  Under ei->mutex.  With FAILED,
 * everything that is held moves to `failed`, for erad_bios_end().
 */
void erad_instance_set_state(struct erad_instance *ei, enum erad_state state,
			     struct bio_list *failed);

/* Under ei->mutex, DETACHED: starts the time after which detach_policy acts. */
void erad_instance_detached(struct erad_instance *ei);

/* map.c: the path of a write */

int erad_map(struct dm_target *ti, struct bio *bio);
int erad_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);
void erad_release_work(struct work_struct *work);

/* Both under ei->mutex, for the ioctl of the same name; errors as there. */
int erad_commit(struct erad_instance *ei, u64 batch, u32 status, struct bio_list *failed);
u32 erad_fetch(struct erad_instance *ei, struct erad_range *ranges, u32 max);

/* Under ei->mutex: the outstanding batch, if any, goes back to the head of the queue. */
void erad_batch_return(struct erad_instance *ei);

/* Under ei->mutex: takes everything that is held off the instance. */
u32 erad_held_take(struct erad_instance *ei, struct bio_list *bios);

/* Ends bios that are on no list of an instance.  No locks held. */
void erad_bios_end(struct bio_list *bios, blk_status_t status);

/* Under ei->mutex, and all bits of the current writeset are set: releases everything that is held. */
void erad_held_release(struct erad_instance *ei);

/* How long the oldest held write waits, ns; 0 if there is none.  Under ei->mutex. */
u64 erad_oldest_held(struct erad_instance *ei);

/* writer.c: for a bio that the current task has just submitted */
void erad_writer_note(struct erad_writer *w, struct bio *bio);

/* message.c: what device-mapper is told, for the owner */

int erad_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		 unsigned int maxlen);

/* Whether one waits for MESSAGE_GET.  No lock. */
bool erad_message_waits(const struct erad_instance *ei);

/* Under ei->mutex: answers the message that is under way, if any, and wakes its sender. */
void erad_message_end(struct erad_instance *ei, int result, u32 era);

/* degrade.c: the degrade record */

/* From ctr: for a metadata device that ei has opened.  Frees nothing on failure; NULL is fine. */
int erad_record_alloc(struct erad_instance *ei);
void erad_record_free(struct erad_record *rec);

/*
 * Under ei->mutex, while LOADING: copies what READY brings; content NULL: there is no
 * record.  EINVAL if the metadata device has no such sector, or if there is none.
 */
int erad_record_set(struct erad_instance *ei, const u8 *content, u64 sector);

/* Whether there is a record, and whether it is being written.  No lock. */
bool erad_degrade_possible(const struct erad_instance *ei);
bool erad_degrade_busy(const struct erad_instance *ei);

/* Under ei->mutex: writes the record if detach_policy says that it is time, or comes back when it is. */
void erad_degrade_look(struct erad_instance *ei);

/* Ioctl DEGRADE; errors as there.  Waits for the write of the record. */
int erad_degrade_now(struct erad_instance *ei);

/* Under ei->mutex: a record that is being written has no effect on this instance any more. */
void erad_degrade_cancel(struct erad_instance *ei);

/* owner.c: ioctl ATTACH */
int erad_owner_attach(void __user *arg);

/* control.c */
int erad_control_init(void);
void erad_control_exit(void);

#endif /* ERAD_H */
