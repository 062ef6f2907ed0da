// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries out requests that create, open, resize, close and remove volumes: see volumes.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sysfs.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/ops/abort.h"
#include "erad/ops/attach.h"
#include "erad/ops/close.h"
#include "erad/ops/create.h"
#include "erad/ops/forget.h"
#include "erad/ops/open.h"
#include "erad/ops/resize.h"
#include "erad/request/args.h"
#include "erad/request/history.h"
#include "erad/request/volumes.h"
#include "erad/volume/volume.h"

#define PROGRESS_MS	200	/* shortest pause between two progress lines */

static struct json_object *opened_result(struct volume *v)
{
	struct json_object *o = one_text("volume", v->name);
	char uuid[UUID_TEXT_SIZE], name[DM_NAME_SIZE];
	char device[sizeof(name) + 16];
	uint32_t era;
	dev_t dev;

	pthread_mutex_lock(&v->lock);
	era = v->info.era;
	dev = v->dev;
	pthread_mutex_unlock(&v->lock);
	if (dm_name(dev, name))
		strcpy(name, v->name);
	snprintf(device, sizeof(device), "/dev/mapper/%s", name);
	json_object_object_add(o, "uuid", json_object_new_string(uuid_text(v->uuid, uuid)));
	json_object_object_add(o, "origin", jsonl_text(v->origin));
	json_object_object_add(o, "metadata", jsonl_text(v->metadata));
	add_era_and_token(o, v, era);
	json_object_object_add(o, "device", jsonl_text(device));
	return o;
}

static void send_progress(void *ctx, uint64_t done, uint64_t total)
{
	uint64_t now = thread_now_ms();
	struct request *q = ctx;
	struct json_object *o;

	if (done < total && now - q->told_ms < PROGRESS_MS)
		return;
	q->told_ms = now;
	o = one_text("what", "writing metadata");
	json_object_object_add(o, "done", json_object_new_uint64(done));
	json_object_object_add(o, "total", json_object_new_uint64(total));
	/* Ignore the error: if the caller has closed the connection, the operation goes on. */
	if (jsonl_send(q->j, "progress", o))
		log_debug("nobody reads the progress");
}

static struct json_object *created_result(struct volume *v, const char *origin_given)
{
	struct json_object *o = opened_result(v);

	if (strcmp(v->origin, origin_given))
		json_object_object_add(o, "origin_given", jsonl_text(origin_given));
	return o;
}

static int get_create_args(struct request *q, struct create_args *a, struct err *err)
{
	struct json_object *overwrite;
	int r;

	r = args_volume(q->arg, &a->name, err);
	if (!r)
		r = args_text(q->arg, "origin", true, &a->origin, err);
	if (!r)
		r = args_text(q->arg, "metadata", false, &a->metadata, err);
	if (!r)
		r = args_number(q->arg, "block_size", UINT64_MAX, &a->block_size, err);
	if (!r)
		r = args_member(q->arg, "overwrite_metadata", json_type_boolean, &overwrite, err);
	if (!r)
		a->overwrite = json_object_get_boolean(overwrite);
	return r;
}

int serve_create(struct request *q, struct json_object **result, struct err *err)
{
	struct create_args a = {
		.block_size = ERAD_BLOCK_SIZE_DEFAULT,
		.progress = send_progress,
		.ctx = q,
	};
	struct volume *v;
	int r;

	r = get_create_args(q, &a, err);
	if (r)
		return r;
	r = op_create(&a, &v, err);
	if (r)
		return r;
	*result = created_result(v, a.origin);
	volume_unref(v);
	return 0;
}

int serve_attach(struct request *q, struct json_object **result, struct err *err)
{
	struct json_object *rejects, *write;
	struct attach at = { 0 };
	struct create_args a = {
		.block_size = ERAD_BLOCK_SIZE_DEFAULT,
		.progress = send_progress,
		.ctx = q,
		.below = &at,
	};
	struct volume *v;
	int r;

	r = get_create_args(q, &a, err);
	if (!r)
		r = args_member(q->arg, "lvm_rejects", json_type_boolean, &rejects, err);
	if (!r)
		r = args_member(q->arg, "write_lvm_filter", json_type_boolean, &write, err);
	if (r)
		return r;
	r = args_text(q->arg, "vg_name", false, &at.vg_name, err);
	if (!r)
		r = args_text(q->arg, "vg_uuid", false, &at.vg_uuid, err);
	if (r)
		return r;
	at.lvm_rejects = json_object_get_boolean(rejects);
	at.write_filter = json_object_get_boolean(write);
	r = op_attach(&a, &v, err);
	if (r)
		return r;
	*result = created_result(v, a.origin);
	json_object_object_add(*result, "stood_still_seconds", json_object_new_double(at.us / 1e6));
	json_object_object_add(*result, "logical_volumes", json_object_new_int64(at.nr_lvs));
	volume_unref(v);
	return 0;
}

/*
 * Adds the UUID of the metadata of a volume that is forgotten, the name of another volume that may
 * have the same UUID, and why the metadata file was not removed.  Each of the three is null if it is
 * not known.
 */
static void add_left(struct json_object *o, const char *uuid, const char *same_uuid, const struct err *kept)
{
	json_object_object_add(o, "uuid", *uuid ? json_object_new_string(uuid) : NULL);
	json_object_object_add(o, "same_uuid", *same_uuid ? json_object_new_string(same_uuid) : NULL);
	json_object_object_add(o, "not_removed", *kept->msg ? jsonl_text(kept->msg) : NULL);
}

int serve_detach(struct request *q, struct json_object **result, struct err *err)
{
	struct detached out;
	const char *name;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = op_detach(name, &out, err);
	if (r)
		return r;
	*result = one_text("volume", name);
	add_left(*result, out.uuid, out.same_uuid, &out.kept);
	json_object_object_add(*result, "stood_still_seconds", json_object_new_double(out.us / 1e6));
	return 0;
}

int serve_open(struct request *q, struct json_object **result, struct err *err)
{
	struct json_object *replaced, *gap;
	struct open_choice choice;
	struct volume *v;
	const char *name;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = args_member(q->arg, "origin_replaced", json_type_boolean, &replaced, err);
	if (!r)
		r = args_member(q->arg, "accept_gap", json_type_boolean, &gap, err);
	if (r)
		return r;
	choice = (struct open_choice){
		.origin_replaced = json_object_get_boolean(replaced),
		.accept_gap = json_object_get_boolean(gap),
	};
	r = op_open(name, &choice, &v, err);
	if (r)
		return r;
	*result = opened_result(v);
	volume_unref(v);
	return 0;
}

/*
 * Carries out an operation that takes only the name of the volume.  The result has only this name,
 * too.
 */
static int serve_name(struct request *q, int (*op)(const char *name, struct err *err),
		      struct json_object **result, struct err *err)
{
	const char *name;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = op(name, err);
	if (!r)
		*result = one_text("volume", name);
	return r;
}

int serve_close(struct request *q, struct json_object **result, struct err *err)
{
	return serve_name(q, op_close, result, err);
}

int serve_abort(struct request *q, struct json_object **result, struct err *err)
{
	return serve_name(q, op_abort, result, err);
}

int serve_forget(struct request *q, struct json_object **result, struct err *err)
{
	struct forgotten out;
	const char *name;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = op_forget(name, &out, err);
	if (r)
		return r;
	*result = one_text("volume", name);
	add_left(*result, out.uuid, out.same_uuid, &out.kept);
	json_object_object_add(*result, "metadata", out.metadata ? jsonl_text(out.metadata) : NULL);
	free(out.metadata);
	return 0;
}

int serve_resize(struct request *q, struct json_object **result, struct err *err)
{
	struct resized resized;
	uint64_t size = 0;
	const char *name;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = args_number(q->arg, "size", UINT64_MAX, &size, err);
	if (!r)
		r = op_resize(name, size, &resized, err);
	if (r)
		return r;
	*result = one_text("volume", name);
	json_object_object_add(*result, "old_size", json_object_new_uint64(resized.had));
	json_object_object_add(*result, "size", json_object_new_uint64(resized.has));
	json_object_object_add(*result, "era", json_object_new_int64(resized.era));
	return 0;
}
