// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes the list of the copies of a volume: see manifest.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "common/uuid.h"
#include "eractl/manifest.h"
#include "eractl/progress.h"

#define VERSION		1u
#define NAME		"MANIFEST"
#define NEW_NAME	"MANIFEST.new"
#define LOCK_NAME	"LOCK"
#define NUMBER_DIGITS	9u		/* limit of digits in the number of a file name */
#define PIECE		(1u << 20)	/* a file is read in units of this many bytes */

static int file_failed(const struct manifest *m, const char *file, const char *what, struct err *err)
{
	return err_set(err, -errno, "%s/%s: %s: %s", m->directory, file, what, strerror(errno));
}

/* ---- reading MANIFEST ---- */

/* Copies the text to out.  Returns false if text is NULL or does not fit. */
static bool take_text(const char *text, char *out, size_t size)
{
	return text && strlen(text) < size && strcpy(out, text);
}

/*
 * Returns whether the text is full-NUMBER.erad or incr-NUMBER.erad, so it cannot be a path to
 * another directory.
 */
static bool is_file_name(const char *text)
{
	const size_t length = strlen(text);

	return length > 10 && length <= 10 + NUMBER_DIGITS && (!strncmp(text, "full-", 5) || !strncmp(text, "incr-", 5)) &&
	       strspn(text + 5, "0123456789") == length - 10 && !strcmp(text + length - 5, ".erad");
}

static int find_copy(const struct manifest *m, const char *file)
{
	int i = m->nr;

	while (i-- && strcmp(m->copy[i].file, file))
		;
	return i;
}

static bool is_removed(const struct manifest *m, const char *file)
{
	unsigned int i = m->nr_removed;

	while (i-- && strcmp(m->removed[i], file))
		;
	return i + 1;
}

/* Parses a line about a copy.  Returns NULL, or a text about the error. */
static const char *parse_copy(const struct manifest *m, struct json_object *o, struct backup_copy *c)
{
	const char *token = json_text(o, "token"), *base = json_text(o, "base");

	memset(c, 0, sizeof(*c));
	if (!take_text(json_text(o, "file"), c->file, sizeof(c->file)) || !is_file_name(c->file) ||
	    find_copy(m, c->file) >= 0 || is_removed(m, c->file))
		return "the name of its file is wrong";
	c->base = base ? find_copy(m, base) : -1;
	if (base && c->base < 0)
		return "its base is not in a line before it";
	if (!token || !token_from_text(token, &c->token) || memcmp(c->token.uuid, m->uuid, sizeof(m->uuid)))
		return "its token is not one of the volume";
	if (!json_number(o, "time", &c->time) || !json_number(o, "size", &c->size) || !json_number(o, "bytes", &c->bytes))
		return "its time or one of its sizes is wrong";
	if (base && m->copy[c->base].size != c->size)
		return "its base has another size";
	if (!take_text(json_text(o, "sha256"), c->sha256, sizeof(c->sha256)) ||
	    strspn(c->sha256, "0123456789abcdef") != SHA256_TEXT - 1)
		return "its hash is wrong";
	if (!base && !take_text(json_text(o, "why"), c->why, sizeof(c->why)))
		return "it does not say why it is a full copy";
	c->closed = json_object_get_boolean(json_object_object_get(o, "closed"));
	return NULL;
}

/* Parses the list of files to be removed.  o NULL: there is no list. */
static int parse_removed(struct manifest *m, struct json_object *o, struct err *err)
{
	const size_t nr = json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
	int r = 0;

	for (size_t i = 0; i < nr && !r; i++) {
		struct json_object *file = json_object_array_get_idx(o, i);
		const char *text = json_object_is_type(file, json_type_string) ? json_object_get_string(file) : "";

		if (!is_file_name(text))
			r = err_set(err, -EBADMSG, "line 1: the name of a removed file is wrong");
		else
			r = manifest_add_removed(m, text, err);
	}
	return r;
}

static int parse_first(struct manifest *m, struct json_object *o, struct err *err)
{
	const char *uuid = json_text(o, "uuid"), *volume = json_text(o, "volume");
	uint64_t version;

	if (!json_number(o, "erad_backup", &version) || !uuid || !volume || !uuid_from_text(uuid, m->uuid))
		return err_set(err, -EBADMSG, "line 1: expected erad_backup, a UUID and a volume; this is no MANIFEST of 'eractl backup', or it is damaged");
	if (version != VERSION)
		return err_set(err, -EOPNOTSUPP, "line 1: got version %" PRIu64 ", expected %u: a newer eractl has written it",
			       version, VERSION);
	m->volume = strdup(volume);
	return m->volume ? parse_removed(m, json_object_object_get(o, "removed"), err) : err_set(err, -ENOMEM, "out of memory");
}

static int parse_line(struct manifest *m, const char *line, size_t length, unsigned int number, struct err *err)
{
	struct backup_copy copy;
	struct json_object *o;
	const char *wrong;
	int r;

	r = jsonl_parse(line, length, &o, err);
	if (r)
		return err_prefix(err, r, "line %u", number);
	if (number == 1) {
		r = parse_first(m, o, err);
	} else {
		wrong = parse_copy(m, o, &copy);
		r = wrong ? err_set(err, -EBADMSG, "line %u: %s", number, wrong) : manifest_add(m, &copy, err);
	}
	json_object_put(o);
	return r;
}

static int parse_manifest(struct manifest *m, FILE *f, struct err *err)
{
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int r = 0;

	while (!r && (length = getline(&line, &room, f)) > 0) {
		if (line[length - 1] != '\n')
			r = err_set(err, -EBADMSG, "line %u: it has no end, so the file was cut", number + 1);
		else
			r = parse_line(m, line, length - 1, ++number, err);
	}
	if (!r && ferror(f))
		r = err_set(err, -EIO, "cannot read it: %s", strerror(errno));
	if (!r && !number)
		r = err_set(err, -EBADMSG, "it is empty");
	free(line);
	return r ? err_prefix(err, r, "%s/" NAME, m->directory) : 0;
}

int manifest_open(struct manifest *m, const char *directory, struct err *err)
{
	const int lock = m->lock;
	FILE *f;
	int fd, r;

	m->lock = -1;
	manifest_close(m);
	*m = (struct manifest){ .directory = directory, .lock = lock };
	m->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->fd < 0)
		return err_set(err, -errno, "%s: expected a directory: %s", directory, strerror(errno));
	fd = openat(m->fd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ENODATA, "%s: it has no " NAME, directory);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f)
		return file_failed(m, NAME, "cannot open it", err);
	r = parse_manifest(m, f, err);
	fclose(f);
	return r;
}

void manifest_close(struct manifest *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->lock >= 0)
		close(m->lock);
	m->fd = m->lock = -1;
	free(m->volume);
	free(m->copy);
	free(m->removed);
	m->volume = NULL;
	m->copy = NULL;
	m->removed = NULL;
}

/* ---- changing the directory ---- */

int manifest_lock(struct manifest *m, struct err *err)
{
	m->lock = openat(m->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->lock < 0)
		return file_failed(m, LOCK_NAME, "cannot open it", err);
	if (!flock(m->lock, LOCK_EX | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, -EBUSY, "%s: another backup is being made in this directory", m->directory);
	return file_failed(m, LOCK_NAME, "cannot lock it", err);
}

int manifest_hold(const char *directory)
{
	const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_SH) && errno == EINTR)
		;
	return fd;
}

int manifest_check_empty(const struct manifest *m, struct err *err)
{
	static const char *const expected[] = { ".", "..", "lost+found", LOCK_NAME, NEW_NAME };
	const struct dirent *e;
	size_t i, nr = sizeof(expected) / sizeof(*expected);
	DIR *d = opendir(m->directory);
	int r = 0;

	if (!d)
		return err_set(err, -errno, "%s: %s", m->directory, strerror(errno));
	while (!r && (e = readdir(d))) {
		for (i = 0; i < nr && strcmp(e->d_name, expected[i]); i++)
			;
		if (i == nr)
			r = err_set(err, -ENOTEMPTY, "%s: got the file %.200s in it, expected an empty directory for --init",
				    m->directory, e->d_name);
	}
	closedir(d);
	return r;
}

unsigned long manifest_next_number(const struct manifest *m)
{
	unsigned long newest = 0, number;

	for (unsigned int i = 0; i < m->nr; i++) {
		number = strtoul(m->copy[i].file + strlen("full-"), NULL, 10);
		if (number > newest)
			newest = number;
	}
	return newest + 1;
}

static void write_line(FILE *f, struct json_object *o)
{
	fprintf(f, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void write_first(const struct manifest *m, FILE *f)
{
	struct json_object *o = json_object_new_object(), *removed = m->nr_removed ? json_object_new_array() : NULL;
	char uuid[UUID_TEXT_SIZE];

	json_object_object_add(o, "erad_backup", json_object_new_int(VERSION));
	json_object_object_add(o, "uuid", json_object_new_string(uuid_text(m->uuid, uuid)));
	json_object_object_add(o, "volume", jsonl_text(m->volume));
	if (m->nr_removed)
		json_object_object_add(o, "removed", removed);
	for (unsigned int i = 0; i < m->nr_removed; i++)
		json_object_array_add(removed, json_object_new_string(m->removed[i]));
	write_line(f, o);
}

static void write_copy_line(const struct manifest *m, const struct backup_copy *c, FILE *f)
{
	struct json_object *o = json_object_new_object();
	char token[TOKEN_TEXT_SIZE];

	json_object_object_add(o, "file", json_object_new_string(c->file));
	json_object_object_add(o, "base", c->base < 0 ? NULL : json_object_new_string(m->copy[c->base].file));
	json_object_object_add(o, "token", json_object_new_string(token_text(&c->token, token)));
	json_object_object_add(o, "time", json_object_new_uint64(c->time));
	json_object_object_add(o, "closed", json_object_new_boolean(c->closed));
	json_object_object_add(o, "size", json_object_new_uint64(c->size));
	json_object_object_add(o, "bytes", json_object_new_uint64(c->bytes));
	json_object_object_add(o, "sha256", json_object_new_string(c->sha256));
	json_object_object_add(o, "why", c->base < 0 ? jsonl_text(c->why) : NULL);
	write_line(f, o);
}

int manifest_write(const struct manifest *m, struct err *err)
{
	const int fd = openat(m->fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	bool good;

	if (!f) {
		file_failed(m, NEW_NAME, "cannot open it", err);
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	write_first(m, f);
	for (unsigned int i = 0; i < m->nr; i++)
		write_copy_line(m, &m->copy[i], f);
	good = !fflush(f) && !ferror(f) && !fsync(fd);
	if (!good)
		file_failed(m, NEW_NAME, "cannot write it", err);
	fclose(f);
	if (!good)
		return -EIO;
	if (renameat(m->fd, NEW_NAME, m->fd, NAME))
		return file_failed(m, NAME, "cannot replace it", err);
	if (fsync(m->fd))
		return err_set(err, -errno, "%s/" NAME ": it was replaced, but cannot be made durable: %s; a power cut may bring back the old one",
			       m->directory, strerror(errno));
	return 0;
}

int manifest_add(struct manifest *m, const struct backup_copy *copy, struct err *err)
{
	struct backup_copy *more = realloc(m->copy, (m->nr + 1) * sizeof(*more));

	if (!more)
		return err_set(err, -ENOMEM, "out of memory");
	m->copy = more;
	m->copy[m->nr++] = *copy;
	return 0;
}

int manifest_add_removed(struct manifest *m, const char *file, struct err *err)
{
	char (*more)[MANIFEST_FILE_MAX + 1] = realloc(m->removed, (m->nr_removed + 1) * sizeof(*more));

	if (!more)
		return err_set(err, -ENOMEM, "out of memory");
	m->removed = more;
	snprintf(m->removed[m->nr_removed++], sizeof(*more), "%s", file);
	return 0;
}

/* ---- checking the files of copies ---- */

static int check_file_size(const struct manifest *m, const struct backup_copy *c, struct err *err)
{
	struct stat st;

	if (fstatat(m->fd, c->file, &st, AT_SYMLINK_NOFOLLOW))
		return file_failed(m, c->file, "cannot find the file of a copy", err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "%s/%s: it is not a regular file", m->directory, c->file);
	if ((uint64_t)st.st_size == c->bytes)
		return 0;
	return err_set(err, -EBADMSG, "%s/%s: it has %lld bytes, expected %" PRIu64, m->directory, c->file,
		       (long long)st.st_size, c->bytes);
}

static int hash_file(const struct manifest *m, int fd, const char *file, uint64_t bytes, char text[SHA256_TEXT], struct err *err)
{
	char *buf = malloc(PIECE);
	struct sha256 hash;
	uint64_t at = 0;
	size_t n;
	int r = buf ? sha256_begin(&hash) : -ENOMEM;

	if (r) {
		free(buf);
		return err_set(err, r, "SHA-256: %s", strerror(-r));
	}
	while (!r) {
		progress_show("reading back", at < bytes ? at : bytes, bytes);
		r = file_read_at(fd, buf, PIECE, at, &n);
		if (r)
			err_set(err, r, "%s/%s: cannot read it at byte %" PRIu64 ": %s", m->directory, file, at + n, strerror(-r));
		if (r || !n)
			break;
		sha256_add(&hash, buf, n);
		at += n;
	}
	progress_show("reading back", bytes, bytes);
	sha256_end(&hash, text);
	free(buf);
	if (r || at == bytes)
		return r;
	return err_set(err, -EBADMSG, "%s/%s: it has %" PRIu64 " bytes, expected %" PRIu64, m->directory, file, at, bytes);
}

int manifest_check_content(const struct manifest *m, const char *file, const struct backup_copy *copy, struct err *err)
{
	const int fd = openat(m->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[SHA256_TEXT];
	int r;

	if (fd < 0)
		return file_failed(m, file, "cannot open the file of a copy", err);
	/*
	 * Drop the pages from the page cache, so that reads come from the medium.  This works
	 * because the file was flushed when it was made.
	 */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	r = hash_file(m, fd, file, copy->bytes, text, err);
	close(fd);
	if (r || !strcmp(text, copy->sha256))
		return r;
	return err_set(err, -EBADMSG, "%s/%s: it is damaged: got the SHA-256 %s, expected %s", m->directory, file, text,
		       copy->sha256);
}

int manifest_check_head(const struct manifest *m, const struct backup_copy *copy, const struct stream_head *head, struct err *err)
{
	struct stream_head expected = { .size = copy->size };

	if (copy->base >= 0)
		stream_name(&m->copy[copy->base].token, expected.from);
	stream_name(&copy->token, expected.to);
	if (!strcmp(head->from, expected.from) && !strcmp(head->to, expected.to) && head->size == expected.size)
		return 0;
	return err_set(err, -EBADMSG, "it is not the copy that MANIFEST describes: got from %s to %s with %" PRIu64
		       " bytes, expected from %s to %s with %" PRIu64 " bytes", *head->from ? head->from : "nothing", head->to,
		       head->size, *expected.from ? expected.from : "nothing", expected.to, expected.size);
}

static ssize_t read_file(void *ctx, void *buf, size_t len)
{
	return read(*(int *)ctx, buf, len);
}

/* Compares MANIFEST, which has no checksum, with the head in the file, which has a checksum. */
static int check_file_head(const struct manifest *m, const struct backup_copy *c, struct err *err)
{
	int fd = openat(m->fd, c->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stream_in *in;
	int r;

	if (fd < 0)
		return file_failed(m, c->file, "cannot open the file of a copy", err);
	r = stream_open(read_file, &fd, &in, err);
	if (!r) {
		r = manifest_check_head(m, c, stream_get_head(in), err);
		stream_close(in);
	}
	close(fd);
	return r ? err_prefix(err, r, "%s/%s", m->directory, c->file) : 0;
}

int manifest_check_copy(const struct manifest *m, const struct backup_copy *copy, bool contents, struct err *err)
{
	int r = check_file_size(m, copy, err);

	if (!r && contents)
		r = manifest_check_content(m, copy->file, copy, err);
	return r ? r : check_file_head(m, copy, err);
}

int manifest_check_chain(const struct manifest *m, int index, bool contents, int *bad, struct err *err)
{
	int r = 0;

	for (; index >= 0 && !r; index = m->copy[index].base) {
		r = manifest_check_copy(m, &m->copy[index], contents, err);
		if (r)
			*bad = index;
	}
	return r;
}

/* Returns whether the copy `other` is the copy `index`, or one of its bases. */
static bool chain_has(const struct manifest *m, int index, int other)
{
	while (index > other)
		index = m->copy[index].base;
	return index == other;
}

int manifest_find_good(const struct manifest *m, bool contents, struct err *why)
{
	struct err further;
	int index = m->nr, bad = m->nr;

	*why->msg = '\0';
	while (--index >= 0) {
		/*
		 * bad: the copy whose file was found to be bad in an earlier turn.  No copy that
		 * depends on this file is good, so the files of these copies need not be read.
		 */
		if (bad >= 0 && chain_has(m, index, bad))
			continue;
		if (!manifest_check_chain(m, index, contents, &bad, *why->msg ? &further : why))
			break;
	}
	return index;
}
