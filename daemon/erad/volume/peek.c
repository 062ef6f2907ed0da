// SPDX-License-Identifier: GPL-2.0-or-later
/* Examines files and devices at paths that users have named: see peek.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "erad/base/thread.h"
#include "erad/device/origin_reader.h"
#include "erad/volume/peek.h"

/* Limit, in ms, for one question of a thread that waits as long as it takes. */
#define AGAIN_MS	600000u
#define PAUSE_MS	1000	/* pause before this thread asks again */

/* A thread that waits until a path has been examined. */
struct look {
	struct look *next;
	char *path;
	enum peek_depth depth;
	struct peek found;
	void (*late)(void);	/* called at the end of the thread if the caller no longer waits */
	/* done: found is valid.  abandoned: the caller no longer waits, so the thread frees this. */
	bool done, abandoned;
	pthread_cond_t changed;	/* signalled when done has become true */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/*
 * Protected by `lock`, as are all fields of the entries.  The thread reads path and depth, which
 * are constant, without the lock.
 */
static struct look *looks;

static int make_question(const char *path, enum peek_depth depth, struct origin_question *q, struct err *err)
{
	memset(q, 0, sizeof(*q));
	if (strlen(path) >= sizeof(q->path))
		return err_set(err, -ENAMETOOLONG, "a path has %zu bytes, expected at most %zu: %.100s...", strlen(path),
			       sizeof(q->path) - 1, path);
	q->what = ORIGIN_PEEK;
	q->depth = depth;
	/*
	 * There is at most one process for each number.  Use another number for each depth, so that
	 * a look-up of the path does not wait for a process that hangs in a read of the same path.
	 */
	q->dev = origin_store_key(path) ^ depth;
	strcpy(q->path, path);
	return 0;
}

int peek_ask(const char *path, enum peek_depth depth, unsigned int ms, struct peek *out, struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct origin_answer a;
	int r = make_question(path, depth, &q, err);

	if (r)
		return r;
	r = origin_ask(&asked, &q, ms, NULL, NULL, &a, err);
	origin_drop(&asked);
	if (!r && out)
		*out = a.peek;
	/* An earlier process that has not ended examines the same path, which hangs. */
	return r == -ETIMEDOUT && a.code && a.code != -EBUSY ? a.code : r;
}

/* Waits for the answer as long as it takes. */
static void await_answer(const char *path, enum peek_depth depth, struct peek *out)
{
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct origin_answer a;

	*out = (struct peek){ 0 };
	if (make_question(path, depth, &q, NULL))
		return;
	while (origin_ask(&asked, &q, AGAIN_MS, NULL, NULL, &a, NULL))
		poll(NULL, 0, PAUSE_MS);
	*out = a.peek;
}

/* Removes l from the list, and frees l.  Context: lock. */
static void end_look(struct look *l)
{
	struct look **p = &looks;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	pthread_cond_destroy(&l->changed);
	free(l->path);
	free(l);
}

static void *look_thread(void *arg)
{
	struct look *l = arg;
	void (*late)(void) = NULL;
	struct peek found;

	thread_name("erad-peek");
	await_answer(l->path, l->depth, &found);
	pthread_mutex_lock(&lock);
	if (l->abandoned) {
		late = l->late;
		end_look(l);
	} else {
		l->found = found;
		l->done = true;
		pthread_cond_signal(&l->changed);
	}
	pthread_mutex_unlock(&lock);
	if (late)
		late();
	return NULL;
}

/* Adds an entry to the list.  Returns NULL if there is no memory.  Context: lock. */
static struct look *begin_look(const char *path, enum peek_depth depth, void (*late)(void))
{
	struct look *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->path = strdup(path);
	if (!l->path) {
		free(l);
		return NULL;
	}
	l->depth = depth;
	l->late = late;
	thread_cond_init(&l->changed);
	l->next = looks;
	looks = l;
	return l;
}

int peek_within(const char *path, enum peek_depth depth, unsigned int ms, void (*late)(void),
		struct peek *out)
{
	const struct timespec until = thread_deadline(ms);
	struct look *l;
	int r = -ETIMEDOUT;

	pthread_mutex_lock(&lock);
	for (l = looks; l; l = l->next)
		if (l->depth == depth && !strcmp(l->path, path))
			goto out;
	l = begin_look(path, depth, late);
	r = l ? thread_start_detached(look_thread, l) : -ENOMEM;
	if (r) {
		if (l)
			end_look(l);
		goto out;
	}
	while (!l->done && !r)
		r = -pthread_cond_timedwait(&l->changed, &lock, &until);
	if (l->done) {
		r = 0;
		*out = l->found;
		end_look(l);
	} else {
		r = -ETIMEDOUT;
		l->abandoned = true;
	}
out:
	pthread_mutex_unlock(&lock);
	return r;
}
