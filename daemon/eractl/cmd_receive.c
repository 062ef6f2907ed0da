// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl receive: brings a copy up to date from a stream of send or of rbd export-diff. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/progress.h"
#include "eractl/standing.h"
#include "eractl/stream.h"
#include "store/crc32c.h"

#define ZEROS	(1u << 20)	/* bytes of zeros written at a time */

/* What was written, to be read back. */
struct written {
	uint64_t offset, length;
	uint32_t crc;
};

struct receive {
	const char *path, *state;
	bool overwrite, json;
	struct stream_in *in;
	const struct stream_head *head;
	struct standing_place place;
	struct standing standing;
	bool has_standing;
	bool block_device, created;
	FILE *written;		/* a temporary file of struct written */
	uint8_t *buf;		/* STREAM_GROUP bytes */
	uint64_t data_bytes, zero_bytes;	/* of the stream */
	bool full_copy_due, already;
};

static ssize_t read_stdin(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	return read(STDIN_FILENO, buf, len);
}

static int failed(const struct receive *rc, struct err *err, const char *what)
{
	return err_set(err, -errno, "%s: %s: %s", rc->path, what, strerror(errno));
}

/* ---- before anything is written ---- */

static int open_target(struct receive *rc, struct err *err)
{
	const bool full = !*rc->head->from;
	struct stat st;
	int fd;

	fd = open(rc->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && full) {
		fd = open(rc->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		rc->created = fd >= 0;
	}
	if (fd < 0 && errno == ENOENT) {
		rc->full_copy_due = true;
		return err_set(err, -ENOENT, "%s: a full copy is due: there is no copy, and the stream is an increment on %s",
			       rc->path, rc->head->from);
	}
	if (fd < 0 || fstat(fd, &st))
		return failed(rc, err, "opening the copy");
	rc->place.fd = fd;
	rc->block_device = S_ISBLK(st.st_mode);
	if (!rc->block_device && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: expected a regular file or a block device", rc->path);
	if (rc->block_device) {
		/* Nobody else may have it open exclusively, for example a file system. */
		close(fd);
		rc->place.fd = fd = open(rc->path, O_RDWR | O_CLOEXEC | O_EXCL);
		if (fd < 0)
			return failed(rc, err, "opening the device");
		if (!rc->state)
			return err_set(err, -EINVAL, "%s: --state FILE is missing: a block device has no place in which receive could note where the copy stands",
				       rc->path);
	}
	if (flock(fd, LOCK_EX | LOCK_NB))
		return err_set(err, -errno, "%s: it is in use, perhaps by another 'eractl receive'", rc->path);
	return 0;
}

static int read_standing(struct receive *rc, struct err *err)
{
	struct err why;
	int r = standing_read(&rc->place, &rc->standing, &why);

	rc->has_standing = !r;
	if (!r || r == -ENODATA)
		return 0;
	if (r == -EOPNOTSUPP)
		return err_set(err, r, "%s; --state FILE names a file for that", why.msg);
	*err = why;
	return r;
}

/*
 * Whether the stream to `to` overwrites all that the unfinished stream has written.  A later stream of the same
 * timeline does.  A stream of another timeline does not, because the volume may have been put back between the
 * two: then some blocks of the unfinished stream were never written on the new timeline.
 */
static bool covers(const char *to, const char *unfinished)
{
	struct token t, u;

	if (*to && !strcmp(to, unfinished))
		return true;
	return stream_token(to, &t) && stream_token(unfinished, &u) && !memcmp(t.uuid, u.uuid, sizeof(t.uuid)) &&
		t.timeline == u.timeline && t.era >= u.era;
}

static bool other_timeline(const char *to, const char *unfinished)
{
	struct token t, u;

	return stream_token(to, &t) && stream_token(unfinished, &u) && !memcmp(t.uuid, u.uuid, sizeof(t.uuid)) &&
		t.timeline != u.timeline;
}

static int check_full(struct receive *rc, struct err *err)
{
	uint64_t size = 0;
	struct stat st;

	if (rc->created || rc->overwrite || (rc->has_standing && rc->standing.partial && !*rc->standing.at))
		return 0;
	if (!rc->block_device && !fstat(rc->place.fd, &st))
		size = st.st_size;
	if (!rc->block_device && !size)
		return 0;
	return err_set(err, -EEXIST, "%s: it has content, and the stream is a full copy; --overwrite overwrites it", rc->path);
}

static int check_unchanged(struct receive *rc, struct err *err)
{
	struct stat st;

	if (rc->block_device || rc->standing.partial)
		return 0;
	if (fstat(rc->place.fd, &st))
		return failed(rc, err, "looking at the copy");
	if (st.st_mtim.tv_sec == rc->standing.mtime_s && st.st_mtim.tv_nsec == rc->standing.mtime_ns)
		return 0;
	rc->full_copy_due = true;
	return err_set(err, -ESTALE, "%s: a full copy is due: it was written since the last 'eractl receive'", rc->path);
}

static int check_increment(struct receive *rc, struct err *err)
{
	const struct standing *s = &rc->standing;
	const char *from = rc->head->from, *to = rc->head->to;

	if (!rc->has_standing || !*s->at) {
		rc->full_copy_due = true;
		return err_set(err, -ESTALE, "%s: a full copy is due: it is not known to be a copy of any moment, and the stream is an increment on %s",
			       rc->path, from);
	}
	if (!s->partial && *to && !strcmp(s->at, to)) {
		rc->already = true;
		return check_unchanged(rc, err);
	}
	if (strcmp(s->at, from))
		return err_set(err, -EINVAL, "%s: the copy is of %s, but the stream is an increment on %s: send an increment on the former",
			       rc->path, s->at, from);
	if (s->partial && other_timeline(to, s->unfinished)) {
		rc->full_copy_due = true;
		return err_set(err, -ESTALE, "%s: a full copy is due: a part of the increment to %s is in the copy, and the volume was opened again between that moment and %s",
			       rc->path, s->unfinished, to);
	}
	if (s->partial && !covers(to, s->unfinished))
		return err_set(err, -EINVAL, "%s: a part of the increment to %s is in the copy; expected the same or a later one, got the increment to %s",
			       rc->path, *s->unfinished ? s->unfinished : "a moment without a name", *to ? to : "a moment without a name");
	return check_unchanged(rc, err);
}

static int check_size(struct receive *rc, struct err *err)
{
	uint64_t size;

	if (!rc->block_device)
		return 0;
	if (ioctl(rc->place.fd, BLKGETSIZE64, &size))
		return failed(rc, err, "asking for the size");
	if (size >= rc->head->size)
		return 0;
	return err_set(err, -ENOSPC, "%s has %" PRIu64 " bytes, but the volume has %" PRIu64, rc->path, size, rc->head->size);
}

/* ---- writing ---- */

static int write_all(struct receive *rc, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err)
{
	while (length) {
		const ssize_t n = pwrite(rc->place.fd, data, length, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(rc, err, "writing the copy");
		data += n;
		length -= n;
		offset += n;
	}
	return 0;
}

static int write_zeros(struct receive *rc, uint64_t offset, uint64_t length, struct err *err)
{
	static const uint8_t zeros[ZEROS];
	int r = 0;

	/* A file that was emptied has zeros there. */
	if (!length || (!rc->block_device && !*rc->head->from))
		return 0;
	if (!fallocate(rc->place.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length))
		return 0;
	for (; length && !r; offset += ZEROS, length -= length < ZEROS ? length : ZEROS)
		r = write_all(rc, zeros, length < ZEROS ? length : ZEROS, offset, err);
	return r;
}

static int take_extent(struct receive *rc, const struct stream_extent *e, struct err *err)
{
	struct written w = { e->offset, e->length, 0 };
	int r;

	if (!e->data) {
		rc->zero_bytes += e->length;
		return write_zeros(rc, e->offset, e->length, err);
	}
	rc->data_bytes += e->length;
	r = write_all(rc, e->data, e->length, e->offset, err);
	if (r)
		return r;
	w.crc = crc32c(0, e->data, e->length);
	return fwrite(&w, sizeof(w), 1, rc->written) == 1 ? 0 : failed(rc, err, "writing a temporary file");
}

static int apply(struct receive *rc, struct err *err)
{
	struct stream_extent e;
	uint64_t end = 0;
	int r;

	if (!rc->block_device && !*rc->head->from && ftruncate(rc->place.fd, 0))
		return failed(rc, err, "emptying the copy");
	if (!rc->block_device && ftruncate(rc->place.fd, rc->head->size))
		return failed(rc, err, "setting the size of the copy");
	while ((r = stream_next(rc->in, &e, err)) == 1) {
		progress_show("receiving", e.offset, rc->head->size);
		/* What a full copy does not mention is zeros. */
		r = *rc->head->from ? 0 : write_zeros(rc, end, e.offset - end, err);
		end = e.offset + e.length;
		if (!r)
			r = take_extent(rc, &e, err);
		if (r)
			break;
	}
	if (!r && !*rc->head->from)
		r = write_zeros(rc, end, rc->head->size - end, err);
	if (!r && fsync(rc->place.fd))
		r = failed(rc, err, "making the copy durable");
	progress_show("receiving", rc->head->size, rc->head->size);
	return r;
}

static int read_back(struct receive *rc, const struct written *w, struct err *err)
{
	uint64_t done = 0;

	while (done < w->length) {
		const ssize_t n = pread(rc->place.fd, rc->buf + done, w->length - done, w->offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(rc, err, "reading back the copy");
		if (!n)
			return err_set(err, -EIO, "%s: it ends at byte %" PRIu64, rc->path, w->offset + done);
		done += n;
	}
	if (crc32c(0, rc->buf, w->length) == w->crc)
		return 0;
	return err_set(err, -EIO, "%s: what was written at byte %" PRIu64 ", %" PRIu64 " bytes, reads back as something else",
		       rc->path, w->offset, w->length);
}

/* Reads from the medium what was written. */
static int verify(struct receive *rc, struct err *err)
{
	struct written w;
	int r = 0;

	if (fflush(rc->written) || ferror(rc->written))
		return err_set(err, -EIO, "%s: a temporary file cannot be written", rc->path);
	rewind(rc->written);
	/* Drops the pages from the cache; they are clean after fsync(). */
	posix_fadvise(rc->place.fd, 0, 0, POSIX_FADV_DONTNEED);
	while (!r && fread(&w, sizeof(w), 1, rc->written) == 1) {
		progress_show("reading back", w.offset, rc->head->size);
		r = read_back(rc, &w, err);
	}
	progress_show("reading back", rc->head->size, rc->head->size);
	return r || !ferror(rc->written) ? r : err_set(err, -EIO, "%s: a temporary file cannot be read", rc->path);
}

/* ---- the order ---- */

static int note_unfinished(struct receive *rc, struct err *err)
{
	struct standing s = { .partial = true };

	strcpy(s.at, rc->head->from);
	strcpy(s.unfinished, rc->head->to);
	return standing_write(&rc->place, &s, err);
}

static int note_complete(struct receive *rc, struct err *err)
{
	struct standing s = { };
	struct stat st;

	if (fstat(rc->place.fd, &st))
		return failed(rc, err, "looking at the copy");
	strcpy(s.at, rc->head->to);
	if (!rc->block_device) {
		s.mtime_s = st.st_mtim.tv_sec;
		s.mtime_ns = st.st_mtim.tv_nsec;
	}
	return standing_write(&rc->place, &s, err);
}

/* Writes nothing to the copy, other than creating an empty file. */
static int prepare(struct receive *rc, struct err *err)
{
	int r = open_target(rc, err);

	if (!r)
		r = read_standing(rc, err);
	if (!r)
		r = *rc->head->from ? check_increment(rc, err) : check_full(rc, err);
	if (!r)
		r = check_size(rc, err);
	if (r)
		return r;
	rc->written = tmpfile();
	if (!rc->written)
		return failed(rc, err, "making a temporary file");
	rc->buf = malloc(STREAM_GROUP);
	return rc->buf ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Reads the rest of a stream that is not needed, so that whoever writes it does not fail. */
static int skip(struct receive *rc, struct err *err)
{
	struct stream_extent e;
	int r;

	do {
		r = stream_next(rc->in, &e, err);
	} while (r == 1);
	return r;
}

static int receive(struct receive *rc, struct err *err)
{
	int r = prepare(rc, err);

	if (r) {
		if (rc->created)
			unlink(rc->path);
		return r;
	}
	if (rc->already)
		return skip(rc, err);
	r = note_unfinished(rc, err);
	if (r)
		return r;
	r = apply(rc, err);
	if (!r)
		r = verify(rc, err);
	if (!r)
		return note_complete(rc, err);
	if (*rc->head->from)
		return err_prefix(err, r, "%s: the copy is between two moments: send an increment on %s again", rc->path,
				  rc->head->from);
	return err_prefix(err, r, "%s: the copy is not complete: send a full copy again", rc->path);
}

static void print_as_json(const struct receive *rc)
{
	struct json_object *o = json_object_new_object();
	struct token t;
	char text[TOKEN_TEXT_SIZE];

	json_object_object_add(o, "copy", json_object_new_string(rc->path));
	json_object_object_add(o, "from", *rc->head->from ? json_object_new_string(rc->head->from) : NULL);
	json_object_object_add(o, "to", *rc->head->to ? json_object_new_string(rc->head->to) : NULL);
	json_object_object_add(o, "token", stream_token(rc->head->to, &t) ? json_object_new_string(token_text(&t, text)) : NULL);
	json_object_object_add(o, "size", json_object_new_uint64(rc->head->size));
	json_object_object_add(o, "data_bytes", json_object_new_uint64(rc->data_bytes));
	json_object_object_add(o, "zero_bytes", json_object_new_uint64(rc->zero_bytes));
	json_object_object_add(o, "checksums", json_object_new_boolean(stream_has_checks(rc->in)));
	json_object_object_add(o, "already", json_object_new_boolean(rc->already));
	print_json(o);
	json_object_put(o);
}

static void print_text(const struct receive *rc)
{
	char data[SIZE_TEXT], zeros[SIZE_TEXT], text[TOKEN_TEXT_SIZE];
	struct token t;

	print_printable(stdout, rc->path);
	if (rc->already)
		printf(": was there already: %s\n", rc->head->to);
	else
		printf(": %s written, %s of zeros; %s\n", size_format(data, rc->data_bytes), size_format(zeros, rc->zero_bytes),
		       stream_has_checks(rc->in) ? "all checksums were right" : "the stream has no checksums");
	if (stream_token(rc->head->to, &t))
		printf("%s\n", token_text(&t, text));
	else if (*rc->head->to)
		printf("%s\n", rc->head->to);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct receive rc = { .place.fd = -1 };
	struct err err;
	int c, r;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'N')
			rc.state = optarg;
		else if (c == 'w')
			rc.overwrite = true;
		else if (c == 'J')
			rc.json = true;
	}
	if (optind >= argc)
		return usage_error(cmd, "the TARGET is missing: a file or a block device");
	if (optind + 1 < argc)
		return usage_error(cmd, "got %s, expected one TARGET", argv[optind + 1]);
	if (isatty(STDIN_FILENO)) {
		complain("receive: expected the stream of 'eractl send' as standard input, got a terminal");
		return EXIT_USAGE;
	}
	rc.path = rc.place.path = argv[optind];
	rc.place.file = rc.state;
	r = stream_open(read_stdin, NULL, &rc.in, &err);
	if (r)
		return fail(&err);
	rc.head = stream_get_head(rc.in);
	r = receive(&rc, &err);
	if (!r && rc.json)
		print_as_json(&rc);
	else if (!r)
		print_text(&rc);
	stream_close(rc.in);
	if (rc.place.fd >= 0)
		close(rc.place.fd);
	if (rc.written)
		fclose(rc.written);
	free(rc.buf);
	if (!r)
		return EXIT_SUCCESS;
	fail(&err);
	return rc.full_copy_due ? EXIT_FULL_COPY : EXIT_FAILURE;
}

const struct command cmd_receive = {
	.name = "receive",
	.args = "TARGET [--state FILE] [--overwrite] [--json]",
	.summary = "bring a copy up to date from a stream",
	.text =
	"Reads the stream of 'eractl send', or of 'rbd export-diff' of Ceph, from standard\n"
	"input, and writes it to TARGET, a file or a block device. An increment is taken\n"
	"only by a copy that is of the moment on which it is. Prints the token of the\n"
	"moment of which TARGET is a copy afterwards, on the last line: the next\n"
	"increment is 'eractl send --since' that token.\n"
	"\n"
	"A stream that is damaged or cut is noticed, and no damaged part of a stream of\n"
	"'eractl send' is written. Then the copy is between two moments: the same\n"
	"increment, or a later one on the same base, completes it, if the volume was not\n"
	"opened again in between. What was written is\n"
	"read back and compared.\n"
	"\n"
	"Exits with 3 if a full copy is due: TARGET is no copy, or was written since.",
	.options = "NwJ",
	.run = run,
};
