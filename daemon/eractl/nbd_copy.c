// SPDX-License-Identifier: GPL-2.0-or-later
/* Copies a volume to the export of an NBD server: see nbd_copy.h. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "eractl/content.h"
#include "eractl/nbd_copy.h"
#include "eractl/progress.h"
#include "eractl/temporary.h"
#include "store/crc32c.h"

/* A piece of this many bytes is written as zeros if all its bytes are zeros, else as data. */
#define GRAIN		(64u << 10)

static int temporary_failed(const struct nbd_copy *c, const char *what, struct err *err)
{
	return err_set(err, -errno, "%s: cannot %s a temporary file in %s: %s" TMPDIR_HINT, c->target->uri, what,
		       temporary_directory(NULL), strerror(errno));
}

int nbd_copy_open(struct nbd_copy *c, struct err *err)
{
	c->written = temporary_file(NULL);
	return c->written ? 0 : temporary_failed(c, "make", err);
}

void nbd_copy_close(struct nbd_copy *c)
{
	if (c->written)
		fclose(c->written);
	c->written = NULL;
}

static int note_written(struct nbd_copy *c, const struct nbd_written *w, struct err *err)
{
	c->written_bytes += w->length;
	return fwrite(w, sizeof(*w), 1, c->written) == 1 ? 0 : temporary_failed(c, "write", err);
}

static int write_zeros(struct nbd_copy *c, struct err *err)
{
	const struct nbd_written w = { c->zeros_offset, c->zeros_length, .zeros = 1 };
	int r;

	if (!w.length)
		return 0;
	c->zeros_length = 0;
	r = nbd_target_zero(c->target, w.length, w.offset, err);
	return r ? r : note_written(c, &w, err);
}

/* Joins zeros that follow each other, up to NBD_ZEROS bytes. */
static int add_zeros(struct nbd_copy *c, const struct stream_extent *e, struct err *err)
{
	int r = 0;

	if (e->offset != c->zeros_offset + c->zeros_length || c->zeros_length + e->length > NBD_ZEROS)
		r = write_zeros(c, err);
	if (!c->zeros_length)
		c->zeros_offset = e->offset;
	c->zeros_length += e->length;
	return r;
}

static int write_data(struct nbd_copy *c, const struct stream_extent *e, struct err *err)
{
	struct nbd_written w;
	int r = write_zeros(c, err);

	for (uint64_t at = 0; !r && at < e->length; at += w.length) {
		w = (struct nbd_written){ e->offset + at, e->length - at, .zeros = 0 };
		if (w.length > c->target->piece)
			w.length = c->target->piece;
		w.crc = crc32c(0, e->data + at, w.length);
		r = nbd_target_write(c->target, e->data + at, w.length, w.offset, err);
		if (!r)
			r = note_written(c, &w, err);
	}
	return r;
}

static int write_extent(void *ctx, const struct stream_extent *e, struct err *err)
{
	struct nbd_copy *c = ctx;

	c->b->bytes_read += e->length;
	if (freeze_check(&c->b->freeze, err))
		return -EIO;
	return e->data ? write_data(c, e, err) : add_zeros(c, e, err);
}

int nbd_copy_write(struct nbd_copy *c, struct err *err)
{
	const struct nbd_target *t = c->target;
	const uint64_t grain = t->preferred > GRAIN ? t->preferred : GRAIN;
	int r = content_read(&c->b->content, t->minimum, grain, "copying", write_extent, c, err);

	return r ? r : write_zeros(c, err);
}

/* Reads back an extent in parts of one request each. */
static int check_extent(struct nbd_copy *c, const struct nbd_written *w, struct err *err)
{
	struct nbd_written part = *w;
	int r = 0;

	for (uint64_t at = 0; !r && at < w->length; at += part.length) {
		part.offset = w->offset + at;
		part.length = w->length - at;
		if (part.length > c->target->piece)
			part.length = c->target->piece;
		r = nbd_target_check(c->target, &part, err);
	}
	return r;
}

int nbd_copy_verify(struct nbd_copy *c, struct err *err)
{
	const uint64_t size = c->b->copy.size;
	struct nbd_written w;
	uint64_t bytes = 0;
	int r = 0;

	if (fflush(c->written))
		return temporary_failed(c, "write", err);
	rewind(c->written);
	while (!r && fread(&w, sizeof(w), 1, c->written) == 1) {
		/* write_data() lists no other length of data, so this extent has lost its data. */
		if (!w.length || (!w.zeros && w.length > c->target->piece))
			break;
		bytes += w.length;
		progress_show("reading back", w.offset, size);
		r = check_extent(c, &w, err);
	}
	progress_show("reading back", size, size);
	if (!r)
		r = nbd_target_wait(c->target, err);
	if (!r && (ferror(c->written) || bytes != c->written_bytes))
		r = err_set(err, -EIO, "%s: the temporary file in %s has lost data: got %" PRIu64 " bytes in its extents, expected %" PRIu64 "; run the command again",
			    c->target->uri, temporary_directory(NULL), bytes, c->written_bytes);
	return r;
}
