// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries out the request checkpoint_together: finds the volumes, and returns their eras. */
#include <errno.h>
#include <string.h>

#include "common/jsonl.h"
#include "erad/ops/open.h"
#include "erad/request/args.h"
#include "erad/request/history.h"
#include "erad/request/together.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/volume.h"

static int find(struct json_object *name, struct volume **v, struct err *err)
{
	const char *text = json_object_get_string(name);
	int r;

	if (!json_object_is_type(name, json_type_string) ||
	    strlen(text) != (size_t)json_object_get_string_len(name) || strlen(text) > ERAD_NAME_MAX)
		return err_set(err, -EINVAL, "\"volumes\" contains a member that is not the name of a volume");
	r = op_find(text, v, err);
	return r ? err_prefix(err, r, "volume %s", text) : 0;
}

/* Returns an error if a volume was closed, because its token and its gaps cannot be known then. */
static int eras_json(struct volume *const *v, const uint32_t *era, unsigned int nr,
		     struct json_object **out, struct err *err)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	int r = 0;

	json_object_object_add(o, "volumes", list);
	for (unsigned int i = 0; i < nr && !r; i++) {
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "volume", json_object_new_string(v[i]->name));
		add_era_and_token(one, v[i], era[i]);
		add_gaps(one, v[i], era[i]);
		json_object_array_add(list, one);
		if (!json_object_object_get(one, "token") || !json_object_object_get(one, "gaps"))
			r = err_set(err, -ENODEV, "volume %s: it was closed before the checkpoint of all volumes had ended",
				    v[i]->name);
	}
	if (r)
		json_object_put(o);
	else
		*out = o;
	return r;
}

int request_checkpoint_together(struct json_object *arg, struct json_object **result, struct err *err)
{
	struct volume *v[TOGETHER_MAX];
	uint32_t era[TOGETHER_MAX];
	struct json_object *names;
	unsigned int nr = 0;
	size_t wanted;
	int r;

	r = args_member(arg, "volumes", json_type_array, &names, err);
	if (r)
		return r;
	wanted = names ? json_object_array_length(names) : 0;
	if (wanted < 2 || wanted > TOGETHER_MAX)
		return err_set(err, -EINVAL, "got %zu volumes, expected 2 to %u", wanted, TOGETHER_MAX);
	while (nr < wanted && !r) {
		r = find(json_object_array_get_idx(names, nr), &v[nr], err);
		nr += !r;
	}
	if (!r)
		r = volume_checkpoint_together(v, nr, era, err);
	if (!r)
		r = eras_json(v, era, nr, result, err);
	if (r)
		err_suffix(err, "so the checkpoint of the %zu volumes has failed", wanted);
	while (nr)
		volume_unref(v[--nr]);
	return r;
}
