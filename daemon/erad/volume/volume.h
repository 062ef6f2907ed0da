/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open volume: its metadata, its live target, and the threads that connect the two.
 *
 * Three threads belong to a volume.  The *volume thread* (commit.c) is the only thread that
 * attaches to instances, exchanges batches and eras with them, and marks blocks and begins eras in
 * the store.  The volume thread closes the store in the end.  Before the volume thread starts, the
 * thread that opens the volume may begin an era in the store.  The *fold thread* (fold.c) folds,
 * and gets memory for marks.  The *message thread* (message.c) carries out the messages of
 * device-mapper.  All other threads use the functions of the headers in this folder.
 *
 * The volume thread lives as long as a target with the volume's UUID exists or is expected.  When
 * the last target is gone, the thread closes the metadata, removes the volume from the registry,
 * and ends.
 *
 * Locks, outermost first: a claim on the name (registry.h), stores_lock (ops/image.c),
 * volume.snapshot_lock, volume.checkpoint_lock, volume.past_lock, volumes_lock (registry.c),
 * volume.lock, adopt_lock (adopt.c).  Several checkpoint_locks are taken in the order of the volumes'
 * names (checkpoint_together.c).  Do no I/O under the last three.  The module's ioctls, as erad
 * calls them, never wait for I/O, so they are allowed under all locks.
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
#include "erad/device/origin_reader.h"
#include "erad/device/place_peek.h"
#include "erad/module/control.h"
#include "erad/volume/table_note.h"
#include "store/store.h"

struct together;

enum checkpoint_phase {
	CHECKPOINT_NONE,
	CHECKPOINT_WANTED,	/* the checkpoint is requested; the volume thread has not begun */
	CHECKPOINT_FLIP,	/* the new era is durable; the target is still in the old era */
	CHECKPOINT_HELD,	/* the target is in the new era; not all volumes of `together` are */
	CHECKPOINT_DRAIN,	/* writes of the old era are in flight */
	CHECKPOINT_DONE,	/* the checkpoint has ended, and result is valid */
};

struct checkpoint {
	enum checkpoint_phase phase;
	/*
	 * Whether a snapshot of the earlier eras is requested, and whether it is a lasting one: see
	 * store_begin_snapshot().
	 */
	bool snapshot, lasts;
	/*
	 * The checkpoint of several volumes of which this one is a part, and the volume's number in
	 * it: see together.h.  NULL: this volume only.
	 */
	struct together *together;
	unsigned int member;
	/*
	 * The target is in an unexpected era: prepare its next era, and request the checkpoint once
	 * more.
	 */
	bool again;
	uint32_t from, to;
	uint32_t prepared;		/* the era for which the target has memory */
	struct mirror_map map;		/* BPF map for the new era */
	int result;
	struct err err;
};

/* A message of device-mapper to an instance. */
struct message {
	/* The instance, and the id of the message.  id 0: there is no message. */
	uint64_t instance_id, id;
	uint32_t type;
};

struct volume {
	/* These are set before the volume is in the registry, then constant. */
	char name[ERAD_NAME_MAX + 1];
	char *origin, *metadata;	/* paths, as in eratab */
	uint8_t uuid[16];		/* UUID in the target's table; zeros: the table has none */
	/*
	 * Metadata device in the table of a target that the adopter has found; 0: none, or a file.
	 */
	dev_t meta_dev;
	bool may_format;		/* if the metadata device is blank (all zeros), format it */
	int event_fd;			/* wakes the volume thread */

	struct volume *next;		/* volumes_lock; the next volume of the registry */
	/*
	 * volumes_lock; digest of the instances that the volume thread has read.  0: the thread is
	 * reading the list now.
	 */
	uint64_t seen;
	/* volumes_lock; busy_since of the write that volumes_hang() has found last. */
	uint64_t hang_found;
	/* volumes_lock; digest of the volume's instances in the list of volumes_changed(). */
	uint64_t listed;
	atomic_uint refs;
	pthread_mutex_t checkpoint_lock;	/* held by the thread that requests a checkpoint */
	/* Held, also during I/O, by the thread that takes or drops the snapshot. */
	pthread_mutex_t snapshot_lock;
	/*
	 * Held by a thread that records which holders of the origin it has found (see past.h), also
	 * while this thread writes to the metadata.
	 */
	pthread_mutex_t past_lock;
	/*
	 * Changes when a thread begins to record what it has found at a look, and when
	 * past_image_leaves() is called.
	 */
	atomic_uint past_looks;
	atomic_bool refuse_gap;		/* the open fails if the first activation finds a gap */
	/* How many requests wait for an era to begin: see volume_may_wait(). */
	atomic_uint waiting;
	/* snapshot_lock; there is a snapshot for a reader, which is not a lasting snapshot. */
	bool pinned;

	/*
	 * Protects the fields from here up to `checkpoint`.  The volume thread need not take the
	 * lock to read a field that no other thread changes at that time.
	 */
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* signalled when one of these fields has changed */
	dev_t dev;			/* number of the mapped device; 0: not known yet */
	/* Where the path of the metadata led when it was looked up; not `exists`: not known. */
	struct peek place;
	struct store *store;		/* NULL: not open yet, or closed already */
	unsigned int store_users;	/* number of references of volume_store_get() */
	int fd;				/* attached instance; -1: not attached */
	/*
	 * A checkpoint is in PREPARE_ERA, with a duplicate of fd, so the instance stays owned if fd
	 * is closed.
	 */
	bool preparing;
	struct erad_info info;		/* last known state of the instance */
	/*
	 * The origin of the instance.  While the volume has an image, this is the device beneath the
	 * image, and not the device in `info`: see common/image.h.
	 */
	dev_t origin_dev;
	dev_t leaving_image, leaving_image_origin; /* see past_image_leaves() */
	bool ready;			/* the instance at fd serves writes */
	bool settled;			/* the first attempt to attach has ended */
	bool expected;			/* wait for a target that is about to be made */
	bool stop;			/* the volume thread must detach and end */
	bool ending;			/* the volume thread has begun to end */
	bool ended;			/* the volume thread has ended */
	/*
	 * 0, or a negative errno: why the metadata was not closed cleanly.  Valid when `ended` is
	 * true.
	 */
	int close_code;
	struct err close_err;		/* the message for close_code */
	bool fold_stop, message_stop;
	/* The fold thread must check that the metadata file is still at its path. */
	bool home_asked;
	/* The fold thread must look at the holders of the origin. */
	bool past_asked;
	struct message message;		/* the next message of device-mapper */
	const char *counted_state;	/* state at the last call of volume_count_states() */
	unsigned int state_changes;
	/* The target let all writes pass when the volume thread last listed the instances. */
	bool passing;
	struct trouble attach_trouble, mark_trouble, fold_trouble, home_trouble, past_trouble, degrade_trouble;
	struct checkpoint checkpoint;

	/* volume_kick() was called, and the volume thread has not looked at its instances since. */
	atomic_bool attention;
	/*
	 * A fold or memory for marks is wanted.  fold_ask() takes the lock only if the flag was not
	 * set, so most commits do not take the lock.
	 */
	atomic_bool fold_asked;
	/*
	 * When the current write to the metadata began, by thread_now_ms().  0: there is no write,
	 * or the metadata is known not to work.
	 */
	atomic_ullong busy_since;

	/*
	 * Only the volume thread uses the fields below.  Before the volume thread starts, the
	 * thread that opens the volume uses them.
	 */
	pthread_t fold_thread, message_thread;
	bool fold_running, message_running;
	/* Times at which the volume thread must act, by thread_now_ms().  UINT64_MAX: never. */
	uint64_t look_at;		/* look at the instances */
	uint64_t retry_at;		/* try to record the batch again */
	uint64_t roll_at;		/* continue the checkpoint */
	uint64_t degraded_at;		/* call degraded_step() */
	/* State of the instance at the last failed attempt to attach. */
	struct erad_info tried;
	/* When to try again, by thread_now_ms(); at once if this state or refuse_gap changes. */
	uint64_t try_at;
	bool tried_refusing;		/* refuse_gap at the last failed attempt to attach */
	/* Note of the last instance, which is gone.  version 0: there is no note. */
	struct table_note left;
	uint64_t diskseq;		/* diskseq of the mapped device; 0: not known */
	/* The mapped device existed when the last instance had gone. */
	bool lived_on;
	/*
	 * asked_identity: the last question about the identity of the origin.  asked: the last question
	 * about its content.  Each attempt to attach asks both, and may use a late answer to each.
	 */
	struct origin_asked asked_identity, asked;
	struct origin_count end_count;	/* counter of the origin when the mapped device had gone */
	/* The origin has been compared, so writes may have been let through. */
	bool begun;
	uint64_t batch;			/* batch that was fetched and is not committed; 0: none */
	/*
	 * Number of ranges in `range`: of this batch, or of the batch that could not be recorded.
	 */
	unsigned int nr;
	bool activated;			/* the metadata contains the timeline of this activation */
	/* No batch is fetched or committed, until all volumes of checkpoint.together have flipped. */
	bool holds;
	/* The instance is FAILED.  `range` contains the ranges to record before the next attach. */
	bool failed;
	struct erad_range range[ERAD_MAX_RANGES];
	/* the headers of its parts say what other threads may read */
	struct shown shown;
};

/*
 * Makes a volume without a thread, and with one reference, which the caller owns.  On success, the
 * volume owns the store.  store NULL: the volume thread opens the store.
 */
int volume_new(const char *name, const char *origin, const char *metadata,
	       const uint8_t uuid[16], struct store *store, struct volume **out,
	       struct err *err);
struct volume *volume_ref(struct volume *v);
void volume_unref(struct volume *v);

/*
 * Sets whether the volume thread waits for a target that is about to be made: see volume_start().
 */
void volume_expect(struct volume *v, bool expected);

/* Wakes the volume thread to look at its instances.  Any thread may call this, under any lock. */
void volume_kick(struct volume *v);

/*
 * Tells the volume thread to detach from the target and to end.  The target stays.  Does not wait.
 */
void volume_stop(struct volume *v);

/*
 * Waits until the volume's first attempt to attach has ended.  Returns 0 if the volume serves
 * writes, an error if it could not attach, or ETIMEDOUT after ms milliseconds.
 */
int volume_wait_settled(struct volume *v, unsigned int ms, struct err *err);

/*
 * Allows an attach that has failed because of gap=refuse.  Does not wait; see
 * volume_wait_settled().
 */
void volume_accept_gap(struct volume *v);

/*
 * Waits until the volume serves a table of this length, which the caller has put into use.
 * trouble_ms: attach_trouble.since_ms, as the caller has read it before it changed the table.  If
 * that trouble lasts, it is reported only after ms milliseconds; a newer trouble is reported at
 * once.  ETIMEDOUT: there is no trouble, but the volume does not serve the new table after ms
 * milliseconds.
 */
int volume_wait_size(struct volume *v, uint64_t nr_sectors, uint64_t trouble_ms, unsigned int ms,
		     struct err *err);

/*
 * Waits until the volume serves another instance than this one, whose table the caller has replaced.
 * Fails in the same way as volume_wait_size().
 */
int volume_wait_other(struct volume *v, uint64_t instance_id, uint64_t trouble_ms, unsigned int ms, struct err *err);

/* Waits until the volume thread has ended.  Returns false after ms milliseconds. */
bool volume_wait_ended(struct volume *v, unsigned int ms);

/*
 * Returns the store for reading, or NULL if it is not open.  The store stays open until
 * volume_store_put().  A caller that reads for long must check volume_closing() from time to time.
 */
struct store *volume_store_get(struct volume *v);
void volume_store_put(struct volume *v);

/* Makes the error for a volume_store_get() that has returned NULL.  Returns EAGAIN. */
int volume_store_missing(struct err *err);
/* Returns whether the volume has no store: it is being closed, or its store is not open yet. */
bool volume_closing(struct volume *v);

/*
 * Checks that the volume serves a target that still exists and does not let all writes pass.  If
 * so, the store has recorded all writes that have completed.  EAGAIN, with a sentence that names
 * the state of the volume: writes may have gone past erad, and erad has not compared the counters
 * and the origin yet, or has not recorded the gap.  Call this after volume_store_get(), and before
 * a reader sends the current eras of the blocks.  Takes v->lock.  Waits for a second before it
 * returns EAGAIN, because each reload of the table makes erad attach again.
 */
int volume_check_compared(struct volume *v, struct err *err);

/*
 * Returns whether every write of the eras before `era` has completed, and every later write is
 * recorded in `era` or a later era.  Only then, a copy that is made from now on, and the token of
 * `era`, may be the base of an increment.  The metadata begins an era before the target does: until
 * the target has drained the era before, a write of that era may still complete.  Asks the target.
 * Context: v->lock.
 */
bool volume_era_is_complete(const struct volume *v, uint32_t era);

/*
 * Removes the store from the volume, waits until no other thread uses it, and returns it.  Returns
 * NULL if the volume has no store.
 */
struct store *volume_store_take(struct volume *v);

/*
 * Returns "loading", "active", "degraded", "failed" or "detached".  Sets *error, unless error is
 * NULL, to the message of the current trouble, or to "".  Context: v->lock.
 */
const char *volume_state(const struct volume *v, struct err *error);

/*
 * Counts a change of the state since the last call.  Returns how often the state has changed since
 * the volume was opened.  Call this after setting a field on which volume_state() depends, before
 * releasing v->lock: then even a state that ends at once is counted.  Context: v->lock.
 */
unsigned int volume_count_states(struct volume *v);

/* Returns whether i is an instance of this volume.  Takes v->lock. */
bool volume_owns(struct volume *v, const struct erad_info *i);

/*
 * Reports to the target how full the metadata is, and whether there is a snapshot.  Takes v->lock.
 */
void volume_usage(struct volume *v);

#endif /* ERAD_VOLUME_H */
