// SPDX-License-Identifier: GPL-2.0-or-later
/* The reject patterns of erad in LVM's configuration: see lvm_filter.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_lock.h"
#include "common/files.h"
#include "common/lvm_filter.h"
#include "common/text_stream.h"

#define COMMENT	"# The next line is eractl's: attach and detach change it.  LVM is not to use devices below erad's volumes."
#define BEGIN	"devices/global_filter = ["
#define CONF_MAX	(1u << 20)	/* bytes */
#define LOCK_S		10

/*
 * Writes the pattern "r|^/dev/vda$|", with the quotes.  A backslash precedes each character of the
 * path that is special in a pattern.
 */
static int put_pattern(FILE *f, const char *path)
{
	fputs("\"r|^", f);
	for (; *path; path++) {
		if (strchr("|\"\\", *path) || (unsigned char)*path < ' ')
			return -EINVAL;
		/* In LVM's configuration, a string contains two backslashes for each backslash. */
		if (strchr(".+*?[](){}^$", *path))
			fputs("\\\\", f);
		fputc(*path, f);
	}
	fputs("$|\"", f);
	return 0;
}

/*
 * Returns 0 and in *text the pattern, which the caller frees.  EINVAL: the path contains a
 * character that a pattern cannot contain.
 */
static int make_pattern(const char *path, char **text, struct err *err)
{
	struct text_stream t;
	FILE *f = text_stream_open(&t);
	int r, closed;

	*text = NULL;
	if (!f)
		return err_set(err, -ENOMEM, "out of memory");
	r = put_pattern(f, path);
	closed = text_stream_close(f, &t);
	if (r) {
		free(t.text);
		return err_set(err, r, "%.200s cannot be part of a pattern of LVM, because it contains |, \", \\ or a control character", path);
	}
	*text = t.text;
	return closed ? err_set(err, closed, "out of memory") : 0;
}

void lvm_filter_line(const char *path, char *line, size_t size)
{
	char *text;

	make_pattern(path, &text, NULL);
	snprintf(line, size, BEGIN " %s ]", text ? text : "");
	free(text);
}

/*
 * Reads the whole file.  Sets *text to "" if there is no file, and to NULL on failure.  The caller
 * frees *text.
 */
static int read_file(const char *file, char **text, struct err *err)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *whole = calloc(1, CONF_MAX + 2);
	size_t n = 0;
	int r = 0;

	*text = NULL;
	if (fd < 0 && errno != ENOENT)
		r = err_set(err, -errno, "cannot open %s: %m", file);
	else if (!whole)
		r = err_set(err, -ENOMEM, "out of memory");
	else if (fd >= 0)
		r = file_read_at(fd, whole, CONF_MAX + 1, 0, &n);
	if (r && whole && fd >= 0)
		err_set(err, r, "cannot read %s: %s", file, strerror(-r));
	if (!r && n > CONF_MAX)
		r = err_set(err, -EINVAL, "%s has more than %u bytes", file, CONF_MAX);
	else if (!r && strlen(whole) != n)
		r = err_set(err, -EINVAL, "%s contains a 0 byte, expected text", file);
	if (fd >= 0)
		close(fd);
	if (r)
		free(whole);
	else
		*text = whole;
	return r;
}

/*
 * Replaces the file.  Under the lock, all writers can use the same name for the new file.  If a
 * process dies before the rename, the next writer overwrites its file.
 */
static int write_file(const char *file, const char *text, struct err *err)
{
	char tmp[PATH_MAX + sizeof(".erad.new")];
	struct stat st;
	int fd, r;

	snprintf(tmp, sizeof(tmp), "%s.erad.new", file);
	if (stat(file, &st))
		st = (struct stat){ .st_mode = 0644 };
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, st.st_mode & 0777);
	if (fd < 0)
		return err_set(err, -errno, "cannot create %s: %m", tmp);
	r = fchown(fd, st.st_uid, st.st_gid) ? -errno : file_write_at(fd, text, strlen(text), 0);
	if (!r)
		return file_replace(fd, tmp, file, err);
	close(fd);
	unlink(tmp);
	return err_set(err, r, "cannot replace %s: %s", file, strerror(-r));
}

/* Returns the beginning of erad's two lines, or the end of the text if there are no such lines. */
static const char *find_ours(const char *text)
{
	const char *at = text;

	while ((at = strstr(at, COMMENT "\n" BEGIN))) {
		if (at == text || at[-1] == '\n')
			return at;
		at++;
	}
	return text + strlen(text);
}

/*
 * Returns the next pattern between p and end, with its quotes, and sets *n to its length.  Returns
 * NULL if there is no further pattern.
 */
static const char *next_pattern(const char *p, const char *end, size_t *n)
{
	const char *last;

	p = memchr(p, '"', end - p);
	last = p ? memchr(p + 1, '"', end - p - 1) : NULL;
	if (!last)
		return NULL;
	*n = last + 1 - p;
	return p;
}

/*
 * Copies the patterns of a line, except the pattern `mine`.  Returns the number of copied patterns.
 */
static unsigned int copy_patterns(FILE *f, const char *line, size_t len, const char *mine)
{
	const char *end = line + len;
	unsigned int nr = 0;
	size_t n;

	for (const char *p = line; (p = next_pattern(p, end, &n)); p += n)
		if (n != strlen(mine) || strncmp(p, mine, n)) {
			fputs(nr++ ? ", " : "", f);
			fwrite(p, 1, n, f);
		}
	return nr;
}

/*
 * ours: the result of find_ours().  Returns the line with the patterns, which follows the comment
 * line, and sets *len to its length.  Returns NULL if there is no such line.
 */
static const char *pattern_line(const char *ours, size_t *len)
{
	const char *line;

	if (!*ours)
		return NULL;
	line = strchr(ours, '\n') + 1;
	*len = strcspn(line, "\n");
	return line;
}

/*
 * Writes all other lines unchanged, and then erad's two lines, if there are patterns.  Returns 0 or
 * ENOMEM.
 */
static int write_edited(FILE *f, const char *text, const char *mine, bool add)
{
	const char *ours = find_ours(text), *rest = ours, *line;
	struct text_stream patterns;
	FILE *p = text_stream_open(&patterns);
	size_t len = 0;
	unsigned int nr;
	int r;

	if (!p)
		return -ENOMEM;
	line = pattern_line(ours, &len);
	if (line)
		rest = line + len;
	nr = line ? copy_patterns(p, line, len, mine) : 0;
	if (add)
		fprintf(p, "%s%s", nr++ ? ", " : "", mine);
	r = text_stream_close(p, &patterns);
	if (r)
		return r;

	rest += *rest == '\n';
	fwrite(text, 1, ours - text, f);
	fputs(rest, f);
	if (nr) {
		if (*text && text[strlen(text) - 1] != '\n')
			fputc('\n', f);
		fprintf(f, COMMENT "\n" BEGIN " %s ]\n", patterns.text);
	}
	free(patterns.text);
	return 0;
}

/* Sets *edited to the text after the change, which the caller frees.  Returns 0 or ENOMEM. */
static int edit(const char *text, const char *mine, bool add, char **edited, struct err *err)
{
	struct text_stream t;
	FILE *f = text_stream_open(&t);
	int r, closed;

	*edited = NULL;
	if (!f)
		return err_set(err, -ENOMEM, "out of memory");
	r = write_edited(f, text, mine, add);
	closed = text_stream_close(f, &t);
	if (!r && !closed) {
		*edited = t.text;
		return 0;
	}
	free(t.text);
	return err_set(err, r ? r : closed, "out of memory");
}

/*
 * Locks the directory, so that only one process or thread at a time reads and replaces the file.
 * Returns the fd of the directory, or a negative errno.  close() of the fd ends the lock.
 */
static int lock(const char *file, struct err *err)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", file);
	*strrchr(dir, '/') = 0;
	return file_lock(dir, O_RDONLY | O_DIRECTORY, LOCK_S, err);
}

/*
 * Changes the patterns of a file that is no link.  Returns 1 if the file was changed, 0 if the file
 * already was as requested, or a negative errno.
 */
static int change_file(const char *file, const char *mine, bool add, struct err *err)
{
	char *text = NULL, *edited = NULL;
	int fd, r;

	fd = lock(file, err);
	if (fd < 0)
		return fd == -ENOENT && !add ? 0 : fd;
	r = read_file(file, &text, err);
	if (!r)
		r = edit(text, mine, add, &edited, err);
	if (r)
		goto out;
	if (strcmp(text, edited)) {
		r = write_file(file, edited, err);
		r = r ? r : 1;
	} else if (*text) {
		/*
		 * Make the name durable even without a change, because an earlier change may have
		 * failed in this step.
		 */
		r = file_sync_name(file);
		if (r)
			err_set(err, r, "cannot make %s durable: %s", file, strerror(-r));
	}
out:
	close(fd);
	free(edited);
	free(text);
	return r;
}

/*
 * Finds the file that is changed: if `file` is a symbolic link, its target, so that the link stays.
 * target: a buffer of PATH_MAX bytes.  ENOENT: the link leads to no file.
 */
static int find_target(const char *file, char *target, struct err *err)
{
	char link[1];

	/* Only a symbolic link can be read. */
	if (readlink(file, link, sizeof(link)) < 0) {
		snprintf(target, PATH_MAX, "%s", file);
		return 0;
	}
	if (realpath(file, target))
		return 0;
	if (errno == ENOENT)
		return err_set(err, -ENOENT, "%s is a symbolic link that leads to no file; make the file, or remove the link", file);
	return err_set(err, -errno, "cannot follow the symbolic link %s: %m", file);
}

/* As change_file(), but `file` may be a symbolic link. */
static int change(const char *file, const char *path, bool add, struct err *err)
{
	char target[PATH_MAX], *mine;
	int r;

	r = make_pattern(path, &mine, err);
	if (r)
		return r;
	r = find_target(file, target, err);
	if (!r)
		r = change_file(target, mine, add, err);
	else if (r == -ENOENT && !add)
		r = 0;
	free(mine);
	return r;
}

int lvm_filter_add(const char *file, const char *path, struct err *err)
{
	return change(file, path, true, err);
}

int lvm_filter_remove(const char *file, const char *path, struct err *err)
{
	return change(file, path, false, err);
}

int lvm_filter_has(const char *file, const char *path, struct err *err)
{
	char *text = NULL, *mine;
	const char *line, *end;
	size_t len, n;
	int r, has = 0;

	r = make_pattern(path, &mine, err);
	if (r)
		return r == -EINVAL ? 0 : r;
	r = read_file(file, &text, err);
	line = r ? NULL : pattern_line(find_ours(text), &len);
	end = line ? line + len : NULL;
	for (const char *p = line; p && !has && (p = next_pattern(p, end, &n)); p += n)
		has = n == strlen(mine) && !strncmp(p, mine, n);
	free(text);
	free(mine);
	return r ? r : has;
}

int lvm_filter_ours(const char *file, struct err *err)
{
	char *text;
	int r = read_file(file, &text, err);

	if (r)
		return r;
	r = *find_ours(text) ? 1 : 0;
	free(text);
	return r;
}
