// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Notes tokens, and reads noted tokens, in a child process, so that eractl does not wait for a frozen
 * file system: see seen_note.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/seen.h"
#include "common/uuid.h"
#include "eractl/child.h"
#include "eractl/eractl.h"
#include "eractl/seen_note.h"

/* Calls fn(t) in a child process.  Each volume has at most one such process that goes on. */
static int call(int (*fn)(const void *t), const struct token *t)
{
	char uuid[UUID_TEXT_SIZE], lock[UUID_TEXT_SIZE + 8];

	snprintf(lock, sizeof(lock), "seen.%s", uuid_text(t->uuid, uuid));
	return child_call(lock, fn, t);
}

static int write_where_it_is(const void *t)
{
	return seen_write(ERAD_SEEN_DIR, t);
}

static int write_anywhere(const void *t)
{
	return mkdir(ERAD_LIB_DIR, 0700) && errno != EEXIST ? -errno : write_where_it_is(t);
}

static void complain_of_note(const char *token, int r)
{
	if (r)
		complain("cannot save token %s in " ERAD_SEEN_DIR ": %s; the next open may miss that the metadata was restored from an older copy",
			 token, strerror(-r));
}

void seen_note(const char *token)
{
	struct token t;

	if (token && token_from_text(token, &t))
		complain_of_note(token, call(write_anywhere, &t));
}

void seen_note_opened(const char *token)
{
	struct token t;
	int r;

	if (!token || !token_from_text(token, &t))
		return;
	r = call(write_where_it_is, &t);
	if (r != -ENOENT && r != -EROFS)
		complain_of_note(token, r);
}

static int remove_note(const void *arg)
{
	const struct token *t = arg;

	return seen_remove(ERAD_SEEN_DIR, t->uuid);
}

void seen_forget(const char *uuid)
{
	struct token t = { 0 };
	int r;

	if (!uuid || !uuid_from_text(uuid, t.uuid))
		return;
	r = call(remove_note, &t);
	if (r)
		complain("the note " ERAD_SEEN_DIR "/%s cannot be removed: %s; the volume is forgotten, so remove the file", uuid,
			 strerror(-r));
}

/* A page that eractl and its child process share. */
struct reading {
	uint8_t uuid[16];
	struct token token;
};

static int read_note(const void *arg)
{
	struct reading *const *shared = arg;
	struct reading *rd = *shared;

	return seen_read(ERAD_SEEN_DIR, rd->uuid, &rd->token);
}

int seen_note_read(const uint8_t uuid[16], struct token *t)
{
	struct reading *rd = mmap(NULL, sizeof(*rd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (rd == MAP_FAILED)
		return -errno;
	memcpy(rd->uuid, uuid, sizeof(rd->uuid));
	r = child_call(NULL, read_note, &rd);
	*t = rd->token;
	/* A child process that goes on has its own mapping of the page. */
	munmap(rd, sizeof(*rd));
	return r;
}
