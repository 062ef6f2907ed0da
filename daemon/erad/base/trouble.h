/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something of a volume that does not work and is tried again. */
#ifndef ERAD_TROUBLE_H
#define ERAD_TROUBLE_H

#include <pthread.h>
#include <stdint.h>

#include "common/err.h"

struct trouble {
	/* Constant; both belong to the volume. */
	const char *volume;		/* its name */
	pthread_mutex_t *lock;		/* of what follows */
	struct err err;
	uint64_t since_ms;		/* of thread_now_ms(); 0: all is well */
	unsigned int backoff_ms;	/* until the next attempt */
};

/* All is well.  The volume's name and lock must live as long as t. */
void trouble_init(struct trouble *t, const char *volume, pthread_mutex_t *lock);

/*
 * Remembers err and says it once, when it begins or its sentence changes; doubles the backoff, from 100 ms
 * to 5 s, and returns it.  Takes the lock.
 */
unsigned int trouble_says(struct trouble *t, const char *what, const struct err *err);

/* Says once that what works again.  Takes the lock. */
void trouble_over(struct trouble *t, const char *what);

#endif /* ERAD_TROUBLE_H */
