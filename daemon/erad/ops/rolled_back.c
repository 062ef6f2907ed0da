// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares metadata with the newest noted token: see rolled_back.h. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/seen.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/ops/rolled_back.h"
#include "erad/volume/attach.h"
#include "erad/volume/origin.h"
#include "erad/volume/volume.h"
#include "store/moment.h"

#define NOTE_MS		5000	/* limit for reading the note during an open */

/* A thread that reads the note of a volume. */
struct note_reader {
	uint8_t uuid[16];
	struct token token;
	int result;		/* result of seen_read() */
	/* abandoned: the caller no longer waits, so the thread frees this structure. */
	bool done, abandoned;
	pthread_cond_t changed;
};

/* Protects done and abandoned of all readers, and nr_abandoned. */
static pthread_mutex_t reader_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int nr_abandoned;	/* number of threads that still wait for the file system */

static void free_reader(struct note_reader *n)
{
	pthread_cond_destroy(&n->changed);
	free(n);
}

static void *read_note_thread(void *arg)
{
	struct note_reader *n = arg;
	bool abandoned;

	thread_name("erad-note");
	n->result = seen_read(ERAD_SEEN_DIR, n->uuid, &n->token);
	pthread_mutex_lock(&reader_lock);
	n->done = true;
	abandoned = n->abandoned;
	if (abandoned)
		nr_abandoned--;
	else
		pthread_cond_signal(&n->changed);
	pthread_mutex_unlock(&reader_lock);
	if (abandoned)
		free_reader(n);
	return NULL;
}

/*
 * Waits until the thread has read the note, and frees n.  Returns the result of seen_read().
 * ETIMEDOUT: the thread has not ended within NOTE_MS; it frees n when it ends.
 */
static int await_note(struct note_reader *n, struct token *t)
{
	const struct timespec until = thread_deadline(NOTE_MS);
	int r = 0;

	pthread_mutex_lock(&reader_lock);
	while (!n->done && !r)
		r = -pthread_cond_timedwait(&n->changed, &reader_lock, &until);
	if (!n->done) {
		n->abandoned = true;
		nr_abandoned++;
		pthread_mutex_unlock(&reader_lock);
		return -ETIMEDOUT;
	}
	pthread_mutex_unlock(&reader_lock);
	r = n->result;
	*t = n->token;
	free_reader(n);
	return r;
}

/*
 * Calls seen_read() in a thread of its own.  ETIMEDOUT: the file system does not answer within
 * NOTE_MS.  While the thread waits for the file system, each further call returns ETIMEDOUT at
 * once.
 */
static int read_note(const uint8_t uuid[16], struct token *t)
{
	struct note_reader *n;
	bool hangs;
	int r;

	pthread_mutex_lock(&reader_lock);
	hangs = nr_abandoned;
	pthread_mutex_unlock(&reader_lock);
	if (hangs)
		return -ETIMEDOUT;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	memcpy(n->uuid, uuid, sizeof(n->uuid));
	thread_cond_init(&n->changed);
	r = thread_start_detached(read_note_thread, n);
	if (r) {
		free_reader(n);
		return r;
	}
	return await_note(n, t);
}

/*
 * If eratab has gap=refuse, returns an error.  Otherwise logs a message and returns 0.  The error
 * and the message say what to do for either cause, an older copy or a clone, because the metadata
 * does not show which of the two it is.
 */
static int refuse_or_advise(const struct volume *v, const char *detail, struct err *err)
{
	struct err why;
	int r = origin_refuse_gap(v, ERAD_GAP_ROLLED_BACK, detail, &why);

	if (r)
		return err_set(err, r, "%s; if the volume is a clone, 'eractl forget %s' and 'eractl create' give it a UUID of its own",
			       why.msg, v->name);
	log_notice("volume %s: if its metadata was put back from an older copy, make a full copy of the volume; if the volume is a clone of another one, give it a UUID of its own with 'eractl close %s', 'eractl forget %s' and 'eractl create'",
		   v->name, v->name, v->name);
	return 0;
}

int rolled_back_check(struct volume *v, struct err *err)
{
	char detail[ERAD_GAP_DETAIL + 1];
	struct store_info info;
	struct token t;
	int r;

	r = read_note(v->uuid, &t);
	if (r && r != -ENOENT)
		log_notice("volume %s: cannot read the newest token in " ERAD_SEEN_DIR ": %s; metadata that was put back from an older copy is not noticed",
			   v->name, strerror(-r));
	if (r || store_knows_noted(v->store, &t))
		return 0;
	store_info(v->store, &info);
	snprintf(detail, sizeof(detail), "the metadata, in era %" PRIu32 ", does not know the noted era %" PRIu32 ": an older copy, or a clone with the same UUID",
		 info.era, t.era);
	r = refuse_or_advise(v, detail, err);
	/*
	 * In two cases, the metadata would know the token as soon as the era of the token is
	 * durable: the current timeline is the token's timeline, because the copy was made while
	 * the volume was in use; or the metadata has no timelines, because it was restored from a
	 * dump or repaired.  If erad were killed then, before it has recorded the gap, the next
	 * open would not notice anything, and the gap would be lost.  So begin another timeline
	 * before the era of the token.  The new timeline drops the seal, if there is one.  This
	 * loses nothing, because the gap that is recorded below also covers the time since the
	 * close.
	 */
	if (!r && t.era > info.era &&
	    (!store_timelines_since(v->store) || store_timeline(v->store, info.era) == t.timeline))
		r = attach_begin_timeline(v, err);
	if (!r && t.era > info.era)
		r = store_begin_era(v->store, t.era, err);
	return r ? r : origin_gap(v, ERAD_GAP_ROLLED_BACK, detail, err);
}
