// SPDX-License-Identifier: GPL-2.0-or-later
/* Adds a copy of a volume to a directory: see backup_directory.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/uuid.h"
#include "eractl/backup_base.h"
#include "eractl/backup_directory.h"
#include "eractl/backup_file.h"
#include "eractl/backup_steps.h"
#include "eractl/chains.h"
#include "eractl/content.h"
#include "eractl/eractl.h"
#include "eractl/freeze.h"
#include "eractl/manifest.h"
#include "eractl/stream.h"

/* A piece of this many bytes is stored as zeros if all its bytes are zeros, else as data. */
#define GRAIN		(64u << 10)

/* ---- the directory ---- */

/*
 * Removes the file that an interrupted backup has left.  The file has the name of an unfinished
 * file, or the name of the next copy, which MANIFEST does not list.
 */
static int remove_unfinished(const struct manifest *m, struct err *err)
{
	static const char *const formats[] = { MANIFEST_UNFINISHED, "full-%06lu.erad", "incr-%06lu.erad" };
	char file[MANIFEST_FILE_MAX + 1];

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		snprintf(file, sizeof(file), formats[i], manifest_next_number(m));
		if (unlinkat(m->fd, file, 0) && errno != ENOENT)
			return err_set(err, -errno, "%s/%s: cannot remove the file that an interrupted backup has left: %s", m->directory, file,
				       strerror(errno));
	}
	return 0;
}

/*
 * Opens and locks the directory.  Without --init, a directory without MANIFEST is an error.  If the
 * disk for the backups is not mounted, a full copy would fill the file system below the mount
 * point.
 */
static int open_directory(struct backup *b, const char *directory, struct err *err)
{
	struct manifest *m = &b->manifest;
	int r = manifest_open(m, directory, err);
	struct err why;

	if (r == -ENODATA && !b->init)
		return err_set(err, r, "%s: it contains no backups of erad; if it is the right directory, and its disk is mounted, --init makes the first backup there",
			       directory);
	if (!r && b->init)
		return err_set(err, -EEXIST, "%s: it is a directory of backups already: leave out --init", directory);
	if (r && r != -ENODATA)
		return r;
	r = manifest_lock(m, err);
	if (r)
		return r;
	/* Open the directory again: another backup may have changed it before it was locked. */
	r = manifest_open(m, directory, err);
	if (!r && b->init)
		return err_set(err, -EEXIST, "%s: another backup has begun there just now: leave out --init", directory);
	if (r == -ENODATA && b->init)
		r = manifest_check_empty(m, err);
	if (!r)
		r = remove_unfinished(m, err);
	/* Remove the files of old copies now, to make space for the new copy. */
	if (!r && chains_clean(m, &why))
		complain("%s", why.msg);
	return r;
}

/* Checks that the directory belongs to the volume.  With --init, writes the first MANIFEST. */
static int check_owner(struct backup *b, struct err *err)
{
	char expected[UUID_TEXT_SIZE], got[UUID_TEXT_SIZE];
	struct manifest *m = &b->manifest;

	if (b->init) {
		memcpy(m->uuid, b->content.to.uuid, sizeof(m->uuid));
		m->volume = strdup(b->content.operand);
		return m->volume ? manifest_write(m, err) : err_set(err, -ENOMEM, "out of memory");
	}
	if (!memcmp(m->uuid, b->content.to.uuid, sizeof(m->uuid)))
		return 0;
	return err_set(err, -EINVAL, "%s: it contains the backups of volume %.100s (%s), got volume %.100s (%s): one directory is for one volume",
		       m->directory, m->volume, uuid_text(m->uuid, expected), b->content.operand,
		       uuid_text(b->content.to.uuid, got));
}

/* ---- the copy ---- */

struct copying {
	struct backup *b;
	struct stream_out out;
	FILE *file;
};

static int copy_extent(void *ctx, const struct stream_extent *e, struct err *err)
{
	struct copying *c = ctx;

	c->b->bytes_read += e->length;
	if (freeze_check(&c->b->freeze, err))
		return -EIO;
	stream_write_extent(&c->out, e);
	/* If the stream has an error, the caller reports it. */
	return ferror(c->file) ? err_set(err, -EIO, "the file of the copy cannot be written") : 0;
}

static int write_stream(void *ctx, FILE *file, struct err *err)
{
	struct backup *b = ctx;
	struct copying copying = { .b = b, .file = file };
	struct content *c = &b->content;
	struct stream_head head = { .size = c->head.size };
	int r;

	if (c->since)
		stream_name(&c->from, head.from);
	stream_name(&c->to, head.to);
	stream_write_head(&copying.out, file, &head);
	r = content_read(c, 1, GRAIN, "copying", copy_extent, &copying, err);
	if (!r)
		r = backup_end_reading(b, err);
	if (!r)
		stream_write_end(&copying.out);
	return r;
}

static int copy_content(struct backup *b, struct err *err)
{
	int r;

	r = backup_file_write(&b->manifest, write_stream, b, &b->copy, err);
	/* Close the device now, because others may use it while the copy is read back. */
	content_close(&b->content);
	backup_end_image(b);
	if (!r && b->verify)
		r = manifest_check_content(&b->manifest, MANIFEST_UNFINISHED, &b->copy, err);
	if (!r)
		r = backup_file_publish(&b->manifest, &b->copy, err);
	if (r)
		unlinkat(b->manifest.fd, MANIFEST_UNFINISHED, 0);
	return r;
}

static int make_copy(struct backup *b, const char *directory, struct err *err)
{
	int r;

	b->place = directory;
	r = open_directory(b, directory, err);
	/*
	 * Read earlier copies before the device is opened: this may take long, and from the open
	 * on, the volume must not change.
	 */
	if (!r)
		backup_find_base(b);
	if (!r)
		r = backup_prepare(b, err);
	if (!r)
		r = check_owner(b, err);
	if (r)
		return r;
	backup_choose_base(b);
	if (b->already)
		return 0;
	r = backup_begin(b, err);
	if (!r)
		r = backup_list(b, b->content.since ? b->manifest.copy[b->copy.base].size : 0, err);
	return r ? r : copy_content(b, err);
}

int backup_to_directory(struct backup *b, const char *directory, struct err *err)
{
	struct manifest *m = &b->manifest;
	const int r = make_copy(b, directory, err);

	if (r)
		return r;
	b->made = true;
	/*
	 * Store the name of the base now, because the indices of copies change when old copies are
	 * removed.
	 */
	if (b->copy.base >= 0)
		strcpy(b->base_file, m->copy[b->copy.base].file);
	return b->keep ? chains_remove_old(m, b->keep, b->verify, b->removed, &b->bytes_removed, err) : 0;
}
