// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads, changes and replaces /etc/eratab: see eratab.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/eratab.h"
#include "common/files.h"
#include "common/octal.h"
#include "common/text_stream.h"

#define BLANKS		" \t\r\v\f"
/* Byte order mark, which some editors write at the beginning of a file. */
#define BOM		"\xef\xbb\xbf"
#define READ_FIRST	4096u	/* first size of the buffer in bytes */

const char *const detach_policy_name[NR_DETACH_POLICIES] = {
	[DETACH_QUEUE] = "queue",
	[DETACH_FAIL] = "fail",
	[DETACH_DEGRADE] = "degrade",
};

int eratab_check_name(const char *name, struct err *err)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	size_t len = strlen(name);
	unsigned char wrong;

	if (!len || len > ERAD_NAME_MAX)
		return err_set(err, -EINVAL,
			       "a volume name has 1 to %d characters, got %zu",
			       ERAD_NAME_MAX, len);
	wrong = (unsigned char)name[strspn(name, ok)];
	if (wrong > ' ' && wrong < 0x7f)
		return err_set(err, -EINVAL, "volume name %s contains a '%c'; a volume name may contain letters, digits and . _ + -",
			       name, wrong);
	if (wrong)
		return err_set(err, -EINVAL,
			       "a volume name may contain letters, digits and . _ + -; got one with %s",
			       wrong == ' ' ? "a space" : wrong < ' ' || wrong == 0x7f ?
			       "a control character" : "a letter that is not ASCII");
	if (*name == '-')
		return err_set(err, -EINVAL, "volume name %s begins with -", name);
	/* /dev/mapper/control is device-mapper's own node, and "." and ".." are directories. */
	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "control"))
		return err_set(err, -EINVAL, "%s cannot be a volume name, because it has another meaning in /dev/mapper", name);
	return 0;
}

static void free_entry(struct eratab_entry *e)
{
	if (!e)
		return;
	free(e->origin);
	free(e->metadata);
	free(e);
}

static void free_line(struct eratab_line *l)
{
	free(l->text);
	free(l->error);
	free_entry(l->entry);
}

void eratab_free(struct eratab *tab)
{
	for (size_t i = 0; i < tab->nr; i++)
		free_line(&tab->line[i]);
	free(tab->line);
	free(tab->file);
	*tab = (struct eratab){ 0 };
}

/*
 * Returns the next field of *s, or NULL if no field is left.  Moves *s to the text after the field.
 */
static char *field(char **s)
{
	char *f = *s + strspn(*s, BLANKS);

	if (!*f)
		return NULL;
	*s = f + strcspn(f, BLANKS);
	if (**s)
		*(*s)++ = 0;
	return f;
}

static int parse_path(const char *what, char *f, char **out, struct err *err)
{
	if (!f)
		return err_set(err, -EINVAL, "no %s; expected NAME ORIGIN METADATA [OPTIONS]",
			       what);
	if (!octal_unescape(f))
		return err_set(err, -EINVAL,
			       "%s %.200s: a backslash begins three octal digits, 001 to 377",
			       what, f);
	if (*f != '/')
		return err_set(err, -EINVAL, "%s %.200s is not an absolute path", what, f);
	if (strlen(f) > ERATAB_PATH_MAX)
		return err_set(err, -EINVAL, "%s has %zu bytes, at most %d are allowed",
			       what, strlen(f), ERATAB_PATH_MAX);
	*out = strdup(f);
	return *out ? 0 : -ENOMEM;
}

static int parse_seconds(const char *s, unsigned int *out, struct err *err)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || !v || v > UINT32_MAX / 1000)
		return err_set(err, -EINVAL,
			       "detach_timeout=%.40s: expected seconds, 1 to %u", s,
			       UINT32_MAX / 1000);
	*out = (unsigned int)v;
	return 0;
}

/* Parses a policy.  Returns false if s is not a policy. */
static bool parse_policy(const char *s, enum detach_policy *out)
{
	for (int i = 0; i < NR_DETACH_POLICIES; i++) {
		if (strcmp(s, detach_policy_name[i]))
			continue;
		*out = i;
		return true;
	}
	return false;
}

static int parse_options(char *f, struct eratab_entry *e, struct err *err)
{
	char *save = NULL;
	char *o;

	if (!f || !strcmp(f, "-") || !strcmp(f, "none"))
		return 0;
	for (o = strtok_r(f, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		int r = 0;

		if (!strcmp(o, "noauto"))
			e->noauto = true;
		else if (!strcmp(o, "detaching"))
			e->detaching = true;
		else if (!strncmp(o, "detach_policy=", 14) && parse_policy(o + 14, &e->policy))
			;
		else if (!strncmp(o, "detach_timeout=", 15))
			r = parse_seconds(o + 15, &e->detach_timeout, err);
		else if (!strcmp(o, "gap=record") || !strcmp(o, "gap=refuse"))
			e->refuse_gap = !strcmp(o, "gap=refuse");
		else
			r = err_set(err, -EINVAL,
				    "option %.100s is not one of noauto, detaching, detach_policy=queue|fail|degrade, detach_timeout=SECONDS, gap=record|refuse",
				    o);
		if (r)
			return r;
	}
	return 0;
}

/* Parses the rest of a line, after the name.  The name has been checked already. */
static int parse_entry(const char *name, char *rest, struct eratab_entry *e, struct err *err)
{
	int r;

	strcpy(e->name, name);
	r = parse_path("origin", field(&rest), &e->origin, err);
	if (!r)
		r = parse_path("metadata", field(&rest), &e->metadata, err);
	if (!r)
		r = parse_options(field(&rest), e, err);
	if (!r && rest[strspn(rest, BLANKS)])
		r = err_set(err, -EINVAL,
			    "%.100s is one field too many; expected NAME ORIGIN METADATA [OPTIONS]",
			    rest + strspn(rest, BLANKS));
	return r;
}

static int grow_lines(struct eratab *tab, struct eratab_line **out)
{
	struct eratab_line *line;

	if (tab->nr == ERATAB_LINES_MAX)
		return -EFBIG;

	/* If the number of elements is a power of two, the array is full: double its size. */
	if (!(tab->nr & (tab->nr - 1))) {
		line = realloc(tab->line, (tab->nr ? tab->nr * 2 : 1) * sizeof(*line));
		if (!line)
			return -ENOMEM;
		tab->line = line;
	}
	*out = &tab->line[tab->nr++];
	**out = (struct eratab_line){ 0 };
	return 0;
}

static const struct eratab_line *named(const struct eratab *tab, const char *name)
{
	for (size_t i = 0; i < tab->nr; i++)
		if (!strcmp(tab->line[i].name, name))
			return &tab->line[i];
	return NULL;
}

/*
 * Parses the line `copy` into l, and changes the copy.  Returns 0 or ENOMEM.  If the line cannot be
 * parsed, also returns 0, and sets l->error.
 */
static int parse_line(struct eratab *tab, struct eratab_line *l, char *copy, bool has_zero)
{
	unsigned int number = (unsigned int)(l - tab->line) + 1;
	const struct eratab_line *first;
	struct err err = { .msg = "out of memory" };
	char *rest = number == 1 && !strncmp(copy, BOM, strlen(BOM)) ? copy + strlen(BOM) : copy;
	char *name = field(&rest);
	int r;

	if (!name || *name == '#')
		return 0;
	if (has_zero) {
		r = err_set(&err, -EINVAL, "the line holds a 0 byte");
		goto wrong;
	}
	r = eratab_check_name(name, &err);
	if (r)
		goto wrong;
	first = named(tab, name);
	strcpy(l->name, name);
	if (first) {
		r = err_set(&err, -EINVAL, "volume %s is in line %u, too; remove one of the two lines", name,
			    (unsigned int)(first - tab->line) + 1);
		goto wrong;
	}
	l->entry = calloc(1, sizeof(*l->entry));
	if (!l->entry)
		return -ENOMEM;
	r = parse_entry(name, rest, l->entry, &err);
	if (!r)
		return 0;
	free_entry(l->entry);
	l->entry = NULL;
wrong:
	if (r == -ENOMEM || asprintf(&l->error, "%s:%u: %s", tab->file, number, err.msg) < 0) {
		l->error = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int append_text(struct eratab *tab, const char *text, size_t len)
{
	struct eratab_line *l;
	char *copy;
	int r;

	r = grow_lines(tab, &l);
	if (r)
		return r;
	l->text = malloc(len + 1);
	copy = malloc(len + 1);
	if (!l->text || !copy) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(l->text, text, len);
	l->text[len] = 0;
	l->len = len;
	memcpy(copy, l->text, len + 1);
	r = parse_line(tab, l, copy, memchr(text, 0, len));
	free(copy);
	return r;
}

static int cannot_add(int r, const char *file, struct err *err)
{
	if (r == -EFBIG)
		return err_set(err, r, "%s has more than %u lines", file, ERATAB_LINES_MAX);
	return err_set(err, r, "%s: out of memory", file);
}

int eratab_parse(const char *text, size_t len, const char *file, struct eratab *tab,
		 struct err *err)
{
	*tab = (struct eratab){ .file = strdup(file) };
	if (!tab->file)
		return err_set(err, -ENOMEM, "%s: out of memory", file);

	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;

		int r = append_text(tab, text, n);

		if (r) {
			eratab_free(tab);
			return cannot_add(r, file, err);
		}
		n += !!nl;
		text += n;
		len -= n;
	}
	return 0;
}

static int open_table(const char *file, struct err *err)
{
	struct stat st;
	int fd;

	/* With O_NONBLOCK, opening a FIFO does not wait for a writer. */
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", file);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(err, -EINVAL, "%s is %s, expected a regular file", file,
		       S_ISDIR(st.st_mode) ? "a directory" : S_ISFIFO(st.st_mode) ? "a FIFO" : "a device");
}

int eratab_read(const char *file, struct eratab *tab, struct err *err)
{
	char *text = NULL, *more;
	size_t len = 0, size = 0;
	ssize_t n = 0;
	int fd, r;

	fd = open_table(file, err);
	if (fd == -ENOENT)
		return eratab_parse("", 0, file, tab, err);
	if (fd < 0)
		return fd;

	while (len <= ERATAB_SIZE_MAX) {
		/* Begin with a small buffer, because erad's memory is locked. */
		if (len == size) {
			size = size ? 2 * size : READ_FIRST;
			more = realloc(text, size);
			if (!more) {
				r = err_set(err, -ENOMEM, "%s: out of memory", file);
				goto out;
			}
			text = more;
		}
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}
	if (n < 0)
		r = err_set(err, -errno, "cannot read %s: %m", file);
	else if (len > ERATAB_SIZE_MAX)
		r = err_set(err, -EFBIG, "%s has more than %u bytes", file, ERATAB_SIZE_MAX);
	else
		r = eratab_parse(text, len, file, tab, err);
out:
	free(text);
	close(fd);
	return r;
}

/*
 * Returns EEXIST if another line also names the volume of l.  l must be the first of these lines.
 */
static int check_single(const struct eratab *tab, const struct eratab_line *l, struct err *err)
{
	const struct eratab_line *end = tab->line + tab->nr;

	for (const struct eratab_line *next = l + 1; next < end; next++)
		if (!strcmp(next->name, l->name))
			return err_set(err, -EEXIST,
				       "%s names volume %s in line %u and in line %u; remove one of the two lines",
				       tab->file, l->name, (unsigned int)(l - tab->line) + 1,
				       (unsigned int)(next - tab->line) + 1);
	return 0;
}

/* Finds the line with this name.  EEXIST: two lines name the volume. */
static int find_line(const struct eratab *tab, const char *name, const struct eratab_line **out,
		     struct err *err)
{
	*out = named(tab, name);
	if (!*name || !*out)
		return err_set(err, -ENOENT, "%s names no volume %s", tab->file, name);
	return check_single(tab, *out, err);
}

int eratab_find(const struct eratab *tab, const char *name, const struct eratab_entry **out,
		struct err *err)
{
	const struct eratab_line *l;
	int r;

	r = find_line(tab, name, &l, err);
	if (r)
		return r;
	if (!l->entry)
		return err_set(err, -EINVAL, "%s", l->error);
	*out = l->entry;
	return 0;
}

char *eratab_origin(const char *file, const char *name)
{
	const struct eratab_entry *e = NULL;
	char *origin = NULL;
	struct eratab tab;
	struct err err;

	if (eratab_read(file, &tab, &err))
		return NULL;
	if (!eratab_find(&tab, name, &e, &err))
		origin = strdup(e->origin);
	eratab_free(&tab);
	return origin;
}

/* Writes s as a field of a line.  A byte that has a meaning of its own in a line becomes \ooo. */
static void put_field(FILE *line, const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == '\\' || *s == '#' || *s == 0x7f)
			fprintf(line, "\\%03o", (unsigned char)*s);
		else
			fputc(*s, line);
	}
}

/*
 * Returns a line for e, without a newline at its end, or NULL if memory is short.  *len: the length
 * of the line.  The caller frees the line.
 */
static char *format_entry(const struct eratab_entry *e, size_t *len)
{
	const char *sep = "\t";
	struct text_stream t;
	FILE *line = text_stream_open(&t);

	if (!line)
		return NULL;
	fputs(e->name, line);
	fputc('\t', line);
	put_field(line, e->origin);
	fputc('\t', line);
	put_field(line, e->metadata);
	if (e->noauto) {
		fprintf(line, "%snoauto", sep);
		sep = ",";
	}
	if (e->detaching) {
		fprintf(line, "%sdetaching", sep);
		sep = ",";
	}
	if (e->policy) {
		fprintf(line, "%sdetach_policy=%s", sep, detach_policy_name[e->policy]);
		sep = ",";
	}
	if (e->detach_timeout) {
		fprintf(line, "%sdetach_timeout=%u", sep, e->detach_timeout);
		sep = ",";
	}
	if (e->refuse_gap)
		fprintf(line, "%sgap=refuse", sep);
	text_stream_close(line, &t);
	*len = t.len;
	return t.text;
}

int eratab_add(struct eratab *tab, const struct eratab_entry *e, struct err *err)
{
	struct eratab_line *l;
	char *text;
	size_t len;
	int r;

	r = eratab_check_name(e->name, err);
	if (r)
		return r;
	if (named(tab, e->name))
		return err_set(err, -EEXIST, "%s names a volume %s already", tab->file, e->name);
	text = format_entry(e, &len);
	r = text ? append_text(tab, text, len) : -ENOMEM;
	free(text);
	if (r)
		return cannot_add(r, tab->file, err);

	/* Parse the new line, because a line that cannot be parsed must not be written. */
	l = &tab->line[tab->nr - 1];
	if (l->entry)
		return 0;
	r = err_set(err, -EINVAL, "%s", l->error);
	free_line(l);
	tab->nr--;
	return r;
}

int eratab_replace(struct eratab *tab, const struct eratab_entry *e, struct err *err)
{
	const struct eratab_line *old;
	struct eratab_line last;
	size_t i;
	int r;

	r = find_line(tab, e->name, &old, err);
	if (r)
		return r;
	i = old - tab->line;
	/* eratab_add() refuses a name that is already in the table, so clear the old name first. */
	tab->line[i].name[0] = 0;
	r = eratab_add(tab, e, err);
	if (r) {
		strcpy(tab->line[i].name, e->name);
		return r;
	}
	last = tab->line[tab->nr - 1];
	free_line(&tab->line[i]);
	tab->line[i] = last;
	tab->nr--;
	return 0;
}

int eratab_remove(struct eratab *tab, const char *name, struct err *err)
{
	const struct eratab_line *l;
	size_t i;
	int r;

	r = find_line(tab, name, &l, err);
	if (r)
		return r;
	i = l - tab->line;
	free_line(&tab->line[i]);
	tab->nr--;
	memmove(&tab->line[i], &tab->line[i + 1], (tab->nr - i) * sizeof(*tab->line));
	return 0;
}

static int write_lines(const struct eratab *tab, int fd)
{
	uint64_t at = 0;
	int r = 0;

	for (size_t i = 0; i < tab->nr && !r; i++) {
		r = file_write_at(fd, tab->line[i].text, tab->line[i].len, at);
		at += tab->line[i].len;
		if (!r)
			r = file_write_at(fd, "\n", 1, at++);
	}
	return r;
}

int eratab_write(const struct eratab *tab, struct err *err)
{
	char real[PATH_MAX], tmp[PATH_MAX + 8];
	struct stat st;
	int fd, r;

	if (!realpath(tab->file, real)) {
		if (errno != ENOENT)
			return err_set(err, -errno, "cannot find %s: %m", tab->file);
		if (strlen(tab->file) >= sizeof(real))
			return err_set(err, -ENAMETOOLONG, "%s: the path is too long", tab->file);
		strcpy(real, tab->file);
	}
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", real);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot create %s: %m", tmp);

	if (stat(real, &st))
		st = (struct stat){ .st_mode = 0644 };
	r = fchown(fd, st.st_uid, st.st_gid) || fchmod(fd, st.st_mode & 07777) ? -errno : 0;
	if (!r)
		r = write_lines(tab, fd);
	if (!r)
		return file_replace(fd, tmp, real, err);
	close(fd);
	unlink(tmp);
	return err_set(err, r, "cannot replace %s: %s", tab->file, strerror(-r));
}
