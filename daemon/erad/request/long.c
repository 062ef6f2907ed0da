// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits how many requests that may take long erad carries out at a time: see long.h. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol.h"
#include "erad/request/long.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* lock; the long requests that erad carries out */
static struct {
	bool used;
	char volume[ERAD_NAME_MAX + 1];
} places[LONG_MAX];

int long_enter(const char *volume, struct err *err)
{
	unsigned int nr = 0;
	bool same = false;
	int place = -EAGAIN;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < LONG_MAX; i++) {
		nr += places[i].used;
		same |= places[i].used && !strcmp(places[i].volume, volume);
		if (!places[i].used)
			place = i;
	}
	if (same && nr >= LONG_SHARED)
		place = -EAGAIN;
	if (place >= 0) {
		places[place].used = true;
		snprintf(places[place].volume, sizeof(places[place].volume), "%s", volume);
	}
	pthread_mutex_unlock(&lock);
	if (place >= 0)
		return place;
	return err_set(err, place, "erad is already carrying out %u requests that take long%s; run 'eractl status' to see whether a device hangs, or try again later",
		       nr, nr < LONG_MAX ? ", also for this volume" : "");
}

void long_leave(int place)
{
	pthread_mutex_lock(&lock);
	places[place].used = false;
	pthread_mutex_unlock(&lock);
}
