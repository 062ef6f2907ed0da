/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One volume that is open: its metadata, its live target, and the threads
 * that bring the two together.
 *
 * The *volume thread* (commit.c) alone attaches to instances, talks to them
 * about batches and eras, marks and begins eras in the store, and in the end
 * closes it.  The *fold thread* (fold.c) folds, and gets memory for marks.  The *message thread* (message.c)
 * does what device-mapper is told.  Everybody else asks, through the functions of the headers here.
 *
 * The volume thread lives as long as there is, or is about to be, a target
 * with the volume's UUID.  When the last one is gone it closes the metadata, takes
 * the volume out of the registry, and ends.
 *
 * Locks, outermost first: a claim on the name (registry.h), volume.snapshot_lock,
 * volume.checkpoint_lock, volumes_lock (registry.c), volume.lock.  No I/O under the last two; ioctls
 * of the module are none.
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
	bool snapshot, lasts;		/* of what was before it; see store_begin_snapshot() */
	bool again;			/* not this era yet: prepare the next one, and ask again */
	uint32_t from, to;
	uint32_t prepared;		/* the era that the target has memory for */
	struct mirror_map map;		/* for the new era */
	int result;
	struct err err;
};

/* What device-mapper was told; of an instance. */
struct message {
	uint64_t instance_id, id;	/* id 0: none */
	uint32_t type;
};

struct volume {
	/* Set before the volume is in the registry, constant. */
	char name[ERAD_NAME_MAX + 1];
	char *origin, *metadata;	/* paths, as eratab has them */
	uint8_t uuid[16];		/* of the target; zeros if its table names none */
	dev_t meta_dev;			/* if the target was not made by erad: its metadata device */
	bool may_format;		/* a metadata device of zeros is a new one */
	int event_fd;			/* wakes the volume thread */

	struct volume *next;		/* volumes_lock */
	uint64_t seen;			/* volumes_lock: the LIST entries it looked at last; 0: it is looking */
	atomic_uint refs;
	pthread_mutex_t checkpoint_lock;	/* one requester at a time */
	pthread_mutex_t snapshot_lock;	/* one that takes or drops the snapshot at a time; held over I/O */
	atomic_uint waiting;		/* requests that wait for an era to begin; see volume_may_wait() */
	bool pinned;			/* snapshot_lock; a reader owns the snapshot that does not last */

	pthread_mutex_t lock;		/* of all that follows up to the next comment on it */
	pthread_cond_t changed;		/* some of it did */
	dev_t dev;			/* the mapped device; 0: not seen yet */
	struct store *store;		/* NULL: not open yet, or closed already */
	unsigned int store_users;	/* volume_store_get() */
	int fd;				/* instance; -1: not attached */
	bool preparing;			/* a checkpoint's copy of fd, which keeps the instance owned, is in PREPARE_ERA */
	struct erad_info info;		/* of the instance, as last seen */
	bool ready;			/* the instance at fd serves writes */
	bool settled;			/* the first attempt to attach is over */
	bool expected;			/* a target is about to be made: wait for it */
	bool stop;			/* let go of the target and end */
	bool ended;			/* the volume thread has done its last */
	int close_code;			/* 0, or why the metadata was not closed cleanly … */
	struct err close_err;		/* … and a sentence; both are set when it has ended */
	bool fold_stop, message_stop;
	bool home_asked;		/* the fold thread is to look whether the metadata is where it was */
	struct message message;		/* to be served next */
	bool passing;			/* a target of it, as last seen, lets all writes pass */
	struct trouble attach_trouble, mark_trouble, fold_trouble, home_trouble, degrade_trouble;
	struct checkpoint checkpoint;

	atomic_bool attention;		/* the volume thread should look around; see volume_kick() */
	atomic_bool fold_asked;		/* set without the lock, which it spares the commit path */
	atomic_ullong busy_since;	/* ms, of the write to the metadata under way; 0: none, or known trouble */

	/* The volume thread's own. */
	pthread_t fold_thread, message_thread;
	bool fold_running, message_running;
	struct instances list;
	uint64_t look_at, retry_at, roll_at;	/* ms; UINT64_MAX: no need */
	uint64_t degraded_at;		/* the same; for degraded_step() */
	struct erad_info tried;		/* the instance that could not be attached to, as it was then … */
	uint64_t try_at;		/* … and when to try again, if it still is so */
	struct away left;		/* the counters of its last instance that went; version 0: none has */
	uint64_t diskseq;		/* of the mapped device; 0: not known */
	bool begun;			/* the origin has been compared, and writes may have been let through since */
	uint64_t batch;			/* outstanding; 0: none */
	unsigned int nr;		/* ranges of it, or of the one that failed */
	bool activated;			/* the timeline of this activation is in the metadata */
	bool failed;			/* the instance is FAILED; ranges are what to try next */
	struct erad_range range[ERAD_MAX_RANGES];
	struct shown shown;		/* what of it is under the lock, its headers say */
};

/*
 * A volume with one reference, the caller's, and no thread.  store is taken
 * over if the call works; NULL: the volume thread opens it.
 */
int volume_new(const char *name, const char *origin, const char *metadata,
	       const uint8_t uuid[16], struct store *store, struct volume **out,
	       struct err *err);
struct volume *volume_ref(struct volume *v);
void volume_unref(struct volume *v);

/* Whether a target is about to be made; see volume_start(). */
void volume_expect(struct volume *v, bool expected);

/* Makes the volume thread look at its instances; any thread, any lock. */
void volume_kick(struct volume *v);

/* Lets go of the target, which lives on; does not wait. */
void volume_stop(struct volume *v);

/*
 * Waits until the volume has attached for the first time (0), or says why it could not.
 * ETIMEDOUT after ms milliseconds.
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

/* Waits until the volume thread has ended; false after ms milliseconds. */
bool volume_wait_ended(struct volume *v, unsigned int ms);

/*
 * The store, for reading; it stays open until volume_store_put().  NULL if it
 * is not open.  Whoever holds it for long asks volume_closing() now and then.
 */
struct store *volume_store_get(struct volume *v);
void volume_store_put(struct volume *v);
bool volume_closing(struct volume *v);
/* Takes the store away from the volume and returns it when its last user has put it; or NULL. */
struct store *volume_store_take(struct volume *v);

/* "loading", "active" …; error, unless NULL, gets what is wrong, or "".  Under v->lock. */
const char *volume_state(const struct volume *v, struct err *error);

/* Whether i is an instance of this volume.  Takes v->lock. */
bool volume_owns(struct volume *v, const struct erad_info *i);

/* Tells the target how full the metadata is, and of the snapshot.  Takes v->lock. */
void volume_usage(struct volume *v);

#endif /* ERAD_VOLUME_H */
