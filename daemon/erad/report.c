// SPDX-License-Identifier: GPL-2.0-or-later
/* The list and status operations: what is known of each volume, as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/uuid.h"
#include "erad/dm.h"
#include "erad/log.h"
#include "erad/ops.h"
#include "erad/request.h"
#include "erad/volumes.h"
#include "erad_format.h"

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? jsonl_text(text) : NULL);
}

static void add_number(struct json_object *o, const char *key, bool known, uint64_t n)
{
	json_object_object_add(o, key, known ? json_object_new_uint64(n) : NULL);
}

/* The path of a mapped device, or NULL. */
static const char *device_path(dev_t dev, char path[DM_NAME_SIZE + 16])
{
	char name[DM_NAME_SIZE];

	if (!dev || dm_name(dev, name))
		return NULL;
	snprintf(path, DM_NAME_SIZE + 16, "/dev/mapper/%s", name);
	return path;
}

/* What there is to say about a volume, open or not. */
struct report {
	const char *name, *origin, *metadata;
	const char *state;
	struct err error;
	dev_t dev;
	uint8_t uuid[16];
	bool has_uuid, has_info, has_store, has_stats;
	struct erad_info info;
	struct store_info store;
	struct erad_stats stats;
};

static void look(struct volume *v, struct report *p)
{
	*p = (struct report){
		.name = v->name, .origin = v->origin, .metadata = v->metadata,
	};
	pthread_mutex_lock(&v->lock);
	p->state = volume_state(v, &p->error);
	p->dev = v->dev;
	p->has_info = v->fd >= 0;
	p->info = v->info;
	p->has_store = v->store;
	if (v->store)
		store_info(v->store, &p->store);
	/* An ioctl that waits for nothing, under the lock that keeps the fd. */
	p->has_stats = v->fd >= 0 && !instance_stats(v->fd, &p->stats);
	pthread_mutex_unlock(&v->lock);
	p->has_uuid = p->has_store || !uuid_is_zero(v->uuid);
	memcpy(p->uuid, p->has_store ? p->store.uuid : v->uuid, sizeof(p->uuid));
}

static void look_closed(const struct eratab_entry *e, struct report *p)
{
	*p = (struct report){
		.name = e->name, .origin = e->origin, .metadata = e->metadata,
		.state = "closed",
	};
}

static struct json_object *list_json(const struct report *p)
{
	struct json_object *o = json_object_new_object();
	char path[DM_NAME_SIZE + 16];

	add_text(o, "volume", p->name);
	add_text(o, "origin", p->origin);
	add_text(o, "metadata", p->metadata);
	add_text(o, "state", p->state);
	add_text(o, "device", device_path(p->dev, path));
	return o;
}

static struct json_object *status_json(const struct report *p)
{
	struct json_object *o = json_object_new_object();
	char uuid[UUID_TEXT_SIZE], path[DM_NAME_SIZE + 16];
	bool st = p->has_store, live = p->has_stats;

	add_text(o, "volume", p->name);
	add_text(o, "uuid", p->has_uuid ? uuid_text(p->uuid, uuid) : NULL);
	add_text(o, "state", p->state);
	json_object_object_add(o, "suspended", p->has_info ?
			       json_object_new_boolean(!(p->info.status & ERAD_RESUMED)) : NULL);
	add_number(o, "era", p->has_info || st, p->has_info ? p->info.era : p->store.era);
	add_text(o, "device", device_path(p->dev, path));
	add_text(o, "origin", p->origin);
	add_number(o, "size", st, p->store.nr_sectors * 512);
	add_number(o, "block_size", st, (uint64_t)p->store.block_sectors * 512);
	add_number(o, "blocks", st, p->store.nr_blocks);
	add_text(o, "metadata", p->metadata);
	add_number(o, "metadata_size", st, p->store.size_pages * ERAD_PAGE);
	add_number(o, "metadata_used", st, p->store.used_pages * ERAD_PAGE);
	add_number(o, "journal_pages", st, p->store.journal_pages);
	add_number(o, "journal_used", st, p->store.journal_used);
	add_number(o, "held", live, p->stats.held_now);
	json_object_object_add(o, "oldest_held_seconds", live ?
			       json_object_new_double((double)p->stats.oldest_held_ns / 1e9) :
			       NULL);
	add_number(o, "released", live, p->stats.released);
	add_number(o, "commits", st, p->store.commits);
	add_number(o, "commit_pages", st, p->store.commit_pages);
	add_number(o, "folds", st, p->store.folds);
	add_number(o, "over_marked", st, p->store.over_marked);
	add_text(o, "error", *p->error.msg ? p->error.msg : NULL);
	return o;
}

typedef struct json_object *(*to_json)(const struct report *p);

static struct json_object *open_json(struct volume *v, to_json json)
{
	struct report p;

	look(v, &p);
	return json(&p);
}

/* Every open volume, and every closed one in the table. */
static int all(to_json json, struct json_object *array, struct err *err)
{
	struct volume **open;
	struct eratab tab;
	struct report p;
	size_t nr;
	int r;

	r = op_read_table(&tab, err);
	if (r)
		return r;
	r = volumes_all(&open, &nr);
	if (r) {
		eratab_free(&tab);
		return err_set(err, r, "out of memory");
	}
	/* In the table's order, then those that it has lost. */
	for (size_t n = 0; n < tab.nr; n++) {
		const struct eratab_entry *e = tab.line[n].entry;
		struct volume *v = NULL;

		if (!e) {
			if (tab.line[n].error)
				log_warn("%s", tab.line[n].error);
			continue;
		}
		for (size_t i = 0; i < nr && !v; i++)
			if (open[i] && !strcmp(open[i]->name, e->name)) {
				v = open[i];
				open[i] = NULL;
			}
		if (!v)
			look_closed(e, &p);
		json_object_array_add(array, v ? open_json(v, json) : json(&p));
		volume_unref(v);
	}
	for (size_t i = 0; i < nr; i++) {
		if (open[i])
			json_object_array_add(array, open_json(open[i], json));
		volume_unref(open[i]);
	}
	free(open);
	eratab_free(&tab);
	return 0;
}

static int one(const char *name, to_json json, struct json_object *array, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct report p;
	struct volume *v;
	int r;

	r = eratab_check_name(name, err);
	if (r)
		return r;
	v = volumes_get(name);
	if (v) {
		json_object_array_add(array, open_json(v, json));
		volume_unref(v);
		return 0;
	}
	r = op_read_table(&tab, err);
	if (r)
		return r;
	r = eratab_find(&tab, name, &e, err);
	if (!r) {
		look_closed(e, &p);
		json_object_array_add(array, json(&p));
	}
	eratab_free(&tab);
	return r;
}

static struct json_object *volumes(struct json_object *array)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volumes", array);
	return o;
}

int request_list(struct json_object **result, struct err *err)
{
	struct json_object *array = json_object_new_array();
	int r = all(list_json, array, err);

	if (r)
		json_object_put(array);
	else
		*result = volumes(array);
	return r;
}

int request_status(struct json_object *names, struct json_object **result, struct err *err)
{
	struct json_object *array = json_object_new_array();
	size_t nr = names ? json_object_array_length(names) : 0;
	int r = 0;

	if (!nr)
		r = all(status_json, array, err);
	for (size_t n = 0; n < nr && !r; n++) {
		struct json_object *o = json_object_array_get_idx(names, n);

		if (!json_object_is_type(o, json_type_string))
			r = err_set(err, -EINVAL, "\"volumes\" holds a JSON %s, expected names",
				    json_type_to_name(json_object_get_type(o)));
		else if (strlen(json_object_get_string(o)) != (size_t)json_object_get_string_len(o))
			r = err_set(err, -EINVAL, "\"volumes\" holds a name with a 0 character");
		else
			r = one(json_object_get_string(o), status_json, array, err);
	}
	if (r)
		json_object_put(array);
	else
		*result = volumes(array);
	return r;
}
