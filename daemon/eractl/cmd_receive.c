// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl receive: brings a copy up to date from a stream of send or of rbd export-diff. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/files.h"
#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/content.h"
#include "eractl/progress.h"
#include "eractl/standing.h"
#include "eractl/stream.h"
#include "eractl/target_check.h"
#include "store/crc32c.h"
#include "store/device_lock.h"

#define ZEROS	(1u << 20)	/* zeros are written in units of this many bytes */
/* How long receive waits for the end of standard input before it prints a note. */
#define EOF_MS	3000

/*
 * An extent that was written to the copy.  receive later reads the extent back, and compares it
 * with the crc.
 */
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
	struct standing standing;	/* state of the copy before this stream */
	int signals;		/* becomes readable when the user interrupts receive */
	bool has_standing;
	bool block_device, created;
	FILE *written;		/* temporary file, an array of struct written */
	uint8_t *buf;		/* buffer of STREAM_GROUP bytes */
	/* Number of bytes of data, and of zeros, in the stream. */
	uint64_t data_bytes, zero_bytes;
	bool full_copy_due, already;
	/* receive has printed that it waits for the end of standard input. */
	bool told_of_eof;
};

/*
 * SIGINT, SIGTERM and SIGHUP end receive after the current step, so that it can note in the state
 * how it leaves the copy.  A signal that the caller of receive ignores stays ignored, for example
 * with nohup(1).  This signal must not be blocked, because the kernel queues a blocked signal even
 * if it is ignored.
 */
static int catch_signals(struct receive *rc, struct err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction was;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!sigaction(signals[i], NULL, &was) && was.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	rc->signals = -1;
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		rc->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return rc->signals < 0 ? err_set(err, -errno, "catching signals: %s", strerror(errno)) : 0;
}

static int check_interrupted(const struct receive *rc, struct err *err)
{
	struct pollfd p = { .fd = rc->signals, .events = POLLIN };

	return poll(&p, 1, 0) > 0 ? err_set(err, -EINTR, "%s: interrupted", rc->path) : 0;
}

/*
 * Waits until standard input or a signal can be read.  If the stream has ended and standard input
 * has not, prints once what receive is waiting for.
 */
static int wait_for_stdin(struct receive *rc, struct pollfd p[2])
{
	const bool tells = rc->in && stream_is_at_end(rc->in) && !rc->told_of_eof;
	int n = poll(p, 2, tells ? EOF_MS : -1);

	if (n)
		return n;
	rc->told_of_eof = true;
	complain("%s: the stream has ended, but standard input is still open: receive waits until all programs that have the other end of the pipe open have closed it",
		 rc->path);
	return poll(p, 2, -1);
}

static ssize_t read_stdin(void *ctx, void *buf, size_t len)
{
	struct receive *rc = ctx;
	struct pollfd p[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = rc->signals, .events = POLLIN },
	};

	if (wait_for_stdin(rc, p) < 0)
		return -1;
	if (p[1].revents) {
		errno = ECANCELED;
		return -1;
	}
	return read(STDIN_FILENO, buf, len);
}

static int target_failed(const struct receive *rc, struct err *err, const char *what)
{
	return err_set(err, -errno, "%s: %s: %s", rc->path, what, strerror(errno));
}

/* ---- checks before the first write ---- */

static int create_copy(struct receive *rc, struct err *err)
{
	int fd, r = target_check_new(rc->path, err);

	if (r)
		return r;
	fd = open(rc->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	rc->created = fd >= 0;
	return fd < 0 ? target_failed(rc, err, "creating the copy") : fd;
}

static int open_receive_target(struct receive *rc, struct err *err)
{
	const bool full = !*rc->head->from;
	const bool device = blockdev_at(rc->path);
	struct stat st;
	int fd;

	/*
	 * Open a block device with O_EXCL, so that receive does not write below a mounted file
	 * system.
	 */
	fd = open(rc->path, O_RDWR | O_CLOEXEC | (device ? O_EXCL : O_NONBLOCK | O_NOCTTY));
	if (fd < 0 && errno == ENOENT && full) {
		fd = create_copy(rc, err);
		if (fd < 0)
			return fd;
	}
	if (fd < 0 && errno == ENOENT) {
		rc->full_copy_due = true;
		return err_set(err, -ENOENT, "%s: a full copy is due: there is no copy, and the stream is an increment on %s",
			       rc->path, rc->head->from);
	}
	if (fd < 0 || fstat(fd, &st))
		return target_failed(rc, err, "opening the copy");
	rc->place.fd = fd;
	rc->block_device = S_ISBLK(st.st_mode);
	if (!rc->block_device && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: expected a regular file or a block device", rc->path);
	if (rc->block_device != device)
		return err_set(err, -EAGAIN, "%s: another file has taken its place just now", rc->path);
	if (device && !rc->state)
		return err_set(err, -EINVAL, "%s: --state FILE is missing: receive cannot store the state of a copy on a block device",
			       rc->path);
	return device_flock(fd, rc->path, err);
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

/* Parses the tokens of both moments.  Returns whether both belong to one volume. */
static bool same_source(const char *to, const char *unfinished, struct token *t, struct token *u)
{
	return stream_token(to, t) && stream_token(unfinished, u) && !memcmp(t->uuid, u->uuid, sizeof(t->uuid));
}

/*
 * Checks whether this stream can complete a copy to which the increment to the moment `unfinished`
 * was applied in part.  The increment to the moment `to` completes the copy only if it overwrites
 * this part:
 *
 * - The same increment, and a later increment of the same timeline, overwrite it.
 * - An increment of another timeline may not overwrite it.  The volume may have been restored in
 *   between, and then some blocks of the part were never written on the other timeline.
 */
static int check_completes(struct receive *rc, struct err *err)
{
	const char *to = rc->head->to, *unfinished = rc->standing.unfinished;
	struct token t, u;
	bool later = *to && !strcmp(to, unfinished);

	if (!later && same_source(to, unfinished, &t, &u)) {
		if (t.timeline != u.timeline) {
			rc->full_copy_due = true;
			return err_set(err, -ESTALE, "%s: a full copy is due: a part of the increment to %s is in the copy, and the volume was opened again between that moment and %s",
				       rc->path, unfinished, to);
		}
		later = t.era >= u.era;
	}
	if (later)
		return 0;
	return err_set(err, -EINVAL, "%s: a part of the increment to %s is in the copy; expected the same or a later one, got the increment to %s",
		       rc->path, *unfinished ? unfinished : "a moment without a name", *to ? to : "a moment without a name");
}

/*
 * Returns whether the copy already has the era of this full copy, and nothing has written to the
 * copy since.  Compares tokens only: the name of a snapshot in Ceph is not enough, because another
 * image may have a snapshot of the same name.  compare_stream() compares the data later.
 */
static bool has_full_copy_of_era(struct receive *rc)
{
	const struct standing *s = &rc->standing;
	struct token t;
	struct err why;

	return rc->has_standing && !s->partial && !strcmp(s->at, rc->head->to) && stream_token(rc->head->to, &t) &&
		!standing_compare(&rc->place, s, &why);
}

static int check_full(struct receive *rc, struct err *err)
{
	const struct standing *s = &rc->standing;
	uint64_t size = 0;
	struct stat st;
	struct err why;

	if (rc->created)
		return 0;
	/*
	 * --overwrite allows to overwrite the content, but only on the device that the state
	 * describes.
	 */
	if (rc->has_standing && rc->state && standing_compare_device(&rc->place, s, &why))
		return err_set(err, -EEXIST, "%s: %s; if %s is the right one, remove %s, or name another file with --state", rc->path,
			       why.msg, rc->path, rc->state);
	if (rc->overwrite)
		return 0;
	if (!rc->block_device && !fstat(rc->place.fd, &st))
		size = st.st_size;
	if (!rc->block_device && !size)
		return 0;
	/*
	 * A full copy was applied in part.  Overwrite it, unless something else has written to it.
	 */
	if (rc->has_standing && s->partial && !*s->at)
		return standing_compare(&rc->place, s, &why) ? err_set(err, -EEXIST, "%s: %s; --overwrite overwrites the copy", rc->path, why.msg) : 0;
	rc->already = has_full_copy_of_era(rc);
	if (rc->already)
		return 0;
	return err_set(err, -EEXIST, "%s: it has content, and the stream is a full copy; --overwrite overwrites it", rc->path);
}

/* Checks that nothing else has written to the copy since the last receive. */
static int check_target_unchanged(struct receive *rc, struct err *err)
{
	struct err why;
	const int r = standing_compare(&rc->place, &rc->standing, &why);

	if (!r)
		return 0;
	if (r == -ENODATA && rc->standing.partial) {
		if (rc->overwrite)
			return 0;
		return err_set(err, r, "%s: %s: so it is not known whether anything else has written to the copy; if nothing has, --overwrite goes on",
			       rc->path, why.msg);
	}
	if (r != -ESTALE && r != -ENODATA)
		return err_set(err, r, "%s: %s", rc->path, why.msg);
	rc->full_copy_due = true;
	return err_set(err, -ESTALE, "%s: a full copy is due: %s", rc->path, why.msg);
}

static int check_increment(struct receive *rc, struct err *err)
{
	const struct standing *s = &rc->standing;
	const char *from = rc->head->from, *to = rc->head->to;
	int r;

	if (!rc->has_standing || !*s->at) {
		rc->full_copy_due = true;
		return err_set(err, -ESTALE, "%s: a full copy is due: it is not known to be a copy of any moment, and the stream is an increment on %s",
			       rc->path, from);
	}
	if (!s->partial && *to && !strcmp(s->at, to)) {
		rc->already = true;
		return check_target_unchanged(rc, err);
	}
	if (strcmp(s->at, from))
		return err_set(err, -EINVAL, "%s: the copy is of %s, but the stream is an increment on %s: send an increment on %s",
			       rc->path, s->at, from, s->at);
	r = s->partial ? check_completes(rc, err) : 0;
	return r ? r : check_target_unchanged(rc, err);
}

static int check_size(struct receive *rc, struct err *err)
{
	uint64_t size;

	if (!rc->block_device)
		return 0;
	if (ioctl(rc->place.fd, BLKGETSIZE64, &size))
		return target_failed(rc, err, "asking for the size");
	if (size >= rc->head->size)
		return 0;
	return err_set(err, -ENOSPC, "%s has %" PRIu64 " bytes, but the volume has %" PRIu64, rc->path, size, rc->head->size);
}

/* ---- writing ---- */

static int write_target(struct receive *rc, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err)
{
	const int r = file_write_at(rc->place.fd, data, length, offset);

	return r ? err_set(err, r, "%s: writing the copy: %s", rc->path, strerror(-r)) : 0;
}

static int zero_target(struct receive *rc, uint64_t offset, uint64_t length, struct err *err)
{
	static const uint8_t zeros[ZEROS];
	int r = 0;

	/* A full copy goes to an empty file, which has zeros here already. */
	if (!length || (!rc->block_device && !*rc->head->from))
		return 0;
	if (!fallocate(rc->place.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length))
		return 0;
	for (; length && !r; offset += ZEROS, length -= length < ZEROS ? length : ZEROS) {
		r = check_interrupted(rc, err);
		if (!r)
			r = write_target(rc, zeros, length < ZEROS ? length : ZEROS, offset, err);
	}
	return r;
}

static int receive_extent(struct receive *rc, const struct stream_extent *e, struct err *err)
{
	struct written w = { e->offset, e->length, 0 };
	int r;

	if (!e->data) {
		rc->zero_bytes += e->length;
		return zero_target(rc, e->offset, e->length, err);
	}
	rc->data_bytes += e->length;
	r = write_target(rc, e->data, e->length, e->offset, err);
	if (r)
		return r;
	w.crc = crc32c(0, e->data, e->length);
	return fwrite(&w, sizeof(w), 1, rc->written) == 1 ? 0 : target_failed(rc, err, "writing a temporary file");
}

static int apply_stream(struct receive *rc, struct err *err)
{
	struct stream_extent e;
	uint64_t end = 0;
	int r;

	if (!rc->block_device && !*rc->head->from && ftruncate(rc->place.fd, 0))
		return target_failed(rc, err, "emptying the copy");
	if (!rc->block_device && ftruncate(rc->place.fd, rc->head->size))
		return target_failed(rc, err, "setting the size of the copy");
	while ((r = stream_next(rc->in, &e, err)) == 1) {
		progress_show("receiving", e.offset, rc->head->size);
		/* In a full copy, everything between two extents is zeros. */
		r = *rc->head->from ? 0 : zero_target(rc, end, e.offset - end, err);
		end = e.offset + e.length;
		if (!r)
			r = receive_extent(rc, &e, err);
		if (r)
			break;
	}
	if (!r && !*rc->head->from)
		r = zero_target(rc, end, rc->head->size - end, err);
	if (!r && fsync(rc->place.fd))
		r = target_failed(rc, err, "making the copy durable");
	/*
	 * Do this even if this receive has not created the copy, because an interrupted receive may
	 * have created it.
	 */
	if (!r && !rc->block_device && !*rc->head->from) {
		r = file_sync_name(rc->path);
		if (r)
			err_set(err, r, "%s: making the name of the copy durable: %s", rc->path, strerror(-r));
	}
	progress_show("receiving", rc->head->size, rc->head->size);
	return r;
}

static int read_back(struct receive *rc, const struct written *w, struct err *err)
{
	size_t done;
	const int r = file_read_at(rc->place.fd, rc->buf, w->length, w->offset, &done);

	if (r)
		return err_set(err, r, "%s: reading back the copy: %s", rc->path, strerror(-r));
	if (done < w->length)
		return err_set(err, -EIO, "%s ends at byte %" PRIu64, rc->path, w->offset + done);
	if (crc32c(0, rc->buf, w->length) == w->crc)
		return 0;
	return err_set(err, -EIO, "%s: what was written at byte %" PRIu64 ", %" PRIu64 " bytes, reads back as something else",
		       rc->path, w->offset, w->length);
}

/* Compares the written extents with the content of the medium. */
static int verify_target(struct receive *rc, struct err *err)
{
	struct written w;
	int r = 0;

	if (fflush(rc->written) || ferror(rc->written))
		return err_set(err, -EIO, "%s: a temporary file cannot be written", rc->path);
	rewind(rc->written);
	/*
	 * Drop the pages from the page cache, so that reads come from the medium.  This works
	 * because the pages are clean after fsync().
	 */
	posix_fadvise(rc->place.fd, 0, 0, POSIX_FADV_DONTNEED);
	while (!r && fread(&w, sizeof(w), 1, rc->written) == 1) {
		progress_show("reading back", w.offset, rc->head->size);
		r = check_interrupted(rc, err);
		if (!r)
			r = read_back(rc, &w, err);
	}
	progress_show("reading back", rc->head->size, rc->head->size);
	return r || !ferror(rc->written) ? r : err_set(err, -EIO, "%s: a temporary file cannot be read", rc->path);
}

/* ---- the steps of receive ---- */

/*
 * Notes in the state that the copy is between two moments.  settle false: this is before the first
 * write, and leaves the state unsettled.  If this receive is killed, the unsettled state tells the
 * next receive that the copy may have been written.
 */
static int note_unfinished(struct receive *rc, bool settle, struct err *err)
{
	struct standing s = { .partial = true };
	int r = 0;

	strcpy(s.at, rc->head->from);
	strcpy(s.unfinished, rc->head->to);
	standing_identify(&rc->place, &s);
	if (settle)
		r = standing_settle(&rc->place, &s, rc->head->size, err);
	return r ? err_prefix(err, r, "%s", rc->path) : standing_write(&rc->place, &s, err);
}

static int note_complete(struct receive *rc, struct err *err)
{
	struct standing s = { };
	int r;

	strcpy(s.at, rc->head->to);
	r = standing_settle(&rc->place, &s, rc->head->size, err);
	return r ? err_prefix(err, r, "%s", rc->path) : standing_write(&rc->place, &s, err);
}

/*
 * Opens and checks the copy.  Writes nothing to the copy, but creates an empty file if there is no
 * copy.
 */
static int prepare_target(struct receive *rc, struct err *err)
{
	int r = target_check_data(rc->path, err);

	if (!r)
		r = open_receive_target(rc, err);
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
		return target_failed(rc, err, "making a temporary file");
	rc->buf = malloc(STREAM_GROUP);
	return rc->buf ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Returns EILSEQ if the copy has different bytes at this place.  data NULL: zeros are expected. */
static int compare_part(struct receive *rc, const void *data, uint64_t offset, uint64_t length, struct err *err)
{
	uint64_t n;
	size_t done;
	bool same;
	int r;

	for (uint64_t at = 0; at < length; at += n) {
		n = length - at < STREAM_GROUP ? length - at : STREAM_GROUP;
		r = check_interrupted(rc, err);
		if (r)
			return r;
		r = file_read_at(rc->place.fd, rc->buf, n, offset + at, &done);
		if (r)
			return err_set(err, r, "%s: reading the copy: %s", rc->path, strerror(-r));
		same = done == n && (data ? !memcmp(rc->buf, (const char *)data + at, n) : content_all_zeros((const char *)rc->buf, n));
		if (!same)
			return err_set(err, -EILSEQ, "the data differ between byte %" PRIu64 " and byte %" PRIu64, offset + at, offset + at + n);
	}
	return 0;
}

/*
 * Compares a stream with a copy of the same era.  The stream and the copy may differ: send of
 * closed metadata, and send --to, name a stream by an era that can still go on, so the volume may
 * have been written after the copy was made.  Reads the stream to its end, because otherwise the
 * program that writes the stream would fail.
 */
static int compare_stream(struct receive *rc, struct err *err)
{
	const bool full = !*rc->head->from;
	struct stream_extent e;
	struct err why;
	uint64_t end = 0;
	int r, differs = 0;

	while ((r = stream_next(rc->in, &e, err)) == 1) {
		progress_show("comparing", e.offset, rc->head->size);
		if (!differs && full)
			differs = compare_part(rc, NULL, end, e.offset - end, &why);
		if (!differs)
			differs = compare_part(rc, e.data, e.offset, e.length, &why);
		end = e.offset + e.length;
	}
	if (!r && !differs && full)
		differs = compare_part(rc, NULL, end, rc->head->size - end, &why);
	progress_show("comparing", rc->head->size, rc->head->size);
	if (r || !differs)
		return r;
	if (differs != -EILSEQ) {
		*err = why;
		return differs;
	}
	rc->full_copy_due = true;
	return err_set(err, -ESTALE, "%s: a full copy is due: the stream is of the same era as the copy, %s, but was made later in this era: %s",
		       rc->path, rc->head->to, why.msg);
}

static int receive(struct receive *rc, struct err *err)
{
	struct err why;
	int r = prepare_target(rc, err);

	if (r) {
		if (rc->created)
			unlink(rc->path);
		return r;
	}
	if (rc->already)
		return compare_stream(rc, err);
	r = note_unfinished(rc, false, err);
	if (r)
		return r;
	r = apply_stream(rc, err);
	if (!r)
		r = verify_target(rc, err);
	if (!r)
		return note_complete(rc, err);
	/*
	 * If this fails, the state stays unsettled, and the next receive asks for --overwrite.
	 */
	note_unfinished(rc, true, &why);
	if (*rc->head->from)
		return err_prefix(err, r, "%s: the copy is between two moments: send an increment on %s again", rc->path,
				  rc->head->from);
	return err_prefix(err, r, "%s: the copy is not complete: send a full copy again", rc->path);
}

static void print_received_json(const struct receive *rc)
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

static void print_received(const struct receive *rc)
{
	char data[SIZE_TEXT], zeros[SIZE_TEXT], text[TOKEN_TEXT_SIZE];
	struct token t;

	print_printable(stdout, rc->path);
	if (rc->already)
		printf(": the copy already has %s\n", rc->head->to);
	else
		printf(": %s written, %s of zeros; %s\n", size_format(data, rc->data_bytes), size_format(zeros, rc->zero_bytes),
		       stream_has_checks(rc->in) ? "all checksums were right" : "the stream has no checksums");
	if (stream_token(rc->head->to, &t))
		printf("%s\n", token_text(&t, text));
	else if (*rc->head->to)
		printf("%s\n", rc->head->to);
}

static int run_receive(const struct command *cmd, int argc, char **argv)
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
	r = catch_signals(&rc, &err);
	if (!r)
		r = stream_open(read_stdin, &rc, &rc.in, &err);
	if (r)
		return fail(&err);
	rc.head = stream_get_head(rc.in);
	r = receive(&rc, &err);
	if (!r && rc.json)
		print_received_json(&rc);
	else if (!r)
		print_received(&rc);
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
	"input, and writes it to TARGET, a file or a block device. An increment is accepted\n"
	"only if TARGET is a copy of the moment since which the increment is. The last line\n"
	"that is printed is the token of the moment of which TARGET is a copy now: the next\n"
	"increment is 'eractl send --since' that token.\n"
	"\n"
	"A stream that is damaged or cut is noticed, and no damaged part of a stream of\n"
	"'eractl send' is written. Then the copy is between two moments: the same\n"
	"increment, or a later one on the same base, completes it, if the volume was not\n"
	"opened again in between. What was written is read back and compared.\n"
	"\n"
	"Exits with 3 if a full copy is due: TARGET is no copy, or was written since.",
	.options = "NwJ",
	.run = run_receive,
};
