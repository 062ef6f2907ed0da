/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open volume: its metadata, its live target, and the threads that connect the two.
 *
 * Three threads belong to a volume.  The *volume thread* (commit.c) is the only thread that
 * attaches to instances, that exchanges batches and eras with them, and that marks and begins eras
 * in the store; it closes the store in the end.  The *fold thread* (fold.c) folds, and gets memory
 * for marks.  The *message thread* (message.c) carries out the messages of device-mapper.  All
 * other threads use the functions of the headers in this folder.
 *
 * The volume thread lives as long as a target with the volume's UUID exists or is about to be made.
 * When the last target is gone, the thread closes the metadata, removes the volume from the
 * registry, and ends.
 *
 * Locks, outermost first: a claim on the name (registry.h), volume.snapshot_lock,
 * volume.checkpoint_lock, volumes_lock (registry.c), volume.lock.  Do no I/O under the last two.
 * The module's ioctls never wait for I/O, so they are allowed under all locks.
 */
#ifndef ERAD_VOLUME_H
#define ERAD_VOLUME_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/protocol.h"
#include "erad/base/trouble.h"
#include "erad/bpf/shown.h"
#include "erad/module/control.h"
#include "erad/volume/table_note.h"
#include "store/store.h"

enum checkpoint_phase {
	CHECKPOINT_NONE,
	CHECKPOINT_WANTED,	/* the checkpoint is requested; the volume thread has not begun */
	CHECKPOINT_FLIP,	/* the new era is durable; the target is still in the old era */
	CHECKPOINT_DRAIN,	/* writes of the old era are in flight */
	CHECKPOINT_DONE,	/* the checkpoint has ended, and result is valid */
};

struct checkpoint {
	enum checkpoint_phase phase;
	bool snapshot, lasts;		/* whether a snapshot of the earlier eras is requested, and whether it lasts: see store_begin_snapshot() */
	bool again;			/* the target is in an unexpected era: prepare its next era, and request again */
	uint32_t from, to;
	uint32_t prepared;		/* the era for which the target has memory */
	struct mirror_map map;		/* BPF map for the new era */
	int result;
	struct err err;
};

/* A message of device-mapper to an instance. */
struct message {
	uint64_t instance_id, id;	/* instance, and id of the message; id 0: there is no message */
	uint32_t type;
};

struct volume {
	/* These are set before the volume is in the registry, then constant. */
	char name[ERAD_NAME_MAX + 1];
	char *origin, *metadata;	/* paths, as eratab has them */
	uint8_t uuid[16];		/* UUID in the target's table; zeros: the table names none */
	dev_t meta_dev;			/* the target's metadata device, if erad has not made the target */
	bool may_format;		/* if the metadata device is all zeros, write new metadata to it */
	int event_fd;			/* wakes the volume thread */

	struct volume *next;		/* volumes_lock; the next volume of the registry */
	uint64_t seen;			/* volumes_lock; digest of the instances that the volume thread has read; 0: it is reading now */
	uint64_t listed;		/* volumes_lock; digest of the volume's instances in the list of volumes_changed() */
	atomic_uint refs;
	pthread_mutex_t checkpoint_lock;	/* held by the thread that requests a checkpoint */
	pthread_mutex_t snapshot_lock;	/* held over I/O by the thread that takes or drops the snapshot */
	atomic_bool refuse_gap;		/* if the first activation finds a gap, the open fails */
	atomic_uint waiting;		/* how many requests wait for an era to begin: see volume_may_wait() */
	bool pinned;			/* snapshot_lock; a reader owns the snapshot, which does not last */

	pthread_mutex_t lock;		/* protects the fields from here to `checkpoint` */
	pthread_cond_t changed;		/* signalled when one of these fields has changed */
	dev_t dev;			/* number of the mapped device; 0: not known yet */
	struct store *store;		/* NULL: not open yet, or closed already */
	unsigned int store_users;	/* number of references of volume_store_get() */
	int fd;				/* attached instance; -1: not attached */
	bool preparing;			/* a checkpoint is in PREPARE_ERA, with a duplicate of fd, so that the instance stays owned */
	struct erad_info info;		/* last known state of the instance */
	bool ready;			/* whether the instance at fd serves writes */
	bool settled;			/* whether the first attempt to attach has ended */
	bool expected;			/* whether to wait for a target that is about to be made */
	bool stop;			/* whether the volume thread must detach and end */
	bool ended;			/* whether the volume thread has ended */
	int close_code;			/* why the metadata was not closed cleanly: a negative errno or 0 … */
	struct err close_err;		/* … and a sentence; both are valid when `ended` is true */
	bool fold_stop, message_stop;
	bool home_asked;		/* whether the fold thread must check that the metadata is still in its place */
	struct message message;		/* the next message of device-mapper */
	const char *counted_state;	/* state at the last call of volume_count_states() */
	unsigned int state_changes;
	bool passing;			/* whether a target of the volume, when last seen, let all writes pass */
	struct trouble attach_trouble, mark_trouble, fold_trouble, home_trouble, degrade_trouble;
	struct checkpoint checkpoint;

	atomic_bool attention;		/* whether the volume thread must look at everything: see volume_kick() */
	atomic_bool fold_asked;		/* whether a fold is wanted; set without the lock, which the commit path must not take */
	atomic_ullong busy_since;	/* when the current write to the metadata began, in ms; 0: there is none, or it is known that writes fail */

	/* Only the volume thread uses the fields below. */
	pthread_t fold_thread, message_thread;
	bool fold_running, message_running;
	/* The next times of the volume thread, as thread_now_ms() returns them.  UINT64_MAX: never. */
	uint64_t look_at;		/* when to look at the instances */
	uint64_t retry_at;		/* when to try the batch again */
	uint64_t roll_at;		/* when to continue the checkpoint */
	uint64_t degraded_at;		/* when to call degraded_step(), in ms; UINT64_MAX: never */
	struct erad_info tried;		/* state of the instance at the last failed attempt to attach … */
	uint64_t try_at;		/* … and when to try again, if this state and refuse_gap have not changed */
	bool tried_refusing;		/* refuse_gap at the last failed attempt to attach */
	struct table_note left;		/* note of the last instance, which is gone; version 0: there is none */
	uint64_t diskseq;		/* diskseq of the mapped device; 0: not known */
	bool lived_on;			/* whether the mapped device existed when the last instance had gone */
	struct origin_count end_count;	/* counter of the origin when the mapped device had gone */
	bool begun;			/* whether the origin has been compared, so that writes may have been let through */
	uint64_t batch;			/* batch that was fetched and is not committed; 0: none */
	unsigned int nr;		/* number of ranges of this batch, or of the batch that has failed */
	bool activated;			/* whether the metadata has the timeline of this activation */
	bool failed;			/* whether the instance is FAILED; then the ranges are those to try next */
	struct erad_range range[ERAD_MAX_RANGES];
	struct shown shown;		/* its header says which of its fields are under the lock */
};

/*
 * Makes a volume with one reference, the caller's, and no thread.  On success, the volume owns the
 * store.  store NULL: the volume thread opens the store.
 */
int volume_new(const char *name, const char *origin, const char *metadata,
	       const uint8_t uuid[16], struct store *store, struct volume **out,
	       struct err *err);
struct volume *volume_ref(struct volume *v);
void volume_unref(struct volume *v);

/* Sets whether a target is about to be made: see volume_start(). */
void volume_expect(struct volume *v, bool expected);

/* Wakes the volume thread to look at its instances.  Any thread may call this, under any lock. */
void volume_kick(struct volume *v);

/* Tells the volume thread to detach from the target, which goes on.  Does not wait. */
void volume_stop(struct volume *v);

/*
 * Waits until the volume has attached for the first time.  Returns 0, or an error if it could not
 * attach, or ETIMEDOUT after ms milliseconds.
 */
int volume_wait_settled(struct volume *v, unsigned int ms, struct err *err);

/* Opens a volume that could not attach because of gap=refuse.  Does not wait; see volume_wait_settled(). */
void volume_accept_gap(struct volume *v);

/*
 * Waits until the volume serves a table of this length; the caller has put the table into use.
 * Fails at once with a new attach error.  An error that already existed at trouble_ms is reported
 * only if it still exists after ms milliseconds.  ETIMEDOUT: there is no error, but the volume does
 * not serve the new table after ms milliseconds.
 */
int volume_wait_size(struct volume *v, uint64_t nr_sectors, uint64_t trouble_ms, unsigned int ms,
		     struct err *err);

/* Waits until the volume thread has ended.  Returns false after ms milliseconds. */
bool volume_wait_ended(struct volume *v, unsigned int ms);

/*
 * Returns the store for reading, or NULL if it is not open.  The store stays open until
 * volume_store_put().  A caller that reads for long must check volume_closing() from time to time.
 */
struct store *volume_store_get(struct volume *v);
void volume_store_put(struct volume *v);

/* Writes the sentence for a volume_store_get() that has returned NULL.  Returns EAGAIN. */
int volume_store_missing(struct err *err);
bool volume_closing(struct volume *v);
/*
 * Removes the store from the volume, waits for its other users, and returns it.  Returns NULL if
 * the volume has no store.
 */
struct store *volume_store_take(struct volume *v);

/*
 * Returns "loading", "active" and so on.  error, unless NULL, receives the sentence of the current
 * trouble, or "".  Context: v->lock.
 */
const char *volume_state(const struct volume *v, struct err *error);

/*
 * Counts a change of the state since the last call, and returns how often the state has changed
 * since the volume was opened.  If a caller sets a field on which volume_state() depends, it must
 * call this before it releases v->lock: so even a state that ends at once is counted.  Context:
 * v->lock.
 */
unsigned int volume_count_states(struct volume *v);

/* Returns whether i is an instance of this volume.  Takes v->lock. */
bool volume_owns(struct volume *v, const struct erad_info *i);

/* Reports to the target how full the metadata is, and whether there is a snapshot.  Takes v->lock. */
void volume_usage(struct volume *v);

#endif /* ERAD_VOLUME_H */
