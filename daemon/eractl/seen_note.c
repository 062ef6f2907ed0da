// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Notes tokens in a child process, so that eractl does not wait for a frozen file system: see
 * seen_note.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/seen.h"
#include "common/uuid.h"
#include "eractl/eractl.h"
#include "eractl/seen_note.h"

#define NOTE_MS		1000	/* limit of the wait for the child process */

typedef int (*seen_fn)(const struct token *t);

/*
 * Runs in the child process.  Closes eractl's open files and leaves the current directory.  The
 * child may have to wait for long, and must not keep these in use.
 */
static void run_child(seen_fn fn, const struct token *t)
{
	close_range(0, ~0u, 0);
	if (open("/dev/null", O_RDWR) || dup(0) != 1 || dup(0) != 2 || chdir("/"))
		_exit(errno);
	_exit(-fn(t));
}

/* Returns the result of the child process, or ETIMEDOUT if it has not ended yet. */
static int wait_for_child(pid_t pid)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int r = -ETIMEDOUT, status;

	if (p.fd < 0)
		return -errno;
	while ((status = poll(&p, 1, NOTE_MS)) < 0 && errno == EINTR)
		;
	if (status > 0 && waitpid(pid, &status, 0) == pid)
		r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	close(p.fd);
	return r;
}

/* Calls fn(t) in a child process. */
static int call_in_child(seen_fn fn, const struct token *t)
{
	const pid_t pid = fork();

	if (!pid)
		run_child(fn, t);
	return pid < 0 ? -errno : wait_for_child(pid);
}

static int write_where_it_is(const struct token *t)
{
	return seen_write(ERAD_SEEN_DIR, t);
}

static int write_anywhere(const struct token *t)
{
	return mkdir(ERAD_LIB_DIR, 0700) && errno != EEXIST ? -errno : write_where_it_is(t);
}

static void complain_of_note(const char *token, int r)
{
	if (r)
		complain("token %s cannot be noted in " ERAD_SEEN_DIR ": %s; the next open may not notice if the metadata is put back from an older copy",
			 token, strerror(-r));
}

void seen_note(const char *token)
{
	struct token t;

	if (token && token_from_text(token, &t))
		complain_of_note(token, call_in_child(write_anywhere, &t));
}

void seen_note_opened(const char *token)
{
	struct token t;
	int r;

	if (!token || !token_from_text(token, &t))
		return;
	r = call_in_child(write_where_it_is, &t);
	if (r != -ENOENT && r != -EROFS)
		complain_of_note(token, r);
}

static int remove_note(const struct token *t)
{
	return seen_remove(ERAD_SEEN_DIR, t->uuid);
}

void seen_forget(const char *uuid)
{
	struct token t = { 0 };
	int r;

	if (!uuid || !uuid_from_text(uuid, t.uuid))
		return;
	r = call_in_child(remove_note, &t);
	if (r)
		complain("the note " ERAD_SEEN_DIR "/%s cannot be removed: %s; the volume is forgotten, so remove the file", uuid,
			 strerror(-r));
}
