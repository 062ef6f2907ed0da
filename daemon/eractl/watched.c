// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints a message if metadata does not answer: see watched.h. */
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "eractl/watched.h"
#include "store/engine.h"

#define PATIENCE_MS	5000
#define LOOK_MS		250

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Protected by `lock`. */
static long long began_ms;	/* when the current use of metadata began, by jsonl_now_ms(); 0: there is none */
static char place[sizeof(((struct engine *)0)->name)];	/* its path */

/* Returns true when the message is printed. */
static bool say_waiting(void)
{
	bool late;

	pthread_mutex_lock(&lock);
	late = began_ms && jsonl_now_ms() - began_ms >= PATIENCE_MS;
	if (late)
		fprintf(stderr, "%swaiting for metadata %s, which has not answered for %d seconds; check whether the device or its file system hangs\n",
			isatty(STDERR_FILENO) ? "\r\033[K" : "", printable(place), PATIENCE_MS / 1000);
	pthread_mutex_unlock(&lock);
	return late;
}

static void *watch(void *arg)
{
	(void)arg;
	while (!say_waiting())
		poll(NULL, 0, LOOK_MS);
	return NULL;
}

static void start(void)
{
	pthread_t thread;

	/* Without the thread, only the message is missing. */
	if (!pthread_create(&thread, NULL, watch, NULL))
		pthread_detach(thread);
}

void watched_begin(const char *path)
{
	static pthread_once_t started = PTHREAD_ONCE_INIT;

	pthread_mutex_lock(&lock);
	snprintf(place, sizeof(place), "%s", path);
	began_ms = jsonl_now_ms();
	pthread_mutex_unlock(&lock);
	pthread_once(&started, start);
}

void watched_end(void)
{
	pthread_mutex_lock(&lock);
	began_ms = 0;
	pthread_mutex_unlock(&lock);
}

/* The functions of all engines that are watched.  engine_open() makes engines of one kind only. */
static const struct engine_ops *inner;

static int watched_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	int r;

	watched_begin(e->name);
	r = inner->read(e, buf, off, len);
	watched_end();
	return r;
}

static int watched_write(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	int r;

	watched_begin(e->name);
	r = inner->write(e, buf, off, len);
	watched_end();
	return r;
}

static int watched_flush(struct engine *e)
{
	int r;

	watched_begin(e->name);
	r = inner->flush(e);
	watched_end();
	return r;
}

void watched_engine(struct engine *e)
{
	static struct engine_ops ops;

	if (!inner) {
		inner = e->ops;
		ops = *inner;
		ops.read = watched_read;
		ops.write = watched_write;
		ops.flush = watched_flush;
	}
	e->ops = &ops;
}
