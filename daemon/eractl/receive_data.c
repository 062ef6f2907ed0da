// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes, reads back and compares data: see receive_data.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/files.h"
#include "eractl/content.h"
#include "eractl/progress.h"
#include "eractl/receive_data.h"
#include "eractl/receive_input.h"
#include "eractl/receive_target.h"
#include "store/crc32c.h"

#define ZEROS	(1u << 20)	/* zeros are written in units of this many bytes */

/*
 * An extent that was written to the copy.  receive later reads the extent back, and compares it
 * with the crc.
 */
struct written {
	uint64_t offset, length;
	uint32_t crc;
};

static int write_target(struct receive *rc, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err)
{
	const int r = file_write_at(rc->place.fd, data, length, offset);

	return r ? err_set(err, r, "%s: cannot write the copy: %s", rc->path, strerror(-r)) : 0;
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
		r = receive_interrupted(rc, err);
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
	return fwrite(&w, sizeof(w), 1, rc->written) == 1 ? 0 : receive_target_failed(rc, err, "cannot write a temporary file");
}

/*
 * Sets to zeros what this increment adds to the copy on a block device.  In a regular file,
 * ftruncate() has done so.
 */
static int zero_growth(struct receive *rc, struct err *err)
{
	const uint64_t old = rc->standing.size;

	if (!rc->block_device || !receive_omits_growth(rc) || old >= rc->head->size)
		return 0;
	return zero_target(rc, old, rc->head->size - old, err);
}

int receive_apply(struct receive *rc, struct err *err)
{
	struct stream_extent e;
	uint64_t end = 0;
	int r;

	if (!rc->block_device && !*rc->head->from && ftruncate(rc->place.fd, 0))
		return receive_target_failed(rc, err, "cannot empty the copy");
	if (!rc->block_device && ftruncate(rc->place.fd, rc->head->size))
		return receive_target_failed(rc, err, "cannot set the size of the copy");
	r = zero_growth(rc, err);
	if (r)
		return r;
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
		r = receive_target_failed(rc, err, "cannot make the copy durable");
	/*
	 * Make the name durable even if this receive has not created the copy, because an
	 * interrupted receive may have created the copy.
	 */
	if (!r && !rc->block_device && !*rc->head->from) {
		r = file_sync_name(rc->path);
		if (r)
			err_set(err, r, "%s: cannot make the name of the copy durable: %s", rc->path, strerror(-r));
	}
	progress_show("receiving", rc->head->size, rc->head->size);
	return r;
}

static int read_back(struct receive *rc, const struct written *w, struct err *err)
{
	size_t done;
	const int r = file_read_at(rc->place.fd, rc->buf, w->length, w->offset, &done);

	if (r)
		return err_set(err, r, "%s: cannot read back the copy: %s", rc->path, strerror(-r));
	if (done < w->length)
		return err_set(err, -EIO, "%s: while it was read back, it ended at byte %" PRIu64, rc->path, w->offset + done);
	if (crc32c(0, rc->buf, w->length) == w->crc)
		return 0;
	return err_set(err, -EIO, "%s: %" PRIu64 " bytes at byte %" PRIu64 " read back with other content than was written; the medium may be faulty",
		       rc->path, w->length, w->offset);
}

int receive_verify(struct receive *rc, struct err *err)
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
		r = receive_interrupted(rc, err);
		if (!r)
			r = read_back(rc, &w, err);
	}
	progress_show("reading back", rc->head->size, rc->head->size);
	return r || !ferror(rc->written) ? r : err_set(err, -EIO, "%s: a temporary file cannot be read", rc->path);
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
		r = receive_interrupted(rc, err);
		if (r)
			return r;
		r = file_read_at(rc->place.fd, rc->buf, n, offset + at, &done);
		if (r)
			return err_set(err, r, "%s: cannot read the copy: %s", rc->path, strerror(-r));
		same = done == n && (data ? !memcmp(rc->buf, (const char *)data + at, n) : content_all_zeros((const char *)rc->buf, n));
		if (!same)
			return err_set(err, -EILSEQ, "the data differ between byte %" PRIu64 " and byte %" PRIu64, offset + at, offset + at + n);
	}
	return 0;
}

int receive_compare(struct receive *rc, struct err *err)
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
