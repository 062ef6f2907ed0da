// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads eras from erad or from closed metadata: see eras.h. */
#include <errno.h>
#include <inttypes.h>

#include "common/uuid.h"
#include "common/client.h"
#include "eractl/eractl.h"
#include "eractl/eras.h"
#include "eractl/metadata.h"
#include "store/era_notes.h"
#include "store/super.h"

static void complain_of_out(const char *operand)
{
	complain("%s: the target of the volume was taken out of the table of its device, so later writes may have gone past erad, and the eras of their blocks may be too old here",
		 operand);
}

/* who: the device that was on the origin. */
static void complain_of_past(const char *operand, const char *who)
{
	complain("%s: %s used the origin itself, past the volume, when erad looked last, so later writes may have gone past erad, and the eras of their blocks may be too old here; open the volume, which records the gap if there is one",
		 operand, who);
}

/* ---- from the metadata of a closed volume ---- */

static int eras_from_store(const struct eras_reader *r, const char *path, struct store *s, struct err *err)
{
	char who[PAST_NOTE_TEXT];
	struct store_info info;
	int ret;

	store_info(s, &info);
	if (r->snapshot && !info.snapshot_era)
		return err_set(err, -ENOENT, "the metadata has no snapshot; leave out --snapshot");
	if (r->snapshot) {
		info.era = info.snapshot_era;
		info.nr_sectors = info.snapshot_sectors;
		info.nr_blocks = super_nr_blocks(info.nr_sectors, info.block_sectors);
	} else if (info.degraded) {
		complain("%s: writes have passed unrecorded (degraded): every block counts as written in era %"
			 PRIu32, path, info.era);
	} else {
		if (metadata_is_out(s))
			complain_of_out(path);
		if (metadata_past(s, who))
			complain_of_past(path, who);
	}
	if (r->notes && !r->snapshot)
		store_notes(s, r->notes);
	ret = r->begin(r->ctx, &info, err);
	if (ret)
		return ret;
	ret = store_eras(s, r->snapshot ? STORE_SNAPSHOT : STORE_NOW, r->run, r->ctx, NULL, err);
	if (ret == -EUCLEAN) {
		struct err why = *err;

		return err_set(err, ret, "%s: run 'eractl repair' to repair it", why.msg);
	}
	return ret;
}

static int eras_from_metadata(const struct eras_reader *r, const char *path, struct err *err)
{
	struct engine *engine;
	struct store *s;
	int ret;

	ret = metadata_open(path, ENGINE_READ, &engine, err);
	if (!ret)
		ret = store_open(engine, STORE_READ, &s, err);
	if (ret)
		return ret;
	ret = eras_from_store(r, path, s, err);
	store_close(s, false, NULL);
	return ret;
}

/* ---- from erad ---- */

struct answer {
	const struct eras_reader *reader;
	struct store_info info;
	bool begun;
	/* Number of runs that were read, and the end of the last run. */
	uint64_t runs, end;
};

static int err_garbled_eras(struct err *err, const char *how)
{
	return err_set(err, -EBADMSG, "the answer of erad cannot be understood: %s", how);
}

static int eras_head(struct answer *a, struct json_object *o, struct err *err)
{
	const char *uuid = json_text(o, "uuid"), *notes = json_text(o, "notes"), *who;
	uint64_t era, block_sectors, chunk;
	struct store_info *i = &a->info;

	if (!uuid || !uuid_from_text(uuid, i->uuid) || !json_number(o, "era", &era) ||
	    !json_number(o, "sectors", &i->nr_sectors) ||
	    !json_number(o, "block_sectors", &block_sectors) || !block_sectors ||
	    !json_number(o, "journal_pages", &i->journal_pages) ||
	    !json_number(o, "array_chunk", &chunk))
		return err_garbled_eras(err, "its first part lacks a member");
	/* Only a closed volume has notes.  An older erad does not send them. */
	if (notes && a->reader->notes && !era_notes_parse(notes, a->reader->notes))
		return err_garbled_eras(err, "its notes of the origin are wrong");
	i->era = era;
	i->block_sectors = block_sectors;
	i->chunk_pages = chunk;
	i->nr_blocks = (i->nr_sectors + block_sectors - 1) / block_sectors;
	a->begun = true;
	if (json_object_get_boolean(json_object_object_get(o, "out_of_table")))
		complain_of_out(json_text(o, "volume"));
	who = json_text(o, "origin_used_by");
	if (who)
		complain_of_past(json_text(o, "volume"), who);
	return a->reader->begin(a->reader->ctx, i, err);
}

static int eras_part(void *ctx, struct json_object *part, struct err *err)
{
	struct answer *a = ctx;
	size_t n;
	int r = 0;

	if (!a->begun)
		return eras_head(a, part, err);
	if (!json_object_is_type(part, json_type_array))
		return err_garbled_eras(err, "a part is not a list of runs");
	n = json_object_array_length(part);
	for (size_t k = 0; k < n && !r; k++) {
		struct json_object *run = json_object_array_get_idx(part, k);
		uint64_t first, len, era;

		if (!json_object_is_type(run, json_type_array) || json_object_array_length(run) != 3 ||
		    !json_to_number(json_object_array_get_idx(run, 0), &first) ||
		    !json_to_number(json_object_array_get_idx(run, 1), &len) ||
		    !json_to_number(json_object_array_get_idx(run, 2), &era) ||
		    first < a->end || first > a->info.nr_blocks || len > a->info.nr_blocks - first ||
		    !len || !era || era > a->info.era)
			return err_garbled_eras(err, "a run is wrong");
		a->end = first + len;
		a->runs++;
		r = a->reader->run(a->reader->ctx, first, len, era);
	}
	return r;
}

static int eras_from_volume(const struct eras_reader *reader, const struct eratab_entry *e,
			    struct err *err)
{
	struct json_object *request = client_request("dump", e->name), *result;
	struct answer a = { .reader = reader };
	uint64_t runs;
	int r;

	json_object_object_add(request, "snapshot", json_object_new_boolean(reader->snapshot));
	if (reader->loose)
		json_object_object_add(request, "loose", json_object_new_boolean(true));
	r = client_call(request, eras_part, &a, &result, err);
	if (r == -ENOTCONN)
		return eras_from_metadata(reader, e->metadata, err);
	if (r == -EBADMSG)
		return err_prefix(err, r, "volume %s", e->name);
	if (r)
		return r;
	if (!a.begun || !json_number(result, "runs", &runs) || runs != a.runs)
		r = err_prefix(err, err_garbled_eras(err, "its number of runs is wrong"), "volume %s", e->name);
	json_object_put(result);
	return r;
}

int eras_read(const char *operand, const struct eras_reader *r, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	int ret;

	if (r->notes)
		*r->notes = (struct store_notes){ .sealed = true };
	e = metadata_volume(operand, &tab);
	ret = e ? eras_from_volume(r, e, err) : eras_from_metadata(r, operand, err);
	eratab_free(&tab);
	return ret;
}
