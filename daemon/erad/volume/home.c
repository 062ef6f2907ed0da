// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks whether the metadata file of an open volume is still at its path in eratab: see home.h. */
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/home.h"
#include "erad/volume/volume.h"
#include "store/home.h"

/*
 * Limit of home_ask().  A check takes microseconds, unless a fold is under way or the file system
 * hangs.
 */
#define ASK_MS	200

int home_check(struct volume *v, struct store *s, struct err *err)
{
	bool rewritten;
	int r;

	r = store_check_home(s, &rewritten, err);
	if (rewritten) {
		pthread_mutex_lock(&v->lock);
		v->place.exists = false;
		pthread_mutex_unlock(&v->lock);
		log_warn("volume %s: its metadata %s was deleted; erad has written a new, complete file in its place",
			 v->name, v->metadata);
	}
	if (r)
		trouble_says(&v->home_trouble, "the metadata is not where it was", err);
	else
		trouble_over(&v->home_trouble, "the path of the metadata file");
	return r;
}

int home_check_open(struct volume *v, struct err *err)
{
	struct store *s = volume_store_get(v);
	int r;

	if (!s)
		return 0;
	r = home_check(v, s, err);
	volume_store_put(v);
	return r;
}

void home_ask(struct volume *v)
{
	struct timespec until = thread_deadline(ASK_MS);
	int r = 0;

	pthread_mutex_lock(&v->lock);
	/* Without a target, there may be no fold thread, so do not wait for it. */
	if (v->ready) {
		v->home_asked = true;
		pthread_cond_broadcast(&v->changed);
		while (v->home_asked && v->ready && !r)
			r = pthread_cond_timedwait(&v->changed, &v->lock, &until);
	}
	pthread_mutex_unlock(&v->lock);
}
