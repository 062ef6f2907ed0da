// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The dump and check operations: read the eras of all blocks of a volume, as they were at one
 * moment.  For a live volume, the request takes a snapshot, and drops the snapshot at the end, also
 * if the caller closes the connection.  There are two exceptions.  A dump of the existing snapshot
 * needs no other snapshot.  A loose dump takes no snapshot, so it may show different blocks at
 * different moments.
 */
#include <errno.h>
#include <string.h>

#include "common/uuid.h"
#include "erad/base/thread.h"
#include "erad/ops/closed.h"
#include "erad/ops/open.h"
#include "erad/request/dump.h"
#include "erad/request/interrupt.h"
#include "erad/volume/past.h"
#include "erad/volume/snapshot.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"
#include "store/era_notes.h"

#define PART_RUNS	1024
#define PROGRESS_MS	200

struct dump {
	struct jsonl *j;
	struct volume *v;		/* the open volume; NULL: it is closed */
	uint32_t newest;		/* the era that was sent in the head */
	/*
	 * The volume is closed, and its table note says OUT: another table had replaced the table
	 * with erad's target, so writes may have gone past the target.
	 */
	bool out;
	/* The devices in the past note of the closed volume: see past_is_noted().  "": none. */
	char past[PAST_NOTE_TEXT];
	const struct store_notes *notes;	/* what the closed metadata notes of the origin; NULL: not known */
	struct json_object *runs;
	uint64_t nr, told_ms;
};

static int dump_interrupted(void *ctx)
{
	struct dump *d = ctx;

	return request_interrupted(d->j, d->v);
}

static int dump_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	struct json_object *run = json_object_new_array_ext(3);
	struct dump *d = ctx;

	json_object_array_add(run, json_object_new_uint64(first));
	json_object_array_add(run, json_object_new_uint64(len));
	/*
	 * A newer era may have begun since the head was sent.  Limit the era, because the caller
	 * expects no era newer than the one in the head.
	 */
	json_object_array_add(run, json_object_new_int64(era < d->newest ? era : d->newest));
	if (!d->runs)
		d->runs = json_object_new_array_ext(PART_RUNS);
	json_object_array_add(d->runs, run);
	d->nr++;
	if (json_object_array_length(d->runs) < PART_RUNS)
		return 0;
	return jsonl_send_part(d->j, &d->runs);
}

/* Sends progress every PROGRESS_MS. */
static int check_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	const uint64_t now = thread_now_ms();
	struct dump *d = ctx;
	struct json_object *o;

	(void)len;
	(void)era;
	if (now - d->told_ms < PROGRESS_MS)
		return 0;
	d->told_ms = now;
	o = json_object_new_object();
	json_object_object_add(o, "what", json_object_new_string("reading"));
	json_object_object_add(o, "done", json_object_new_uint64(first));
	return jsonl_send(d->j, "progress", o);
}

static struct json_object *dump_head(const struct dump *d, const char *name, const struct store_info *s, bool snapshot)
{
	struct json_object *o = json_object_new_object();
	char uuid[UUID_TEXT_SIZE], notes[ERA_NOTES_TEXT];

	json_object_object_add(o, "volume", json_object_new_string(name));
	json_object_object_add(o, "uuid", json_object_new_string(uuid_text(s->uuid, uuid)));
	json_object_object_add(o, "era",
			       json_object_new_int64(snapshot ? s->snapshot_era : s->era));
	json_object_object_add(o, "sectors",
			       json_object_new_uint64(snapshot ? s->snapshot_sectors :
						      s->nr_sectors));
	json_object_object_add(o, "block_sectors", json_object_new_int64(s->block_sectors));
	json_object_object_add(o, "journal_pages", json_object_new_uint64(s->journal_pages));
	json_object_object_add(o, "array_chunk", json_object_new_int64(s->chunk_pages));
	if (d->out)
		json_object_object_add(o, "out_of_table", json_object_new_boolean(true));
	if (*d->past)
		json_object_object_add(o, "origin_used_by", jsonl_text(d->past));
	if (d->notes)
		json_object_object_add(o, "notes", json_object_new_string(era_notes_text(d->notes, notes)));
	return o;
}

static int send_eras(struct dump *d, const char *name, struct store *s, enum store_view view,
		  bool check, struct json_object **result, struct err *err)
{
	struct store_info info;
	uint64_t damaged;
	int r;

	store_info(s, &info);
	if (view == STORE_SNAPSHOT && !info.snapshot_era)
		return err_set(err, -ENOENT, "no snapshot is held; run 'eractl snapshot take' to take one");
	d->newest = view == STORE_SNAPSHOT ? info.snapshot_era : info.era;
	r = check ? 0 : jsonl_send(d->j, "part", dump_head(d, name, &info, view == STORE_SNAPSHOT));
	if (!r && check)
		r = store_eras_watched(s, view, check_run, dump_interrupted, d, &damaged, err);
	else if (!r)
		r = store_eras_watched(s, view, dump_run, dump_interrupted, d, NULL, err);
	if (r == -ESHUTDOWN)
		err_set(err, r, "the volume was closed while it was being read");
	if (!r)
		r = jsonl_send_part(d->j, &d->runs);
	json_object_put(d->runs);
	if (r)
		return r;
	if (check) {
		*result = dump_head(d, name, &info, view == STORE_SNAPSHOT);
		json_object_object_add(*result, "damaged_blocks", json_object_new_uint64(damaged));
	} else {
		*result = json_object_new_object();
		json_object_object_add(*result, "runs", json_object_new_uint64(d->nr));
	}
	return 0;
}

static int dump_closed(struct dump *d, const char *name, enum store_view view,
		  struct json_object **result, struct err *err)
{
	struct store_notes notes;
	struct store *s;
	int r;

	r = op_open_closed(name, &s, NULL, err);
	if (r)
		return r;
	/* A metadata snapshot is of an earlier moment, which later writes cannot change. */
	if (view == STORE_NOW) {
		d->out = table_note_is_out(s);
		past_is_noted(s, d->past);
		store_notes(s, &notes);
		d->notes = &notes;
	}
	r = send_eras(d, name, s, view, false, result, err);
	store_close(s, false, NULL);
	return r;
}

static int dump_live(struct dump *d, const char *name, enum store_view view, enum dump_kind kind,
		struct json_object **result, struct err *err)
{
	const bool pin = view == STORE_NOW && kind != DUMP_LOOSE;
	struct store *s;
	struct err why;
	uint32_t era;
	int r;

	s = volume_store_get(d->v);
	if (!s)
		return volume_store_missing(err);
	/*
	 * If erad cannot attach to the target, the target may have let writes pass unrecorded.
	 * Look for the degrade record of the target: with this record, every block counts as
	 * written.  If the metadata cannot be read, refuse the dump.
	 */
	r = store_find_degraded(s, err);
	if (!r && view == STORE_NOW && !store_degraded(s))
		r = volume_check_compared(d->v, err);
	if (!r && view == STORE_NOW && !pin)
		r = past_look(d->v, s, err);
	if (!r && pin)
		r = volume_snapshot_take(d->v, false, &era, err);
	if (r == -EEXIST) {
		why = *err;
		err_set(err, r, "%s, or dump the snapshot with --snapshot", why.msg);
	}
	if (!r) {
		r = send_eras(d, name, s, pin ? STORE_SNAPSHOT : view, kind == DUMP_CHECK, result,
			   err);
		if (pin)
			volume_snapshot_unpin(d->v, s, NULL);
	}
	/*
	 * Wake the volume thread, which ends the degrade record, so that the next backup can be an
	 * increment.
	 */
	if (store_degraded(s))
		volume_kick(d->v);
	volume_store_put(d->v);
	return r;
}

int request_dump(struct jsonl *j, const char *name, enum store_view view, enum dump_kind kind,
		 struct json_object **result, struct err *err)
{
	struct dump d = { .j = j };
	int r;

	r = op_find(name, &d.v, err);
	if (r == -ENOTCONN && kind != DUMP_CHECK)
		return dump_closed(&d, name, view, result, err);
	if (r)
		return r;
	r = dump_live(&d, name, view, kind, result, err);
	volume_unref(d.v);
	return r;
}
