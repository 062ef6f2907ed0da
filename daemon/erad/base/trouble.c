// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logs an error of a volume when it begins and when it ends, and computes the backoff: see
 * trouble.h.
 */
#include <stdbool.h>
#include <string.h>

#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/base/trouble.h"

#define BACKOFF_MIN_MS	100
#define BACKOFF_MAX_MS	5000

void trouble_init(struct trouble *t, const char *volume, pthread_mutex_t *lock)
{
	*t = (struct trouble){ .volume = volume, .lock = lock };
}

unsigned int trouble_says(struct trouble *t, const char *what, const struct err *err)
{
	unsigned int backoff;
	bool say;

	pthread_mutex_lock(t->lock);
	/* Log the error again if its reason has changed. */
	say = !t->since_ms || strcmp(t->err.msg, err->msg);
	if (!t->since_ms) {
		t->since_ms = thread_now_ms();
		t->backoff_ms = BACKOFF_MIN_MS;
	} else if (t->backoff_ms * 2 < BACKOFF_MAX_MS) {
		t->backoff_ms *= 2;
	} else {
		t->backoff_ms = BACKOFF_MAX_MS;
	}
	t->err = *err;
	backoff = t->backoff_ms;
	pthread_mutex_unlock(t->lock);

	if (say)
		log_error("volume %s: %s: %s", t->volume, what, err->msg);
	return backoff;
}

void trouble_over(struct trouble *t, const char *what)
{
	uint64_t since;

	pthread_mutex_lock(t->lock);
	since = t->since_ms;
	t->since_ms = 0;
	pthread_mutex_unlock(t->lock);
	if (since)
		log_notice("volume %s: %s works again, after %.1f seconds", t->volume, what,
			   (double)(thread_now_ms() - since) / 1000);
}
