// SPDX-License-Identifier: GPL-2.0-or-later
/* The fold thread of a volume: see fold.h. */
#include <errno.h>
#include <string.h>

#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "erad/volume/fold.h"
#include "erad/volume/home.h"
#include "erad/volume/past.h"
#include "erad/volume/volume.h"

/*
 * Waits until there is work, or, after a failure, for ms milliseconds.  A request of home_ask()
 * also ends the wait.  Returns false if the thread must stop.
 */
static bool wait_for_fold(struct volume *v, unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	bool go_on;
	int r = 0;

	pthread_mutex_lock(&v->lock);
	while (!v->fold_stop && !v->home_asked && !r && (ms || !atomic_load(&v->fold_asked)))
		r = ms ? pthread_cond_timedwait(&v->changed, &v->lock, &until) :
			pthread_cond_wait(&v->changed, &v->lock);
	go_on = !v->fold_stop;
	pthread_mutex_unlock(&v->lock);
	return go_on;
}

/*
 * Fills the store's pool.  This may wait for memory, but no write waits for this thread: a mark
 * that finds no memory in the pool folds by itself.
 */
static void fill_pool(struct volume *v)
{
	if (store_fill_pool(v->store))
		standby_needs_heap();
}

/* Carries out a request of home_ask(). */
static void look_home(struct volume *v)
{
	struct err ignored;
	bool asked;

	pthread_mutex_lock(&v->lock);
	asked = v->home_asked;
	pthread_mutex_unlock(&v->lock);
	if (!asked)
		return;
	home_check(v, v->store, &ignored);
	pthread_mutex_lock(&v->lock);
	v->home_asked = false;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
}

static void *fold_thread(void *arg)
{
	struct volume *v = arg;
	unsigned int backoff = 0;

	thread_name("erad-fold");
	thread_usual();
	while (wait_for_fold(v, backoff)) {
		struct err err;

		past_look_if_asked(v);
		look_home(v);
		/*
		 * Clear the flag before looking at the store, so that a request during the look is
		 * not lost.
		 */
		atomic_store(&v->fold_asked, false);
		fill_pool(v);
		if (!backoff && !store_wants_fold(v->store))
			continue;
		if (store_fold(v->store, &err)) {
			backoff = trouble_says(&v->fold_trouble, "cannot fold the journal", &err);
			continue;
		}
		backoff = 0;
		fill_pool(v);
		trouble_over(&v->fold_trouble, "folding the journal");
		home_check(v, v->store, &err);
		past_look(v, v->store, &err);
		volume_usage(v);
	}
	return NULL;
}

int fold_start(struct volume *v, struct err *err)
{
	int r;

	r = thread_start(&v->fold_thread, fold_thread, v);
	if (r)
		return err_set(err, r, "cannot start a thread: %s", strerror(-r));
	v->fold_running = true;
	return 0;
}

void fold_stop(struct volume *v)
{
	if (!v->fold_running)
		return;
	pthread_mutex_lock(&v->lock);
	v->fold_stop = true;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->fold_thread, NULL);
	v->fold_running = false;
}

void fold_ask(struct volume *v)
{
	if (atomic_exchange(&v->fold_asked, true))
		return;
	/*
	 * Take the lock: then the thread either reads the flag before it waits, or is waiting and
	 * receives the signal.
	 */
	pthread_mutex_lock(&v->lock);
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
}
