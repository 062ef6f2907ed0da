// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a copy stands: see standing.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "eractl/standing.h"

/* The text: "erad copy 1", and a line for each member.  The last line shows that the text is complete. */
#define FORMAT_OUT	"erad copy 1\nat %s\n%s %s\nmtime %" PRId64 ".%09" PRId64 "\nend\n"
#define TEXT_MAX	(2 * STREAM_NAME_MAX + 128)

/* Takes "KEY VALUE\n" from *text. */
static bool take_line(const char **text, const char *key, char value[STREAM_NAME_MAX + 1])
{
	const size_t klen = strlen(key), vlen = strcspn(*text, "\n");

	if (strncmp(*text, key, klen) || (*text)[klen] != ' ' || (*text)[vlen] != '\n' || vlen - klen - 1 > STREAM_NAME_MAX)
		return false;
	memcpy(value, *text + klen + 1, vlen - klen - 1);
	value[vlen - klen - 1] = 0;
	*text += vlen + 1;
	return true;
}

static bool parse(const char *text, struct standing *s)
{
	char mtime[STREAM_NAME_MAX + 1], state[STREAM_NAME_MAX + 1];

	*s = (struct standing){ };
	if (strncmp(text, "erad copy 1\n", 12))
		return false;
	text += 12;
	if (!take_line(&text, "at", s->at))
		return false;
	s->partial = take_line(&text, "unfinished", s->unfinished);
	if (!s->partial && !take_line(&text, "complete", state))
		return false;
	return take_line(&text, "mtime", mtime) && !strcmp(text, "end\n") &&
		sscanf(mtime, "%" SCNd64 ".%" SCNd64, &s->mtime_s, &s->mtime_ns) == 2;
}

static ssize_t read_file(const char *file, char *text, size_t size)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0) {
		errno = errno == ENOENT ? ENODATA : errno;
		return -1;
	}
	n = read(fd, text, size);
	close(fd);
	return n;
}

int standing_read(const struct standing_place *p, struct standing *s, struct err *err)
{
	const char *where = p->file ? p->file : p->path;
	char text[TEXT_MAX + 1];
	ssize_t n;

	n = p->file ? read_file(p->file, text, TEXT_MAX) : fgetxattr(p->fd, STANDING_XATTR, text, TEXT_MAX);
	if (n < 0 && errno != ERANGE)
		return err_set(err, -errno, "%s: reading where the copy stands: %s", where, strerror(errno));
	text[n < 0 ? 0 : n] = 0;
	if (!parse(text, s))
		return err_set(err, -EBADMSG, "%s: got something else than what 'eractl receive' writes about where a copy stands",
			       where);
	return 0;
}

/* Makes the entry of the file in its directory durable. */
static int sync_directory(const char *file)
{
	char *copy = strdup(file);
	const int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return r;
}

static int write_file(const char *file, const char *text)
{
	char *new;
	int fd, r;

	if (asprintf(&new, "%s.new", file) < 0)
		return -ENOMEM;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	r = fd < 0 ? -errno : 0;
	if (!r && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		r = errno ? -errno : -EIO;
	if (!r && fsync(fd))
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (!r && rename(new, file))
		r = -errno;
	if (!r)
		r = sync_directory(file);
	free(new);
	return r;
}

int standing_write(const struct standing_place *p, const struct standing *s, struct err *err)
{
	char text[TEXT_MAX];
	int r = 0;

	snprintf(text, sizeof(text), FORMAT_OUT, s->at, s->partial ? "unfinished" : "complete", s->unfinished, s->mtime_s,
		 s->mtime_ns);
	if (p->file)
		r = write_file(p->file, text);
	else if (fsetxattr(p->fd, STANDING_XATTR, text, strlen(text), 0) || fsync(p->fd))
		r = -errno;
	return r ? err_set(err, r, "%s: noting where the copy stands: %s", p->file ? p->file : p->path, strerror(-r)) : 0;
}
