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
#include "eractl/temporary.h"
#include "store/crc32c.h"

#define ZEROS	(1u << 20)	/* zeros are written in units of this many bytes */

/*
 * An extent that was written to the copy.  receive later reads the extent back, and compares it
 * with the crc, or with zeros.
 */
struct written {
	uint64_t offset, length;
	uint32_t crc;	/* only if zeros is 0 */
	uint32_t zeros;
};

static int note_written(struct receive *rc, const struct written *w, struct err *err)
{
	rc->written_bytes += w->length;
	if (fwrite(w, sizeof(*w), 1, rc->written) == 1)
		return 0;
	return err_set(err, -errno, "%s: cannot write a temporary file in %s: %s" TMPDIR_HINT, rc->path,
		       temporary_directory(NULL), strerror(errno));
}

static int write_target(struct receive *rc, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err)
{
	const int r = file_write_at(rc->place.fd, data, length, offset);

	return r ? err_set(err, r, "%s: cannot write the copy: %s", rc->path, strerror(-r)) : 0;
}

static int zero_target(struct receive *rc, uint64_t offset, uint64_t length, struct err *err)
{
	static const uint8_t zeros[ZEROS];
	const struct written w = { offset, length, .zeros = 1 };
	int r = 0;

	/* A full copy goes to an empty file, which contains zeros here already. */
	if (!length || (!rc->block_device && !*rc->head->from))
		return 0;
	if (!fallocate(rc->place.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length))
		return note_written(rc, &w, err);
	for (; length && !r; offset += ZEROS, length -= length < ZEROS ? length : ZEROS) {
		r = receive_interrupted(rc, err);
		if (!r)
			r = write_target(rc, zeros, length < ZEROS ? length : ZEROS, offset, err);
	}
	return r ? r : note_written(rc, &w, err);
}

static int receive_extent(struct receive *rc, const struct stream_extent *e, struct err *err)
{
	struct written w = { e->offset, e->length, .zeros = 0 };
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
	return note_written(rc, &w, err);
}

/*
 * Sets to zeros what lies between two extents, except bytes that must keep the content that the
 * copy had before.  A full copy replaces everything.  On a block device, an increment of Ceph may
 * omit what it adds to the copy.  In a regular file, ftruncate() has set this part to zeros.
 */
static int zero_gap(struct receive *rc, uint64_t begin, uint64_t end, struct err *err)
{
	uint64_t kept = *rc->head->from ? UINT64_MAX : 0;

	if (rc->block_device && receive_omits_growth(rc))
		kept = rc->standing.size;
	if (begin < kept)
		begin = kept;
	return begin < end ? zero_target(rc, begin, end - begin, err) : 0;
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
	while ((r = stream_next(rc->in, &e, err)) == 1) {
		progress_show("receiving", e.offset, rc->head->size);
		r = zero_gap(rc, end, e.offset, err);
		end = e.offset + e.length;
		if (!r)
			r = receive_extent(rc, &e, err);
		if (r)
			break;
	}
	if (!r)
		r = zero_gap(rc, end, rc->head->size, err);
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

static int differs_from_written(const struct receive *rc, uint64_t offset, uint64_t length, struct err *err)
{
	return err_set(err, -EIO, "%s: %" PRIu64 " bytes at byte %" PRIu64 " read back with other content than was written; the medium may be faulty",
		       rc->path, length, offset);
}

/* Reads at most STREAM_GROUP bytes into rc->buf. */
static int read_target(struct receive *rc, uint64_t offset, uint64_t length, struct err *err)
{
	size_t done;
	const int r = file_read_at(rc->place.fd, rc->buf, length, offset, &done);

	if (r)
		return err_set(err, r, "%s: cannot read back the copy: %s", rc->path, strerror(-r));
	if (done < length)
		return err_set(err, -EIO, "%s: while it was read back, it ended at byte %" PRIu64, rc->path, offset + done);
	return 0;
}

/* Returns where data may begin in a file, from `at` on, or `end`.  Holes are zeros. */
static uint64_t skip_hole(const struct receive *rc, uint64_t at, uint64_t end)
{
	off_t data;

	if (rc->block_device)
		return at;
	data = lseek(rc->place.fd, at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? end : at;
	return (uint64_t)data < end ? (uint64_t)data : end;
}

static int read_back_zeros(struct receive *rc, const struct written *w, struct err *err)
{
	const uint64_t end = w->offset + w->length;
	uint64_t n;
	int r;

	for (uint64_t at = skip_hole(rc, w->offset, end); at < end; at = skip_hole(rc, at + n, end)) {
		n = end - at < STREAM_GROUP ? end - at : STREAM_GROUP;
		r = receive_interrupted(rc, err);
		if (!r)
			r = read_target(rc, at, n, err);
		if (!r && !content_all_zeros((const char *)rc->buf, n))
			r = differs_from_written(rc, at, n, err);
		if (r)
			return r;
	}
	return 0;
}

static int read_back(struct receive *rc, const struct written *w, struct err *err)
{
	int r;

	if (w->zeros)
		return read_back_zeros(rc, w, err);
	r = read_target(rc, w->offset, w->length, err);
	if (!r && crc32c(0, rc->buf, w->length) != w->crc)
		r = differs_from_written(rc, w->offset, w->length, err);
	return r;
}

int receive_verify(struct receive *rc, struct err *err)
{
	uint64_t bytes = 0;
	struct written w;
	int r = 0;

	if (fflush(rc->written) || ferror(rc->written))
		return err_set(err, -EIO, "%s: the temporary file in %s cannot be written" TMPDIR_HINT, rc->path, temporary_directory(NULL));
	rewind(rc->written);
	/*
	 * Drop the pages from the page cache, so that reads come from the medium.  This works
	 * because the pages are clean after fsync().
	 */
	posix_fadvise(rc->place.fd, 0, 0, POSIX_FADV_DONTNEED);
	while (!r && fread(&w, sizeof(w), 1, rc->written) == 1) {
		bytes += w.length;
		/* receive_extent() lists no other length of data, so this extent has lost its data. */
		if (!w.length || (!w.zeros && w.length > STREAM_GROUP))
			break;
		progress_show("reading back", w.offset, rc->head->size);
		r = receive_interrupted(rc, err);
		if (!r)
			r = read_back(rc, &w, err);
	}
	progress_show("reading back", rc->head->size, rc->head->size);
	if (!r && ferror(rc->written))
		r = err_set(err, -EIO, "%s: the temporary file in %s cannot be read", rc->path, temporary_directory(NULL));
	if (!r && bytes != rc->written_bytes)
		r = err_set(err, -EIO, "%s: the temporary file in %s has lost data: got %" PRIu64 " bytes in its extents, expected %" PRIu64
			    "; receive the stream again", rc->path, temporary_directory(NULL), bytes, rc->written_bytes);
	return r;
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
