// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes messages to stderr through a ring buffer: see log.h. */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"

#define LINES		256
#define LINE_SIZE	(ERR_MAX + 512)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Signalled when the ring gets a line, or when the log thread must end. */
static pthread_cond_t wake;
/* Signalled when the log thread has written all lines and ends. */
static pthread_cond_t idle;
/* These fields are protected by `lock`. */
static struct line {
	const char *id;		/* MESSAGE_ID of the message, or NULL */
	char text[LINE_SIZE];
} ring[LINES];
static unsigned int head, used, lost;
static bool running, stopping;

/* These fields are set before other threads start. */
static bool verbose;
static bool to_journal;		/* stderr goes to systemd's journal, which reads the prefixes */

/*
 * Sends a message with an id to systemd's journal, because a message on stderr cannot have an id.
 * Returns false if the message must be written to stderr.
 */
static bool send_line(const struct line *l)
{
	/* The text begins with the prefix "<N>", and ends with a newline. */
	return l->id && to_journal &&
		!sd_journal_send("MESSAGE_ID=%s", l->id, "PRIORITY=%c", l->text[1],
				 "MESSAGE=%.*s", (int)strcspn(l->text + 3, "\n"), l->text + 3,
				 "SYSLOG_IDENTIFIER=erad", NULL);
}

static void write_line(const struct line *l)
{
	const char *line = l->text;
	size_t len = strlen(line);

	if (send_line(l))
		return;
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
	struct line line;
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
			line = ring[head];
			head = (head + 1) % LINES;
			used--;
		} else {
			line.id = NULL;
			snprintf(line.text, sizeof(line.text), "%s%u messages were lost\n",
				 to_journal ? SD_WARNING : "erad: ", n);
			lost = 0;
		}
		pthread_mutex_unlock(&lock);
		write_line(&line);
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

static void log_line(const char *id, const char *prefix, const char *fmt, va_list ap)
{
	struct line line = { .id = id };
	size_t len;

	if (!verbose && !strcmp(prefix, SD_DEBUG))
		return;
	len = snprintf(line.text, sizeof(line.text), "%s", to_journal ? prefix : "erad: ");
	vsnprintf(line.text + len, sizeof(line.text) - len - 1, fmt, ap);
	/*
	 * One message must be one line, so replace newlines, which a path in the message may
	 * contain.
	 */
	printable(line.text);
	strcat(line.text, "\n");

	pthread_mutex_lock(&lock);
	if (running && !stopping) {
		if (used == LINES) {
			lost++;
		} else {
			ring[(head + used) % LINES] = line;
			used++;
		}
		pthread_cond_signal(&wake);
		pthread_mutex_unlock(&lock);
		return;
	}
	pthread_mutex_unlock(&lock);
	write_line(&line);
}

void log_msg(const char *prefix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(NULL, prefix, fmt, ap);
	va_end(ap);
}

void log_event(const char *id, const char *prefix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(id, prefix, fmt, ap);
	va_end(ap);
}
