// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the content of a volume at one moment: see content.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/client.h"
#include "common/members.h"
#include "eractl/content.h"
#include "eractl/gaps.h"
#include "eractl/progress.h"
#include "eractl/seen_note.h"
#include "eractl/temporary.h"
#include "eractl/witness_note.h"

int content_open(struct content *c, struct err *err)
{
	return compared_open(&c->device, c->device_path, err);
}

void content_close(struct content *c)
{
	compared_close(&c->device);
	if (c->extents)
		fclose(c->extents);
	c->extents = NULL;
	json_object_put(c->gaps);
	c->gaps = NULL;
}

/* ---- the moment ---- */

static int begin_era(struct content *c, struct err *err)
{
	struct json_object *result;
	const char *token;
	int r;

	r = client_call(client_request("checkpoint", c->operand), NULL, NULL, &result, err);
	if (r)
		return r;
	token = json_text(result, "token");
	if (!token || !token_from_text(token, &c->to))
		r = err_set(err, -EBADMSG, "volume %s: the answer of erad to checkpoint has no token", c->operand);
	c->has_to = true;
	seen_note(token);
	witness_note(c->operand, token);
	c->gaps = json_object_get(json_object_object_get(result, "gaps"));
	json_object_put(result);
	return r;
}

int content_find_moment(struct content *c, const char *to, struct err *err)
{
	int r;

	if (!to)
		return strchr(c->operand, '/') ? 0 : begin_era(c, err);
	if (!token_from_text(to, &c->to))
		return err_set(err, -EINVAL, "token %s: expected a token of 'eractl checkpoint --token'", to);
	c->has_to = true;
	r = changes_check_token(c->operand, to, err);
	c->full_copy_due = r == -ESTALE;
	return c->full_copy_due ? err_prefix(err, r, "volume %s: --to %s", c->operand, to) : r;
}

/* ---- the extents ---- */

static int begin_content(void *ctx, const struct changes_head *head, struct err *err)
{
	struct content *c = ctx;

	c->head = *head;
	c->whole = json_object_is_type(head->gaps, json_type_array) && json_object_array_length(head->gaps);
	if (c->whole)
		changes_complain_of_gaps(c->operand, head);
	else
		gaps_complain(c->operand, c->gaps, GAPS_COPY);
	json_object_put(c->gaps);
	c->gaps = NULL;
	if (!c->has_to && (!head->token || !token_from_text(head->token, &c->to)))
		return err_set(err, -EINVAL, "%s: the metadata does not know the timeline of era %" PRIu64
			       ", so this era has no token, and the copy could not be recognized: open the volume, which begins a new timeline", c->operand, head->era);
	if (c->device.size < head->size)
		return err_set(err, -EINVAL, "%s has %" PRIu64 " bytes, expected the %" PRIu64 " of volume %s", c->device_path,
			       c->device.size, head->size, c->operand);
	return 0;
}

static int add_content_extent(void *ctx, uint64_t offset, uint64_t length, struct err *err)
{
	const struct content_extent e = { offset, length };
	struct content *c = ctx;

	c->nr_extents++;
	c->extent_bytes += length;
	if (fwrite(&e, sizeof(e), 1, c->extents) == 1)
		return 0;
	return err_set(err, -errno, "volume %s: cannot write a temporary file in %s: %s%s", c->operand,
		       temporary_directory(c->directory), strerror(errno), c->directory ? "" : TMPDIR_HINT);
}

int content_list(struct content *c, struct err *err)
{
	struct changes_reader reader = {
		.token = c->since, .ctx = c, .begin = begin_content, .extent = add_content_extent,
	};
	int r;

	if (c->since && !token_from_text(c->since, &c->from))
		return err_set(err, -EINVAL, "token %s: expected a token of 'eractl checkpoint --token'", c->since);
	reader.since = c->since ? c->from.era : 0;
	if (c->extents)
		fclose(c->extents);
	c->nr_extents = c->extent_bytes = 0;
	c->extents = temporary_file(c->directory);
	if (!c->extents)
		return err_set(err, -errno, "volume %s: cannot make a temporary file in %s: %s%s", c->operand,
			       temporary_directory(c->directory), strerror(errno), c->directory ? "" : TMPDIR_HINT);
	r = changes_read(c->operand, &reader, err);
	if (!r && (fflush(c->extents) || ferror(c->extents)))
		r = err_set(err, -EIO, "volume %s: a temporary file cannot be written", c->operand);
	c->full_copy_due = r == -ESTALE;
	if (c->full_copy_due)
		return err_prefix(err, r, "volume %s: a full copy is due", c->operand);
	if (!r && c->since && c->from.era >= c->to.era)
		return err_set(err, -EINVAL, "volume %s: got era %" PRIu32 " as the earlier moment for a copy of era %" PRIu32
			       ", expected an older one", c->operand, c->from.era, c->to.era);
	return r;
}

/* ---- the data ---- */

struct reading {
	struct content *c;
	uint64_t grain;
	const char *what;
	content_fn fn;
	void *ctx;
};

bool content_all_zeros(const char *buf, uint64_t len)
{
	return !*buf && !memcmp(buf, buf + 1, len - 1);
}

/* Passes the bytes of the buffer to fn, as runs of zeros and runs of data. */
static int pass_piece(const struct reading *rd, const char *buf, uint64_t offset, uint64_t len, struct err *err)
{
	uint64_t at, end, n;
	bool zeros;
	int r = 0;

	for (at = 0; at < len && !r; at = end) {
		n = len - at < rd->grain ? len - at : rd->grain;
		zeros = content_all_zeros(buf + at, n);
		for (end = at + n; end < len; end += n) {
			n = len - end < rd->grain ? len - end : rd->grain;
			if (content_all_zeros(buf + end, n) != zeros)
				break;
		}
		r = rd->fn(rd->ctx, &(struct stream_extent){ offset + at, end - at, zeros ? NULL : (const uint8_t *)buf + at }, err);
	}
	return r;
}

static int read_extent(const struct reading *rd, const struct content_extent *e, struct err *err)
{
	struct content *c = rd->c;
	uint64_t offset = e->offset, n;
	int r = 0;

	for (; offset < e->offset + e->length && !r; offset += n) {
		progress_show(rd->what, offset, c->head.size);
		n = CONTENT_PIECE - offset % CONTENT_PIECE;
		if (n > e->offset + e->length - offset)
			n = e->offset + e->length - offset;
		r = compared_read(&c->device, offset, n, err);
		if (!r)
			r = pass_piece(rd, c->device.buf, offset, n, err);
	}
	return r;
}

void content_align_extent(struct content_extent *e, uint64_t align, uint64_t size)
{
	uint64_t end = (e->offset + e->length + align - 1) & ~(align - 1);

	if (end > size)
		end = size;
	e->offset &= ~(align - 1);
	e->length = end - e->offset;
}

/*
 * Checks that content_read() has read the extents that content_list() has written.  A file system
 * may lose data of the temporary file after the flush has succeeded.
 */
static int check_extents(const struct content *c, uint64_t nr, uint64_t bytes, struct err *err)
{
	if (ferror(c->extents))
		return err_set(err, -EIO, "volume %s: a temporary file cannot be read", c->operand);
	if (nr == c->nr_extents && bytes == c->extent_bytes)
		return 0;
	return err_set(err, -EIO, "volume %s: the temporary file in %s has lost data: got %" PRIu64 " extents with %" PRIu64
		       " bytes, expected %" PRIu64 " with %" PRIu64 "; run the command again", c->operand,
		       temporary_directory(c->directory), nr, bytes, c->nr_extents, c->extent_bytes);
}

int content_read(struct content *c, uint64_t align, uint64_t grain, const char *what, content_fn fn, void *ctx, struct err *err)
{
	const struct reading rd = { c, grain, what, fn, ctx };
	struct content_extent e, last = { 0, 0 };
	uint64_t nr = 0, bytes = 0;
	int r;

	r = compared_buffer(&c->device, CONTENT_PIECE, err);
	if (r)
		return r;
	rewind(c->extents);
	while (!r && fread(&e, sizeof(e), 1, c->extents) == 1) {
		/* changes_read() lists no empty extent, so this is one that has become zeros. */
		if (!e.length)
			break;
		nr++;
		bytes += e.length;
		content_align_extent(&e, align, c->head.size);
		if (last.length && e.offset <= last.offset + last.length) {
			last.length = e.offset + e.length - last.offset;
			continue;
		}
		r = read_extent(&rd, &last, err);
		last = e;
	}
	if (!r)
		r = check_extents(c, nr, bytes, err);
	if (!r)
		r = read_extent(&rd, &last, err);
	progress_show(what, c->head.size, c->head.size);
	return r;
}
