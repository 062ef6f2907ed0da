// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the newest token of each volume outside of its metadata: see seen.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/token.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/seen.h"
#include "erad/volume/volume.h"
#include "store/history.h"

#define SEEN_DIR	ERAD_LIB_DIR "/seen"
#define FAR_AWAY	(1u << 24)	/* eras: a checkpoint each minute for 30 years */
#define SEEN_PATH	(sizeof(SEEN_DIR) + UUID_TEXT_SIZE + 8)

struct pending {
	struct pending *next;
	struct token token;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pending *pending;	/* lock; one for each UUID */
static bool writing;		/* lock; the thread runs */

static void path_of(const uint8_t uuid[16], const char *suffix, char path[SEEN_PATH])
{
	char text[UUID_TEXT_SIZE];

	snprintf(path, SEEN_PATH, SEEN_DIR "/%s%s", uuid_text(uuid, text), suffix);
}

/* A reader finds the old token or the new one. */
static int write_token(const struct token *t)
{
	char path[SEEN_PATH], new[SEEN_PATH], text[TOKEN_TEXT_SIZE + 1];
	ssize_t len, n;
	int fd, r = 0;

	if ((mkdir(ERAD_LIB_DIR, 0755) && errno != EEXIST) || (mkdir(SEEN_DIR, 0700) && errno != EEXIST))
		return -errno;
	path_of(t->uuid, "", path);
	path_of(t->uuid, ".new", new);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	token_text(t, text);
	strcat(text, "\n");
	len = (ssize_t)strlen(text);
	n = write(fd, text, len);
	if (n != len)
		r = n < 0 ? -errno : -ENOSPC;
	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(new, path))
		r = -errno;
	if (r)
		unlink(new);
	return r;
}

static void *writer(void *arg)
{
	static int said;	/* the last error; the thread's, of which there is one at a time */
	struct pending *p;

	(void)arg;
	thread_name("erad-seen");
	pthread_mutex_lock(&lock);
	while ((p = pending)) {
		int r;

		pending = p->next;
		pthread_mutex_unlock(&lock);
		r = write_token(&p->token);
		if (r && r != said)
			log_notice("cannot write to " SEEN_DIR ": %s; metadata that is put back from an older copy may not be noticed",
				   strerror(-r));
		said = r;
		free(p);
		pthread_mutex_lock(&lock);
	}
	writing = false;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void enqueue(const struct token *t)
{
	struct pending *p;

	pthread_mutex_lock(&lock);
	for (p = pending; p && memcmp(p->token.uuid, t->uuid, sizeof(t->uuid)); p = p->next)
		;
	if (p) {
		p->token = *t;
	} else {
		p = calloc(1, sizeof(*p));
		if (p) {
			p->token = *t;
			p->next = pending;
			pending = p;
		}
	}
	/* Without a thread, the next call tries again. */
	if (pending && !writing)
		writing = !thread_start_detached(writer, NULL);
	pthread_mutex_unlock(&lock);
}

void seen_note(struct volume *v)
{
	struct store *s = volume_store_get(v);
	struct store_info info;
	struct token t;

	if (!s)
		return;
	store_info(s, &info);
	t = (struct token){ .timeline = store_timeline(s, info.era), .era = info.era };
	volume_store_put(v);
	memcpy(t.uuid, info.uuid, sizeof(t.uuid));
	if (t.timeline)
		enqueue(&t);
}

static bool read_token(const uint8_t uuid[16], struct token *t)
{
	char path[SEEN_PATH], text[TOKEN_TEXT_SIZE + 1];
	ssize_t n;
	int fd;

	path_of(uuid, "", path);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return token_from_text(text, t) && !memcmp(t->uuid, uuid, sizeof(t->uuid));
}

bool seen_newer(struct store *s, uint32_t *era, struct err *difference)
{
	struct store_info info;
	struct token t;

	store_info(s, &info);
	if (!read_token(info.uuid, &t))
		return false;
	switch (store_moment(s, t.timeline, t.era)) {
	case MOMENT_KNOWN:
		return false;
	case MOMENT_TOO_OLD:
		/* No timeline is known, for example after a restore. */
		if (info.era >= t.era)
			return false;
		break;
	default:
		break;
	}
	*era = t.era;
	err_set(difference, 0, "era %" PRIu32 " was begun before, and the metadata, in era %" PRIu32 ", does not know it",
		t.era, info.era);
	return true;
}

int seen_catch_up(struct store *s, uint32_t era, struct err *err)
{
	struct store_info info;

	store_info(s, &info);
	if (era <= info.era || era - info.era > FAR_AWAY || era >= UINT32_MAX - 1)
		return 0;
	return store_begin_era(s, era, err);
}
