// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads requests from the socket, checks their arguments, carries them out and sends the answers.
 */
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "erad/base/log.h"
#include "erad/ops/open.h"
#include "erad/request/args.h"
#include "erad/request/bookmarks.h"
#include "erad/request/call.h"
#include "erad/request/diff.h"
#include "erad/request/dump.h"
#include "erad/request/history.h"
#include "erad/request/image.h"
#include "erad/request/long.h"
#include "erad/request/map.h"
#include "erad/request/report.h"
#include "erad/request/request.h"
#include "erad/request/together.h"
#include "erad/request/volumes.h"
#include "erad/request/witness.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/snapshot.h"
#include "erad/volume/volume.h"

static int serve_ping(struct request *q, struct json_object **result, struct err *err)
{
	const struct mallinfo2 m = mallinfo2();

	(void)q;
	(void)err;
	*result = one_text("version", ERAD_VERSION);
	json_object_object_add(*result, "pid", json_object_new_int64(getpid()));
	json_object_object_add(*result, "heap_bytes", json_object_new_uint64(m.uordblks + m.hblkhd));
	return 0;
}

static int serve_list(struct request *q, struct json_object **result, struct err *err)
{
	(void)q;
	return request_list(result, err);
}

static int serve_volumes(struct request *q,
			 int (*op)(struct json_object *names, struct json_object **result,
				   struct err *err),
			 struct json_object **result, struct err *err)
{
	struct json_object *names;
	int r = args_member(q->arg, "volumes", json_type_array, &names, err);

	return r ? r : op(names, result, err);
}

static int serve_status(struct request *q, struct json_object **result, struct err *err)
{
	return serve_volumes(q, request_status, result, err);
}

static int serve_writers(struct request *q, struct json_object **result, struct err *err)
{
	struct json_object *names;
	int r = args_member(q->arg, "volumes", json_type_array, &names, err);

	if (!r && !q->root && (!names || json_object_array_length(names) != 1))
		return err_set(err, -EPERM, "only root may ask erad for the writers of several volumes at once; name one volume");
	return r ? r : request_writers(names, result, err);
}

static int serve_map(struct request *q, struct json_object **result, struct err *err)
{
	const char *name;
	int r = args_volume(q->arg, &name, err);

	return r ? r : request_map(name, result, err);
}

/*
 * Carries out an operation on an open volume.  If the operation sets an era, the answer contains
 * the era.
 */
static int serve_open_volume(struct request *q,
			     int (*op)(struct volume *v, uint32_t *era, struct err *err),
			     struct json_object **result, struct err *err)
{
	struct volume *v;
	const char *name;
	uint32_t era = 0;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = op_find(name, &v, err);
	if (r)
		return r;
	r = op(v, &era, err);
	if (!r) {
		*result = one_text("volume", name);
		if (era) {
			add_era_and_token(*result, v, era);
			add_gaps(*result, v, era);
		}
	}
	volume_unref(v);
	return r;
}

static int serve_checkpoint(struct request *q, struct json_object **result, struct err *err)
{
	return serve_open_volume(q, volume_checkpoint, result, err);
}

static int serve_checkpoint_together(struct request *q, struct json_object **result, struct err *err)
{
	return request_checkpoint_together(q->arg, result, err);
}

static int request_snapshot_take(struct volume *v, uint32_t *era, struct err *err)
{
	return volume_snapshot_take(v, true, era, err);
}

static int serve_snapshot_take(struct request *q, struct json_object **result, struct err *err)
{
	return serve_open_volume(q, request_snapshot_take, result, err);
}

static int request_snapshot_drop(struct volume *v, uint32_t *era, struct err *err)
{
	(void)era;
	return volume_snapshot_drop(v, err);
}

static int serve_snapshot_drop(struct request *q, struct json_object **result, struct err *err)
{
	return serve_open_volume(q, request_snapshot_drop, result, err);
}

static int serve_image_create_together(struct request *q, struct json_object **result, struct err *err)
{
	return request_image_create_together(q->arg, result, err);
}

static int serve_image_create(struct request *q, struct json_object **result, struct err *err)
{
	return request_image_create(q->arg, result, err);
}

static int serve_image_drop(struct request *q, struct json_object **result, struct err *err)
{
	return request_image_drop(q->arg, result, err);
}

static int serve_bookmarks(struct request *q, struct json_object **result, struct err *err)
{
	return request_bookmarks(q->arg, result, err);
}

static int serve_bookmark_set(struct request *q, struct json_object **result, struct err *err)
{
	return request_bookmark_set(q->arg, result, err);
}

static int serve_bookmark_delete(struct request *q, struct json_object **result, struct err *err)
{
	return request_bookmark_delete(q->arg, result, err);
}

static int serve_witness(struct request *q, struct json_object **result, struct err *err)
{
	return request_witness(q->arg, result, err);
}

static int serve_diff(struct request *q, struct json_object **result, struct err *err)
{
	uint64_t since = UINT64_MAX;
	struct json_object *snapshot;
	const char *name, *text;
	struct token token;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = args_number(q->arg, "since", UINT32_MAX, &since, err);
	if (!r)
		r = args_token(q->arg, &text, &token, err);
	if (r)
		return r;
	if (text)
		since = token.era;
	if (since == UINT64_MAX)
		r = err_set(err, -EINVAL, "the request has neither \"since\" nor \"token\"");
	if (!r)
		r = args_member(q->arg, "snapshot", json_type_boolean, &snapshot, err);
	return r ? r : request_diff(q->j, name, (uint32_t)since, text ? &token : NULL,
				    json_object_get_boolean(snapshot) ? STORE_SNAPSHOT : STORE_NOW,
				    result, err);
}

static int serve_dump_or_check(struct request *q, enum dump_kind kind,
			       struct json_object **result, struct err *err)
{
	struct json_object *snapshot, *loose;
	const char *name;
	int r;

	r = args_volume(q->arg, &name, err);
	if (!r)
		r = args_member(q->arg, "snapshot", json_type_boolean, &snapshot, err);
	if (!r)
		r = args_member(q->arg, "loose", json_type_boolean, &loose, err);
	if (!r && kind == DUMP_MOMENT && json_object_get_boolean(loose))
		kind = DUMP_LOOSE;
	return r ? r : request_dump(q->j, name, json_object_get_boolean(snapshot) ?
				    STORE_SNAPSHOT : STORE_NOW, kind, result, err);
}

static int serve_dump(struct request *q, struct json_object **result, struct err *err)
{
	return serve_dump_or_check(q, DUMP_MOMENT, result, err);
}

static int serve_check(struct request *q, struct json_object **result, struct err *err)
{
	return serve_dump_or_check(q, DUMP_CHECK, result, err);
}

static const struct {
	const char *name;
	int (*serve)(struct request *q, struct json_object **result, struct err *err);
	/* Guests may use the operation: it changes nothing, and needs little time and memory. */
	bool for_guests;
	/*
	 * The operation may take long, because a device hangs or because the caller reads slowly.
	 * long.h limits these operations.
	 */
	bool takes_long;
} ops[] = {
	{ "ping", serve_ping, true, false },
	{ "create", serve_create, false, false },
	{ "attach", serve_attach, false, false },
	{ "detach", serve_detach, false, false },
	{ "open", serve_open, false, false },
	{ "close", serve_close, false, false },
	{ "forget", serve_forget, false, false },
	{ "resize", serve_resize, false, false },
	{ "image_create", serve_image_create, false, false },
	{ "image_create_together", serve_image_create_together, false, false },
	{ "image_drop", serve_image_drop, false, false },
	{ "list", serve_list, true, false },
	{ "status", serve_status, true, false },
	{ "writers", serve_writers, true, false },
	{ "map", serve_map, true, false },
	{ "checkpoint", serve_checkpoint, false, true },
	{ "checkpoint_together", serve_checkpoint_together, false, true },
	{ "snapshot_take", serve_snapshot_take, false, true },
	{ "snapshot_drop", serve_snapshot_drop, false, true },
	{ "bookmarks", serve_bookmarks, false, true },
	{ "bookmark_set", serve_bookmark_set, false, true },
	{ "bookmark_delete", serve_bookmark_delete, false, true },
	{ "witness", serve_witness, false, true },
	{ "diff", serve_diff, false, true },
	{ "dump", serve_dump, false, true },
	{ "check", serve_check, false, true },
	{ "abort", serve_abort, false, false },
};

static int serve_long(struct request *q, int (*serve)(struct request *q, struct json_object **result, struct err *err),
		      struct json_object **result, struct err *err)
{
	const char *volume;
	int place, r;

	if (args_text(q->arg, "volume", true, &volume, NULL))
		volume = "";
	place = long_enter(volume, err);
	if (place < 0)
		return place;
	r = serve(q, result, err);
	long_leave(place);
	return r;
}

static int dispatch(struct request *q, bool root, struct json_object **result, struct err *err)
{
	const char *op, *volume;
	int r;

	r = args_text(q->arg, "op", true, &op, err);
	if (r)
		return r;
	for (size_t n = 0; n < sizeof(ops) / sizeof(*ops); n++) {
		if (strcmp(ops[n].name, op))
			continue;
		if (!root && !ops[n].for_guests)
			return err_set(err, -EPERM, "only root may ask erad for %s", op);
		r = ops[n].takes_long ? serve_long(q, ops[n].serve, result, err) : ops[n].serve(q, result, err);
		if (r && !args_text(q->arg, "volume", true, &volume, NULL))
			err_prefix(err, r, "volume %.100s", volume);
		return r;
	}
	return err_set(err, -EOPNOTSUPP, "this erad does not know the operation %.40s; install eractl and erad of the same version, and restart erad", op);
}

static void send_answer(struct jsonl *j, int code, struct json_object *result, const struct err *err)
{
	struct json_object *o = json_object_new_object();
	const char *name = strerrorname_np(-code);

	if (code) {
		struct json_object *e = one_text("code", name ? name : "EIO");

		json_object_object_add(e, "message", jsonl_text(err->msg));
		json_object_object_add(o, "error", e);
	} else {
		json_object_object_add(o, "result", result);
	}
	if (jsonl_write(j, o))
		log_debug("nobody reads the answer");
	json_object_put(o);
}

void request_serve(struct jsonl *j, bool root)
{
	struct json_object *result = NULL;
	struct request q = { .j = j, .root = root };
	struct err err = { "" };
	int r;

	r = jsonl_read(j, &q.arg, &err);
	if (r == -ENODATA || r == -EPIPE || r == -ECONNRESET)
		return;
	if (!r) {
		r = dispatch(&q, root, &result, &err);
		if (r)
			log_debug("a request failed: %s", err.msg);
	}
	if (r != -ECANCELED)
		send_answer(j, r, result, &err);
	json_object_put(q.arg);
}
