/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open volume: its metadata, its live target, and the threads that connect the two.
 *
 * Three threads belong to a volume.  The *volume thread* (commit.c) is the only one that attaches
 * to instances, that exchanges batches and eras with them, and that marks and begins eras in the
 * store; it closes the store in the end.  The *fold thread* (fold.c) folds, and gets memory for
 * marks.  The *message thread* (message.c) carries out the messages of device-mapper.  All other
 * threads use the functions of the headers in this folder.
 *
 * The volume thread lives as long as a target with the volume's UUID exists or is about to be made.
 * When the last target is gone, the thread closes the metadata, removes the volume from the
 * registry, and ends.
 *
 * Locks, outermost first: a claim on the name (registry.h), volume.snapshot_lock,
 * volume.checkpoint_lock, volumes_lock (registry.c), volume.lock.  Do no I/O under the last two.
 * The module's ioctls never wait for I/O, so they are allowed there.
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
#include "erad/volume/away.h"
#include "store/store.h"

enum checkpoint_phase {
	CHECKPOINT_NONE,
	CHECKPOINT_WANTED,	/* the volume thread has not begun */
	CHECKPOINT_FLIP,	/* the new era is durable, the target is still in the old one */
	CHECKPOINT_DRAIN,	/* writes of the old era are in flight */
	CHECKPOINT_DONE,	/* result is valid */
};

struct checkpoint {
	enum checkpoint_phase phase;
	bool snapshot, lasts;		/* a snapshot of the eras before it, and its kind; see store_begin_snapshot() */
	bool again;			/* the target is in another era than prepared for: prepare the next one, and ask again */
	uint32_t from, to;
	uint32_t prepared;		/* the era that the target has memory for */
	struct mirror_map map;		/* for the new era */
	int result;
	struct err err;
};

/* A message of device-mapper to an instance. */
struct message {
	uint64_t instance_id, id;	/* id 0: there is no message */
	uint32_t type;
};

struct volume {
	/* Set before the volume is in the registry, then constant. */
	char name[ERAD_NAME_MAX + 1];
	char *origin, *metadata;	/* paths, as eratab has them */
	uint8_t uuid[16];		/* UUID that the target's table names; zeros: the table names none */
	dev_t meta_dev;			/* the target's metadata device, if erad has not made the target */
	bool may_format;		/* if the metadata device is all zeros, write new metadata to it */
	int event_fd;			/* wakes the volume thread */

	struct volume *next;		/* under volumes_lock */
	uint64_t seen;			/* under volumes_lock: digest of the instances that it has seen last; 0: it is looking */
	uint64_t listed;		/* under volumes_lock: digest of its instances in the list of volumes_changed() */
	atomic_uint refs;
	pthread_mutex_t checkpoint_lock;	/* one checkpoint is requested at a time */
	pthread_mutex_t snapshot_lock;	/* one thread at a time takes or drops the snapshot; held over I/O */
	atomic_uint waiting;		/* requests that wait for an era to begin; see volume_may_wait() */
	bool pinned;			/* under snapshot_lock: a reader owns the snapshot, which does not last */

	pthread_mutex_t lock;		/* protects the fields below, up to the next comment about it */
	pthread_cond_t changed;		/* signalled when some of these fields have changed */
	dev_t dev;			/* number of the mapped device; 0: not known yet */
	struct store *store;		/* NULL: not open yet, or closed already */
	unsigned int store_users;	/* references of volume_store_get() */
	int fd;				/* fd of the attached instance; -1: not attached */
	bool preparing;			/* a checkpoint is in PREPARE_ERA, with a duplicate of fd, which keeps the instance owned */
	struct erad_info info;		/* last known state of the instance */
	bool ready;			/* the instance at fd serves writes */
	bool settled;			/* the first attempt to attach has ended */
	bool expected;			/* a target is about to be made: wait for it */
	bool stop;			/* let go of the target and end */
	bool ended;			/* the volume thread has ended */
	int close_code;			/* 0, or why the metadata was not closed cleanly … */
	struct err close_err;		/* … and a sentence; both are set when it has ended */
	bool fold_stop, message_stop;
	bool home_asked;		/* the fold thread is to check whether the metadata is still in its place */
	struct message message;		/* the next message to carry out */
	const char *counted_state;	/* at the last call of volume_count_states() */
	unsigned int state_changes;
	bool passing;			/* a target of the volume, when last seen, lets all writes pass */
	struct trouble attach_trouble, mark_trouble, fold_trouble, home_trouble, degrade_trouble;
	struct checkpoint checkpoint;

	atomic_bool attention;		/* the volume thread is to look at everything; see volume_kick() */
	atomic_bool fold_asked;		/* set without the lock, so that the commit path need not take the lock */
	atomic_ullong busy_since;	/* ms, when the current write to the metadata began; 0: there is none, or a known trouble */

	/* The fields below belong to the volume thread. */
	pthread_t fold_thread, message_thread;
	bool fold_running, message_running;
	uint64_t look_at, retry_at, roll_at;	/* ms, when to do this; UINT64_MAX: never */
	uint64_t degraded_at;		/* ms, when to call degraded_step(); UINT64_MAX: never */
	struct erad_info tried;		/* state of the instance at the last failed attempt to attach … */
	uint64_t try_at;		/* … and when to try again, if this state has not changed */
	struct away left;		/* counters of the last instance that has gone; version 0: none has gone */
	uint64_t diskseq;		/* of the mapped device; 0: not known */
	bool begun;			/* the origin has been compared, and writes may have been let through since */
	uint64_t batch;			/* fetched batch that is not committed; 0: none */
	unsigned int nr;		/* number of the ranges of this batch, or of the batch that failed */
	bool activated;			/* the timeline of this activation is in the metadata */
	bool failed;			/* the instance is FAILED; the ranges are those to try next */
	struct erad_range range[ERAD_MAX_RANGES];
	struct shown shown;		/* the headers say which fields are under the lock */
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

/* Sets whether a target is about to be made; see volume_start(). */
void volume_expect(struct volume *v, bool expected);

/* Makes the volume thread look at its instances.  Any thread may call this, under any lock. */
void volume_kick(struct volume *v);

/* Makes the volume thread let go of the target, which lives on.  Does not wait. */
void volume_stop(struct volume *v);

/*
 * Waits until the volume has attached for the first time.  Returns 0, or an error if it could not
 * attach, or ETIMEDOUT after ms milliseconds.
 */
int volume_wait_settled(struct volume *v, unsigned int ms, struct err *err);

/*
 * After a table of that length was put into use: waits until the volume serves the new
 * table.  Fails at once with a new attach error.  An error that already existed at
 * trouble_ms is reported only if it still exists after ms milliseconds.  ETIMEDOUT if
 * there is no error, but the volume does not serve the new table by then.
 */
int volume_wait_size(struct volume *v, uint64_t nr_sectors, uint64_t trouble_ms, unsigned int ms,
		     struct err *err);

/* Waits until the volume thread has ended.  Returns false after ms milliseconds. */
bool volume_wait_ended(struct volume *v, unsigned int ms);

/*
 * Returns the store for reading, or NULL if it is not open.  The store stays open until
 * volume_store_put().  A caller that reads for long must check volume_closing() now and then.
 */
struct store *volume_store_get(struct volume *v);
void volume_store_put(struct volume *v);
bool volume_closing(struct volume *v);
/*
 * Takes the store away from the volume, and returns the store when its last user has put it.
 * Returns NULL if the volume has no store.
 */
struct store *volume_store_take(struct volume *v);

/*
 * Returns "loading", "active" and so on.  error, unless NULL, gets the sentence of the current
 * trouble, or "".  Context: v->lock.
 */
const char *volume_state(const struct volume *v, struct err *error);

/*
 * Counts a change of the state since the last call, and returns how often the state has changed since
 * the volume was opened.  The caller holds v->lock.
 */
unsigned int volume_count_states(struct volume *v);

/* Returns whether i is an instance of this volume.  Takes v->lock. */
bool volume_owns(struct volume *v, const struct erad_info *i);

/* Tells the target how full the metadata is, and whether there is a snapshot.  Takes v->lock. */
void volume_usage(struct volume *v);

#endif /* ERAD_VOLUME_H */
