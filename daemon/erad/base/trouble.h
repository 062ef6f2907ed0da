/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trouble: an operation of a volume fails, and erad tries it again after a backoff. */
#ifndef ERAD_TROUBLE_H
#define ERAD_TROUBLE_H

#include <pthread.h>
#include <stdint.h>

#include "common/err.h"

struct trouble {
	/* These two fields are constant.  The string and the lock belong to the volume. */
	const char *volume;		/* name of the volume */
	pthread_mutex_t *lock;		/* protects the fields below */
	struct err err;			/* the newest error */
	/* When the trouble began, by thread_now_ms(); 0: no trouble. */
	uint64_t since_ms;
	unsigned int backoff_ms;	/* how long to wait until the next attempt */
};

/* Initializes t: there is no trouble.  The volume's name and lock must live as long as t. */
void trouble_init(struct trouble *t, const char *volume, pthread_mutex_t *lock);

/*
 * Records that an operation has failed.  what: name of the operation, for the log.  Logs err if the
 * trouble begins, or if the sentence in err has changed since the last call.  Returns the backoff
 * in milliseconds, which doubles with each call from 100 ms to 5 s.  Takes the lock.
 */
unsigned int trouble_says(struct trouble *t, const char *what, const struct err *err);

/* Ends the trouble, and logs once that the operation `what` works again.  Takes the lock. */
void trouble_over(struct trouble *t, const char *what);

#endif /* ERAD_TROUBLE_H */
