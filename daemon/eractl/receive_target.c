// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens and checks the copy: see receive_target.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "common/blockdev.h"
#include "common/file_lock.h"
#include "eractl/content.h"
#include "eractl/receive_target.h"
#include "eractl/target_check.h"
#include "eractl/temporary.h"
#include "store/device_lock.h"

int receive_target_failed(const struct receive *rc, struct err *err, const char *what)
{
	return err_set(err, -errno, "%s: %s: %s", rc->path, what, strerror(errno));
}

static int create_copy(struct receive *rc, struct err *err)
{
	int fd, r = target_check_new(rc->path, err);

	if (r)
		return r;
	fd = open(rc->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	rc->created = fd >= 0;
	return fd < 0 ? receive_target_failed(rc, err, "cannot create the copy") : fd;
}

/*
 * Locks the copy.  Another receive may have created this file, and may have removed it while this
 * receive waited for the lock.  If this receive cannot lock the file that it has created, another
 * receive has locked it, so this receive must not remove it.
 */
static int lock_copy(struct receive *rc, struct err *err)
{
	int r = device_flock(rc->place.fd, rc->path, err);

	if (!r && !rc->block_device && !file_is_at(rc->place.fd, rc->path))
		r = err_set(err, -EAGAIN, "%s: it was removed or replaced just now; run receive again", rc->path);
	if (r)
		rc->created = false;
	return r;
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
		return receive_target_failed(rc, err, "cannot open the copy");
	rc->place.fd = fd;
	rc->block_device = S_ISBLK(st.st_mode);
	if (!rc->block_device && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: expected a regular file or a block device", rc->path);
	if (rc->block_device != device)
		return err_set(err, -EAGAIN, "%s: another file has taken its place just now; run receive again", rc->path);
	if (device && !rc->state)
		return err_set(err, -EINVAL, "%s: --state FILE is missing: receive cannot store the state of a copy on a block device",
			       rc->path);
	return lock_copy(rc, err);
}

static int read_standing(struct receive *rc, struct err *err)
{
	struct err why;
	int r = standing_read(&rc->place, &rc->standing, &why);

	rc->has_standing = !r;
	if (!r || r == -ENODATA)
		return 0;
	if (r == -EOPNOTSUPP)
		return err_set(err, r, "%s; store the state in a file with --state FILE", why.msg);
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
 * image may have a snapshot of the same name.  receive_compare() compares the data later.
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
	 * With --overwrite, too, write only to the device that the state describes.
	 */
	if (rc->has_standing && rc->state && standing_compare_device(&rc->place, s, &why))
		return err_set(err, -EEXIST, "%s: %s; if %s is the device to write to, remove the state %s, or name another file with --state", rc->path,
			       why.msg, rc->path, rc->state);
	if (rc->overwrite)
		return 0;
	if (!rc->block_device && !fstat(rc->place.fd, &st))
		size = st.st_size;
	if (!rc->block_device && !size)
		return 0;
	/*
	 * A full copy was applied in part.  Overwrite it, unless something else has written to the
	 * copy since.
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
		return err_set(err, r, "%s: %s, so something else may have written to the copy; if you know that nothing has, run the command again with --overwrite to go on",
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

bool receive_omits_growth(const struct receive *rc)
{
	return *rc->head->from && !stream_has_checks(rc->in);
}

/* Checks that it is known which part of the device an increment adds to the copy. */
static int check_growth(struct receive *rc, struct err *err)
{
	if (!rc->block_device || rc->already || rc->standing.size || !receive_omits_growth(rc))
		return 0;
	rc->full_copy_due = true;
	return err_set(err, -ESTALE, "%s: a full copy is due: %s, which an older version of eractl wrote, does not contain the size of the volume, so it is not known whether the increment makes the volume larger",
		       rc->path, rc->state);
}

static int check_size(struct receive *rc, struct err *err)
{
	uint64_t size;

	if (!rc->block_device)
		return 0;
	if (ioctl(rc->place.fd, BLKGETSIZE64, &size))
		return receive_target_failed(rc, err, "cannot get the size");
	if (size >= rc->head->size)
		return 0;
	return err_set(err, -ENOSPC, "%s has %" PRIu64 " bytes, expected at least %" PRIu64 ", the size of the volume", rc->path, size, rc->head->size);
}

int receive_prepare(struct receive *rc, struct err *err)
{
	int r = target_check_data(rc->path, err);

	/*
	 * Each write of the state replaces the file of the state.  If this were the file of the
	 * copy, the copy would be lost.
	 */
	if (!r && rc->state && target_is_same(rc->path, rc->state))
		r = err_set(err, -EINVAL, "%s: --state %s is the same file, expected another file for the state", rc->path, rc->state);
	if (!r)
		r = open_receive_target(rc, err);
	if (!r)
		r = read_standing(rc, err);
	if (!r)
		r = *rc->head->from ? check_increment(rc, err) : check_full(rc, err);
	if (!r)
		r = check_growth(rc, err);
	if (!r)
		r = check_size(rc, err);
	if (r)
		return r;
	rc->written = temporary_file(NULL);
	if (!rc->written)
		return err_set(err, -errno, "%s: cannot make a temporary file in %s: %s" TMPDIR_HINT, rc->path,
			       temporary_directory(NULL), strerror(errno));
	rc->buf = malloc(STREAM_GROUP);
	return rc->buf ? 0 : err_set(err, -ENOMEM, "out of memory");
}
