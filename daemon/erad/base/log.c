// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes messages to stderr through a ring: see log.h. */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"

#define LINES		256
#define LINE_SIZE	768

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake;	/* wakes the writer: the ring has a line, or the writer must stop */
static pthread_cond_t idle;	/* wakes log_stop(): the writer has written everything and ends */
/* Under lock. */
static char ring[LINES][LINE_SIZE];
static unsigned int head, used, lost;
static bool running, stopping;

/* Set before other threads start. */
static bool verbose;
static bool to_journal;		/* stderr goes to systemd's journal, which reads the prefixes */

static void write_line(const char *line)
{
	size_t len = strlen(line);

	while (len) {
		ssize_t n = write(STDERR_FILENO, line, len);

		if (n <= 0)
			return;
		line += n;
		len -= n;
	}
}

static void *writer_thread(void *arg)
{
	char line[LINE_SIZE];
	unsigned int n;

	(void)arg;
	thread_name("erad-log");
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!used && !lost && !stopping)
			pthread_cond_wait(&wake, &lock);
		if (!used && !lost)
			break;
		n = lost;
		if (used) {
			strcpy(line, ring[head]);
			head = (head + 1) % LINES;
			used--;
		} else {
			snprintf(line, sizeof(line), "%s%u messages were lost\n",
				 to_journal ? SD_WARNING : "erad: ", n);
			lost = 0;
		}
		pthread_mutex_unlock(&lock);
		write_line(line);
		pthread_mutex_lock(&lock);
	}
	running = false;
	pthread_cond_signal(&idle);
	pthread_mutex_unlock(&lock);
	return NULL;
}

int log_start(void)
{
	int r;

	thread_cond_init(&wake);
	thread_cond_init(&idle);
	running = true;
	r = thread_start_detached(writer_thread, NULL);
	if (r)
		running = false;
	return r;
}

void log_stop(void)
{
	struct timespec until = thread_deadline(1000);

	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&wake);
	while (running)
		if (pthread_cond_timedwait(&idle, &lock, &until))
			break;
	pthread_mutex_unlock(&lock);
}

void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	to_journal = stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
		     !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

void log_verbose(void)
{
	verbose = true;
}

void log_msg(const char *prefix, const char *fmt, ...)
{
	char line[LINE_SIZE];
	size_t len;
	va_list ap;

	if (!verbose && !strcmp(prefix, SD_DEBUG))
		return;
	len = snprintf(line, sizeof(line), "%s", to_journal ? prefix : "erad: ");
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	/* A path in the message may contain newlines, but one message is one line. */
	printable(line);
	strcat(line, "\n");

	pthread_mutex_lock(&lock);
	if (running && !stopping) {
		if (used == LINES) {
			lost++;
		} else {
			strcpy(ring[(head + used) % LINES], line);
			used++;
		}
		pthread_cond_signal(&wake);
		pthread_mutex_unlock(&lock);
		return;
	}
	pthread_mutex_unlock(&lock);
	write_line(line);
}
