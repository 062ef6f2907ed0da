// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads which extents were written since an era: see changes.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "eractl/changes.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"
#include "eractl/seen_note.h"
#include "store/moment.h"

/* The state of one reading, from erad or from metadata. */
struct reading {
	const struct changes_reader *reader;
	const char *operand;
	struct changes_head head;
	bool begun;
	/*
	 * The last extent.  It is passed to the reader only when the next extent is known, because
	 * the two may be adjacent and are then joined.
	 */
	uint64_t offset, length;
	uint64_t changed;	/* sum of the lengths of all extents */
};

static int begin_changes(struct reading *r, struct err *err)
{
	r->begun = true;
	return r->reader->begin(r->reader->ctx, &r->head, err);
}

static int flush_kept(struct reading *r, struct err *err)
{
	const uint64_t length = r->length;

	if (!length)
		return 0;
	r->length = 0;
	r->changed += length;
	return r->reader->extent(r->reader->ctx, r->offset, length, err);
}

static int add_change(struct reading *r, uint64_t offset, uint64_t length, struct err *err)
{
	int ret;

	if (r->length && offset == r->offset + r->length) {
		r->length += length;
		return 0;
	}
	ret = flush_kept(r, err);
	r->offset = offset;
	r->length = length;
	return ret;
}

/* ---- from erad ---- */

static int garbled(const struct reading *r, struct err *err, const char *how)
{
	return err_set(err, -EBADMSG, "volume %s: the answer of erad cannot be understood: %s", r->operand, how);
}

static int begin_answer(struct reading *r, struct json_object *part, struct err *err)
{
	struct changes_head *h = &r->head;
	int ret;

	if (!json_number(part, "block_size", &h->block_size) || !h->block_size ||
	    !json_number(part, "size", &h->size) || !json_number(part, "since", &h->since) ||
	    !json_number(part, "era", &h->era))
		return garbled(r, err, "the first part lacks block_size, size, since or era");
	if (h->since != r->reader->since)
		return garbled(r, err, "the first part has another era as \"since\"");
	h->token = json_text(part, "token");
	seen_note(h->token);
	h->gaps = json_object_object_get(part, "gaps");
	ret = begin_changes(r, err);
	h->token = NULL;
	h->gaps = NULL;
	return ret;
}

/* Reads the i-th number of the part as an offset, and the number after it as a length. */
static int changes_extent(struct reading *r, struct json_object *part, size_t i, struct err *err)
{
	uint64_t offset, length;

	if (!json_to_number(json_object_array_get_idx(part, i), &offset) ||
	    !json_to_number(json_object_array_get_idx(part, i + 1), &length))
		return garbled(r, err, "an extent is not an offset and a length");
	if (offset < r->offset + r->length)
		return garbled(r, err, "the extents do not ascend");
	if (!length || length > r->head.size || offset > r->head.size - length)
		return garbled(r, err, "an extent is empty or goes beyond the volume");
	return add_change(r, offset, length, err);
}

static int changes_part(void *ctx, struct json_object *part, struct err *err)
{
	struct reading *r = ctx;
	size_t i, n;
	int ret;

	if (!r->begun)
		return begin_answer(r, part, err);
	if (!json_object_is_type(part, json_type_array))
		return garbled(r, err, "a part is not a list of extents");
	n = json_object_array_length(part);
	for (i = 0; i < n; i += 2) {
		ret = changes_extent(r, part, i, err);
		if (ret)
			return ret;
	}
	return 0;
}

static int changes_result(struct reading *r, struct json_object *result, struct err *err)
{
	const char *due = json_text(result, "full_copy_due");
	uint64_t changed;

	if (due)
		return err_set(err, -ESTALE, "%s", due);
	if (!r->begun)
		return garbled(r, err, "the answer has no first part");
	if (!json_number(result, "changed_bytes", &changed) || changed != r->changed + r->length)
		return garbled(r, err, "changed_bytes is not the sum of the extents");
	return flush_kept(r, err);
}

static int changes_from_volume(struct reading *r, struct err *err)
{
	struct json_object *request = client_request("diff", r->operand), *result;
	int ret;

	if (r->reader->token)
		json_object_object_add(request, "token", json_object_new_string(r->reader->token));
	else
		json_object_object_add(request, "since", json_object_new_int64(r->reader->since));
	if (r->reader->snapshot)
		json_object_object_add(request, "snapshot", json_object_new_boolean(true));
	ret = client_call(request, changes_part, r, &result, err);
	if (ret)
		return ret;
	ret = changes_result(r, result, err);
	json_object_put(result);
	return ret;
}

/* ---- from the metadata of a closed volume ---- */

struct store_reading {
	struct reading *r;
	struct err *err;
};

static struct json_object *gaps_json(const struct store_gap *gap, unsigned int nr)
{
	struct json_object *list = json_object_new_array();

	for (; nr; gap++, nr--) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "era", json_object_new_int64(gap->era));
		json_object_object_add(o, "time", gap->time ? json_object_new_uint64(gap->time) : NULL);
		json_object_object_add(o, "kind", json_object_new_string(store_gap_name(gap->kind)));
		json_object_object_add(o, "detail", jsonl_text(gap->detail));
		json_object_array_add(list, o);
	}
	return list;
}

static int add_changed_blocks(void *ctx, uint64_t first, uint64_t len)
{
	struct store_reading *s = ctx;
	const struct changes_head *h = &s->r->head;
	const uint64_t offset = first * h->block_size;
	uint64_t bytes = len * h->block_size;

	/* The last block may reach beyond the end of the device. */
	if (bytes > h->size - offset)
		bytes = h->size - offset;
	return add_change(s->r, offset, bytes, s->err);
}

static int begin_from_store(struct reading *r, struct store *s, const struct store_info *info, struct err *err)
{
	struct store_gap gap[ERAD_GAPS];
	struct changes_head *h = &r->head;
	char text[TOKEN_TEXT_SIZE];
	struct token token;
	int ret;

	h->block_size = (uint64_t)info->block_sectors * ERAD_SECTOR;
	h->size = (r->reader->snapshot ? info->snapshot_sectors : info->nr_sectors) * ERAD_SECTOR;
	h->since = r->reader->since;
	h->era = r->reader->snapshot ? info->snapshot_era : info->era;
	if (store_token(s, h->era, &token))
		h->token = token_text(&token, text);
	h->gaps = gaps_json(gap, store_gaps_since(s, h->since, h->era, gap));
	ret = begin_changes(r, err);
	json_object_put(h->gaps);
	h->gaps = NULL;
	h->token = NULL;
	return ret;
}

static int changes_from_store(struct reading *r, struct store *s, struct err *err)
{
	struct store_reading ctx = { r, err };
	char who[PAST_NOTE_TEXT];
	struct store_info info;
	struct token token;
	int ret;

	if (r->reader->token && token_from_text(r->reader->token, &token)) {
		ret = store_check_token(s, &token, err);
		if (ret)
			return ret;
	}
	/* A metadata snapshot is of an earlier moment, which later writes cannot change. */
	if (!r->reader->snapshot && metadata_is_out(s))
		return err_set(err, -ESTALE,
			       "the target of the volume was taken out of the table of its device, so writes may have gone past erad; open the volume or load its table again, then make the diff");
	if (!r->reader->snapshot && metadata_past(s, who))
		return err_set(err, -ESTALE,
			       "%s used the origin itself, past the volume, when erad looked last, so later writes may have gone past erad, and no gap shows them yet; free the origin if it is still in use, and open the volume, which records the gap if there is one, then make the diff",
			       who);
	store_info(s, &info);
	if (r->reader->snapshot && !info.snapshot_era)
		return err_set(err, -ENOENT, "%s: the metadata has no snapshot; leave out --snapshot", r->operand);
	if (r->reader->since > (r->reader->snapshot ? info.snapshot_era : info.era))
		return err_set(err, -EINVAL, "%s: era %" PRIu32 " has not begun, the %s era is %" PRIu32, r->operand,
			       r->reader->since, r->reader->snapshot ? "snapshot's" : "current",
			       r->reader->snapshot ? info.snapshot_era : info.era);
	ret = begin_from_store(r, s, &info, err);
	if (!ret)
		ret = store_diff_view(s, r->reader->snapshot ? STORE_SNAPSHOT : STORE_NOW, r->reader->since,
				      add_changed_blocks, &ctx, err);
	return ret ? ret : flush_kept(r, err);
}

static int changes_from_metadata(struct reading *r, struct err *err)
{
	struct engine *engine;
	struct store *s;
	int ret;

	ret = metadata_open(r->operand, ENGINE_READ, &engine, err);
	if (!ret)
		ret = store_open(engine, STORE_READ, &s, err);
	if (ret)
		return ret;
	ret = changes_from_store(r, s, err);
	store_close(s, false, NULL);
	return ret;
}

int changes_read(const char *operand, const struct changes_reader *reader, struct err *err)
{
	struct reading r = { .reader = reader, .operand = operand };

	return strchr(operand, '/') ? changes_from_metadata(&r, err) : changes_from_volume(&r, err);
}

/* ---- checks and messages ---- */

static int stop_at_head(void *ctx, const struct changes_head *head, struct err *err)
{
	(void)head;
	*(bool *)ctx = true;
	return err_set(err, -ECANCELED, "the token is known");
}

int changes_check_token(const char *operand, const char *token, struct err *err)
{
	bool known = false;
	const struct changes_reader reader = { .token = token, .ctx = &known, .begin = stop_at_head };
	struct changes_reader with_era = reader;
	struct token t;
	int r;

	if (!token_from_text(token, &t))
		return err_set(err, -EINVAL, "token %s: expected a token of 'eractl checkpoint --token'", token);
	with_era.since = t.era;
	r = changes_read(operand, &with_era, err);
	return known ? 0 : r;
}

void changes_complain_of_gaps(const char *operand, const struct changes_head *head)
{
	const size_t nr = json_object_is_type(head->gaps, json_type_array) ? json_object_array_length(head->gaps) : 0;
	struct json_object *last = nr ? json_object_array_get_idx(head->gaps, nr - 1) : NULL;
	const char *kind = json_text(last, "kind"), *detail = json_text(last, "detail");
	char more[64] = "";
	uint64_t era;

	if (!kind || !json_number(last, "era", &era))
		return;
	if (nr > 1)
		snprintf(more, sizeof(more), ", the last of %zu gaps", nr);
	complain("volume %s: the whole volume is listed, because writes may have gone past erad in era %" PRIu64
		 " (%s%s%s%s)", operand, era, kind, detail && *detail ? ": " : "", detail ? detail : "", more);
}
