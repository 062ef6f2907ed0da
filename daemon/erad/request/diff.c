// SPDX-License-Identifier: GPL-2.0-or-later
/* The diff operation: sends the extents of changed bytes in parts. */
#include <errno.h>
#include <string.h>

#include "erad/ops/closed.h"
#include "erad/ops/open.h"
#include "erad/request/diff.h"
#include "erad/request/history.h"
#include "erad/request/interrupt.h"
#include "erad/volume/past.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"

#define PART_EXTENTS	1024

struct diff {
	struct jsonl *j;
	struct volume *v;		/* the open volume; NULL: it is closed */
	enum store_view view;
	uint64_t block_size, size;	/* in bytes */
	struct json_object *extents;
	uint64_t changed;		/* sum of the lengths in bytes */
	/* the token of the request; NULL: the request names an era */
	const struct token *token;
};

static int diff_interrupted(void *ctx)
{
	struct diff *d = ctx;

	return request_interrupted(d->j, d->v);
}

static int diff_extent(void *ctx, uint64_t first, uint64_t len)
{
	struct diff *d = ctx;
	uint64_t offset = first * d->block_size;
	uint64_t bytes = len * d->block_size;

	/*
	 * Leave out blocks beyond the size that was sent, because the volume may have grown since
	 * then.
	 */
	if (offset >= d->size)
		return 0;
	/* The last block may reach beyond the end of the device. */
	if (bytes > d->size - offset)
		bytes = d->size - offset;
	d->changed += bytes;

	if (!d->extents)
		d->extents = json_object_new_array_ext(2 * PART_EXTENTS);
	json_object_array_add(d->extents, json_object_new_uint64(offset));
	json_object_array_add(d->extents, json_object_new_uint64(bytes));
	if (json_object_array_length(d->extents) < 2 * PART_EXTENTS)
		return 0;
	return jsonl_send_part(d->j, &d->extents);
}

/* Makes the answer that only a full copy is complete.  why: the reason, without the name of the volume. */
static struct json_object *full_copy_due(const char *name, const struct err *why)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volume", json_object_new_string(name));
	json_object_object_add(o, "full_copy_due", jsonl_text(why->msg));
	return o;
}

/* Returns whether a copy that is made after this diff may be the base of a diff since `era`. */
static bool may_be_base(const struct diff *d, uint32_t era)
{
	bool complete;

	if (!d->v)
		return true;
	pthread_mutex_lock(&d->v->lock);
	complete = volume_era_is_complete(d->v, era);
	pthread_mutex_unlock(&d->v->lock);
	return complete;
}

static int stream(struct diff *d, const char *name, struct store *s, uint32_t since,
		  struct json_object **result, struct err *err)
{
	const bool snapshot = d->view == STORE_SNAPSHOT;
	struct json_object *head;
	struct store_info info;
	struct err why;
	uint32_t era;
	int r;

	if (d->token && store_check_token(s, d->token, &why)) {
		*result = full_copy_due(name, &why);
		return 0;
	}
	store_info(s, &info);
	era = snapshot ? info.snapshot_era : info.era;
	/*
	 * Check the era before sending the first part, so that the caller need not undo anything.
	 */
	if (snapshot && !era)
		return err_set(err, -ENOENT, "no snapshot is held; run 'eractl snapshot take' to take one");
	if (since > era)
		return err_set(err, -EINVAL, "era %u has not begun, the %s era is %u", since,
			       snapshot ? "snapshot's" : "current", era);
	d->block_size = (uint64_t)info.block_sectors * 512;
	d->size = (snapshot ? info.snapshot_sectors : info.nr_sectors) * 512;

	head = json_object_new_object();
	json_object_object_add(head, "volume", json_object_new_string(name));
	json_object_object_add(head, "block_size", json_object_new_uint64(d->block_size));
	json_object_object_add(head, "since", json_object_new_int64(since));
	json_object_object_add(head, "era", json_object_new_int64(era));
	json_object_object_add(head, "size", json_object_new_uint64(d->size));
	json_object_object_add(head, "token", may_be_base(d, era) ? token_json(s, era) : NULL);
	json_object_object_add(head, "gaps", gaps_since_json(s, since, era));
	r = jsonl_send(d->j, "part", head);
	if (!r)
		r = store_diff_watched(s, d->view, since, diff_extent, diff_interrupted, d, err);
	if (r == -ESHUTDOWN)
		err_set(err, r, "the volume was closed during the diff");
	if (!r)
		r = jsonl_send_part(d->j, &d->extents);
	json_object_put(d->extents);
	if (r)
		return r;
	*result = json_object_new_object();
	json_object_object_add(*result, "changed_bytes", json_object_new_uint64(d->changed));
	return 0;
}

/*
 * Returns ESTALE if writes to the closed volume may have gone past erad, and only the next open
 * records the gap.
 */
static int check_closed(const char *name, struct store *s, dev_t origin, struct err *err)
{
	char who[PAST_NOTE_TEXT];
	struct err difference;

	if (table_note_is_out(s))
		return err_set(err, -ESTALE,
			       "its target was taken out of the table of /dev/mapper/%s, so writes may have gone past erad; open the volume or load its table again, then make the diff",
			       name);
	if (past_is_noted(s, who))
		return err_set(err, -ESTALE,
			       "%s used the origin itself, past the volume, when erad looked last, so later writes may have gone past erad, and no gap shows them yet; free the origin if it is still in use, and open the volume, which records the gap if there is one, then make the diff",
			       who);
	if (origin && table_note_written_while_closed(s, origin, &difference))
		return err_set(err, -ESTALE, "%s; open the volume, which records the gap, then make the diff", difference.msg);
	return 0;
}

static int diff_closed(struct diff *d, const char *name, uint32_t since,
		       struct json_object **result, struct err *err)
{
	struct store *s;
	dev_t origin;
	struct err why;
	int r;

	r = op_open_closed(name, &s, &origin, err);
	if (r)
		return r;
	/* A metadata snapshot is of an earlier moment, which later writes cannot change. */
	if (d->view == STORE_NOW && check_closed(name, s, origin, &why))
		*result = full_copy_due(name, &why);
	else
		r = stream(d, name, s, since, result, err);
	store_close(s, false, NULL);
	return r;
}

int request_diff(struct jsonl *j, const char *name, uint32_t since, const struct token *token,
		 enum store_view view, struct json_object **result, struct err *err)
{
	struct diff d = { .j = j, .view = view, .token = token };
	struct store *s;
	int r;

	r = op_find(name, &d.v, err);
	if (r == -ENOTCONN)
		return diff_closed(&d, name, since, result, err);
	if (r)
		return r;
	s = volume_store_get(d.v);
	if (s) {
		/*
		 * If erad cannot attach to the target, the target may have let writes pass
		 * unrecorded.  Look for the degrade record of the target: with this record, every
		 * block counts as written.  If the metadata cannot be read, refuse the diff.
		 */
		r = store_find_degraded(s, err);
		/* A metadata snapshot is of an earlier moment, which later writes cannot change. */
		if (!r && view == STORE_NOW && !store_degraded(s))
			r = volume_check_compared(d.v, err);
		if (!r && view == STORE_NOW)
			r = past_look(d.v, s, err);
		if (!r)
			r = stream(&d, name, s, since, result, err);
		/*
		 * Wake the volume thread, which ends the degrade record, so that the next backup
		 * can be an increment.
		 */
		if (store_degraded(s))
			volume_kick(d.v);
		volume_store_put(d.v);
	} else {
		r = volume_store_missing(err);
	}
	volume_unref(d.v);
	return r;
}
