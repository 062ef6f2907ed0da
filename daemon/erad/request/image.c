// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries out requests about images, and reports images: see image.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/eratab.h"
#include "common/jsonl.h"
#include "erad/device/fs_together.h"
#include "erad/ops/image.h"
#include "erad/ops/image_drop.h"
#include "erad/ops/image_together.h"
#include "erad/request/args.h"
#include "erad/request/history.h"
#include "erad/request/image.h"
#include "erad/volume/volume.h"

/* Gets the number of a backup's image.  Sets *number to NULL if the request has no number. */
static int get_number(struct json_object *arg, const char **number, struct err *err)
{
	const int r = args_text(arg, "backup", false, number, err);

	if (r || !*number || image_is_number(*number))
		return r;
	return err_set(err, -EINVAL, "\"backup\" is %.40s, expected %u hexadecimal digits", *number, IMAGE_NUMBER_SIZE - 1);
}

static int get_choice(struct json_object *arg, struct image_choice *c, struct err *err)
{
	int r = args_volume(arg, &c->name, err);

	if (!r)
		r = args_text(arg, "store", false, &c->store.path, err);
	if (!r)
		r = args_number(arg, "store_size", INT64_MAX, &c->store.size, err);
	if (!r)
		r = get_number(arg, &c->number, err);
	if (r)
		return r;
	if (c->store.path && c->store.size)
		return err_set(err, -EINVAL, "the request has both \"store\" and \"store_size\", expected one");
	if (c->store.path && *c->store.path != '/')
		return err_set(err, -EINVAL, "%.300s is not an absolute path", c->store.path);
	return 0;
}

static struct json_object *made_json(struct volume *v, const struct image_made *made)
{
	struct json_object *o = json_object_new_object();
	struct store *s = volume_store_get(v);

	json_object_object_add(o, "volume", json_object_new_string(v->name));
	json_object_object_add(o, "device", jsonl_text(made->device));
	json_object_object_add(o, "dm_uuid", json_object_new_string(made->dm_uuid));
	json_object_object_add(o, "era", json_object_new_int64(made->era));
	json_object_object_add(o, "token", s ? token_json(s, made->era) : NULL);
	json_object_object_add(o, "gaps", s ? gaps_since_json(s, made->era - 1, made->era) : NULL);
	json_object_object_add(o, "stood_still_seconds", json_object_new_double(made->us / 1e6));
	json_object_object_add(o, "store_size", json_object_new_uint64(made->store_size));
	if (s)
		volume_store_put(v);
	return o;
}

int request_image_create(struct json_object *arg, struct json_object **result, struct err *err)
{
	struct image_choice choice = { 0 };
	struct image_made made;
	struct volume *v;
	int r;

	r = get_choice(arg, &choice, err);
	if (!r)
		r = op_image_create(&choice, &v, &made, err);
	if (r)
		return r;
	*result = made_json(v, &made);
	volume_unref(v);
	return 0;
}

/* Gets the names of the volumes, which belong to arg. */
static int get_names(struct json_object *arg, const char *name[FS_TOGETHER_MAX], unsigned int *nr, struct err *err)
{
	struct json_object *names;
	size_t wanted;
	int r = args_member(arg, "volumes", json_type_array, &names, err);

	if (r)
		return r;
	wanted = names ? json_object_array_length(names) : 0;
	if (wanted < 2 || wanted > FS_TOGETHER_MAX)
		return err_set(err, -EINVAL, "got %zu volumes, expected 2 to %u", wanted, FS_TOGETHER_MAX);
	for (*nr = 0; *nr < wanted; ++*nr) {
		struct json_object *one = json_object_array_get_idx(names, *nr);

		name[*nr] = json_object_get_string(one);
		if (!json_object_is_type(one, json_type_string) || strlen(name[*nr]) != (size_t)json_object_get_string_len(one) ||
		    eratab_check_name(name[*nr], NULL))
			return err_set(err, -EINVAL, "\"volumes\" has a member that is not the name of a volume");
	}
	return 0;
}

int request_image_create_together(struct json_object *arg, struct json_object **result, struct err *err)
{
	const char *name[FS_TOGETHER_MAX];
	struct image_making *m;
	struct json_object *list;
	uint64_t store_size = 0;
	unsigned int nr = 0;
	int r;

	r = get_names(arg, name, &nr, err);
	if (!r)
		r = args_number(arg, "store_size", INT64_MAX, &store_size, err);
	if (r)
		return r;
	m = calloc(nr, sizeof(*m));
	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	r = op_image_create_together(name, nr, store_size, m, err);
	if (r) {
		err_suffix(err, "so none of the %u volumes has got an image", nr);
	} else {
		*result = json_object_new_object();
		list = json_object_new_array();
		for (unsigned int i = 0; i < nr; i++) {
			json_object_array_add(list, made_json(m[i].v, &m[i].made));
			volume_unref(m[i].v);
		}
		json_object_object_add(*result, "volumes", list);
	}
	free(m);
	return r;
}

int request_image_drop(struct json_object *arg, struct json_object **result, struct err *err)
{
	const char *name, *number;
	uint64_t us;
	int r;

	r = args_volume(arg, &name, err);
	if (!r)
		r = get_number(arg, &number, err);
	if (!r)
		r = op_image_drop(name, number, &us, err);
	if (r)
		return r;
	*result = json_object_new_object();
	json_object_object_add(*result, "volume", json_object_new_string(name));
	json_object_object_add(*result, "stood_still_seconds", json_object_new_double(us / 1e6));
	return 0;
}

struct json_object *image_json(const char *volume, const struct image *image)
{
	char name[DM_NAME_LEN], device[sizeof("/dev/mapper/") + DM_NAME_LEN], store[32];
	struct json_object *o;

	if (image->state == IMAGE_NONE)
		return NULL;
	image_name(volume, IMAGE_SUFFIX, name);
	snprintf(device, sizeof(device), "/dev/mapper/%s", name);
	snprintf(store, sizeof(store), "%u:%u", major(image->store_beneath), minor(image->store_beneath));
	o = json_object_new_object();
	json_object_object_add(o, "device", image->image ? jsonl_text(device) : NULL);
	json_object_object_add(o, "state", json_object_new_string(image_state_name(image->state)));
	json_object_object_add(o, "backup", json_object_new_boolean(*image->number));
	json_object_object_add(o, "store_device", image->store_beneath ? json_object_new_string(store) : NULL);
	json_object_object_add(o, "store_size", json_object_new_uint64(image->store_size));
	json_object_object_add(o, "store_used", image->state == IMAGE_VALID ? json_object_new_uint64(image->store_used) : NULL);
	return o;
}
