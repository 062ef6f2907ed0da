// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers list, status and writers: collects what erad knows of each volume, as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/jsonl.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "common/sysfs.h"
#include "erad/ops/table.h"
#include "erad/request/history.h"
#include "erad/request/image.h"
#include "erad/request/report.h"
#include "erad/volume/home.h"
#include "erad/volume/past.h"
#include "erad/volume/registry.h"
#include "erad_format.h"

static void add_text_member(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? jsonl_text(text) : NULL);
}

static void add_number(struct json_object *o, const char *key, bool known, uint64_t n)
{
	json_object_object_add(o, key, known ? json_object_new_uint64(n) : NULL);
}

/* Returns the path of a mapped device, or NULL. */
static const char *device_path(dev_t dev, char path[DM_NAME_SIZE + 16])
{
	char name[DM_NAME_SIZE];

	if (!dev || dm_name(dev, name))
		return NULL;
	snprintf(path, DM_NAME_SIZE + 16, "/dev/mapper/%s", name);
	return path;
}

/* The information about a volume, open or closed. */
struct report {
	struct volume *v;	/* the open volume; NULL: it is closed */
	const char *name, *origin, *metadata;
	const char *state;
	unsigned int state_changes;
	const char *mirror;
	bool in_table, noauto, detaching;
	struct err error, mirror_error, events_error;
	dev_t dev;
	uint8_t uuid[16];
	bool has_uuid, has_info, has_store, has_stats;
	struct erad_info info;
	struct store_info store;
	struct store_gap gap[ERAD_GAPS];
	unsigned int nr_gaps;
	uint64_t gaps_total[ERAD_GAP_KINDS];
	struct token token;		/* token of the era in the answer; timeline 0: not known */
	uint32_t timelines_since;
	struct erad_stats stats;
	bool has_events;
	struct erad_map_events events;
	uint64_t changed, changed_before;
	uint64_t events_held;
	struct image image;
};

/*
 * Returns the current era, or 0 if it is not known.  A new target has the era 0 until its first era
 * begins.  Until then, the current era is the era of the metadata.
 */
static uint32_t current_era(const struct report *p)
{
	if (p->has_info && p->info.era)
		return p->info.era;
	return p->has_store ? p->store.era : 0;
}

static void look_at_state(struct volume *v, struct report *p)
{
	*p = (struct report){
		.v = v, .name = v->name, .origin = v->origin, .metadata = v->metadata,
	};
	pthread_mutex_lock(&v->lock);
	p->state = volume_state(v, &p->error);
	p->state_changes = volume_count_states(v);
	p->mirror = mirror_status(&v->shown.mirror, v->ready, &p->mirror_error);
	p->changed = atomic_load(&v->shown.mirror.changed);
	p->changed_before = atomic_load(&v->shown.mirror.changed_before);
	p->has_events = events_read(&v->shown.events, &p->events, &p->events_error);
	p->dev = v->dev;
	p->has_info = v->fd >= 0;
	p->info = v->info;
	p->has_store = v->store;
	if (v->store) {
		store_info(v->store, &p->store);
		p->nr_gaps = store_gaps(v->store, p->gap);
		store_gap_totals(v->store, p->gaps_total);
		p->timelines_since = store_timelines_since(v->store);
		/*
		 * Until the target has an era, the metadata may contain only the timeline of the
		 * last activation.
		 */
		if (p->has_info && p->info.era && volume_era_is_complete(v, p->info.era)) {
			p->token.era = p->info.era;
			p->token.timeline = store_timeline(v->store, p->token.era);
		}
	}
	/* Call the ioctl under the lock, so that the fd stays open.  The ioctl does not wait. */
	p->has_stats = v->fd >= 0 && !instance_stats(v->fd, &p->stats);
	if (p->has_events)
		p->events_held = events_held(&v->shown.events, &p->events, p->has_stats ? p->stats.held_now : 0);
	pthread_mutex_unlock(&v->lock);
	p->has_uuid = p->has_store || !uuid_is_zero(v->uuid);
	memcpy(p->uuid, p->has_store ? p->store.uuid : v->uuid, sizeof(p->uuid));
	image_look(p->name, p->dev, &p->image);
}

static void look_closed(const struct eratab_entry *e, struct report *p)
{
	*p = (struct report){
		.name = e->name, .origin = e->origin, .metadata = e->metadata,
		.in_table = true, .noauto = e->noauto, .detaching = e->detaching,
		.state = "closed", .changed = MIRROR_UNKNOWN, .changed_before = MIRROR_UNKNOWN,
	};
	image_look(p->name, 0, &p->image);
}

static struct json_object *list_json(const struct report *p)
{
	struct json_object *o = json_object_new_object();
	char path[DM_NAME_SIZE + 16];

	add_text_member(o, "volume", p->name);
	add_text_member(o, "origin", p->origin);
	add_text_member(o, "metadata", p->metadata);
	add_text_member(o, "state", p->state);
	add_text_member(o, "device", device_path(p->dev, path));
	return o;
}

static void add_era(struct json_object *o, const struct report *p)
{
	add_number(o, "era", current_era(p), current_era(p));
}

/*
 * Returns the slots of a histogram that are not 0, each with the smallest power of two above its
 * values.
 */
static struct json_object *histogram_json(const char *unit, const uint64_t *slot, unsigned int nr)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < nr; i++) {
		struct json_object *o;

		if (!slot[i])
			continue;
		o = json_object_new_object();
		add_number(o, unit, i + 1 < nr, 1ull << (i + 1));
		add_number(o, "count", true, slot[i]);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *events_json(const struct erad_map_events *e, uint64_t held)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "held", true, held);
	add_number(o, "released", true, e->released);
	add_number(o, "failed", true, e->failed);
	add_number(o, "commits", true, e->commits);
	add_number(o, "rollovers", true, e->rollovers);
	add_number(o, "hold_ns", true, e->hold_ns);
	add_number(o, "batch_writes", true, e->batch_writes);
	json_object_object_add(o, "hold", histogram_json("below_ns", (const uint64_t *)e->hold,
							 ERAD_MAP_HOLD_SLOTS));
	json_object_object_add(o, "batch", histogram_json("below_writes", (const uint64_t *)e->batch,
							  ERAD_MAP_BATCH_SLOTS));
	return o;
}

static void add_history(struct json_object *o, const struct report *p)
{
	struct token t = p->token;
	struct json_object *total = json_object_new_object();
	char text[TOKEN_TEXT_SIZE];

	memcpy(t.uuid, p->uuid, sizeof(t.uuid));
	add_text_member(o, "token", t.timeline ? token_text(&t, text) : NULL);
	add_number(o, "timelines_since", p->timelines_since, p->timelines_since);
	json_object_object_add(o, "gaps", p->has_store ? gaps_json(p->gap, p->nr_gaps) : NULL);
	for (unsigned int i = 0; i < ERAD_GAP_KINDS; i++)
		add_number(total, store_gap_name(i), true, p->gaps_total[i]);
	json_object_object_add(o, "gaps_total", p->has_store ? total : NULL);
	if (!p->has_store)
		json_object_put(total);
}

static struct json_object *status_json(const struct report *p)
{
	struct json_object *o = json_object_new_object();
	char uuid[UUID_TEXT_SIZE], path[DM_NAME_SIZE + 16];
	bool st = p->has_store, live = p->has_stats;

	add_text_member(o, "volume", p->name);
	add_text_member(o, "uuid", p->has_uuid ? uuid_text(p->uuid, uuid) : NULL);
	add_text_member(o, "state", p->state);
	add_number(o, "state_changes", p->v, p->state_changes);
	json_object_object_add(o, "suspended", p->has_info ?
			       json_object_new_boolean(!(p->info.status & ERAD_RESUMED)) : NULL);
	add_era(o, p);
	add_number(o, "era_time", st && p->store.era_time && current_era(p) == p->store.era,
		   p->store.era_time);
	add_number(o, "checkpoint_time", st && p->store.checkpoint_time, p->store.checkpoint_time);
	json_object_object_add(o, "noauto", p->in_table ? json_object_new_boolean(p->noauto) : NULL);
	json_object_object_add(o, "detaching", p->in_table ? json_object_new_boolean(p->detaching) : NULL);
	add_text_member(o, "device", device_path(p->dev, path));
	add_text_member(o, "origin", p->origin);
	add_number(o, "size", st, p->store.nr_sectors * 512);
	add_number(o, "block_size", st, (uint64_t)p->store.block_sectors * 512);
	add_number(o, "blocks", st, p->store.nr_blocks);
	add_text_member(o, "metadata", p->metadata);
	add_number(o, "metadata_size", st, p->store.size_pages * ERAD_PAGE);
	add_number(o, "metadata_used", st, p->store.used_pages * ERAD_PAGE);
	add_number(o, "journal_pages", st, p->store.journal_pages);
	add_number(o, "journal_used", st, p->store.journal_used);
	add_number(o, "held", live, p->stats.held_now);
	json_object_object_add(o, "oldest_held_seconds", live ?
			       json_object_new_double((double)p->stats.oldest_held_ns / 1e9) :
			       NULL);
	add_number(o, "bitmap_bytes", live, p->stats.bitmap_bytes);
	add_number(o, "passed", live, p->stats.passed);
	add_number(o, "released", live, p->stats.released);
	add_number(o, "commits", st, p->store.commits);
	add_number(o, "commit_pages", st, p->store.commit_pages);
	add_number(o, "folds", st, p->store.folds);
	add_number(o, "over_marked", st, p->store.over_marked);
	add_number(o, "changed_bytes", p->changed != MIRROR_UNKNOWN, p->changed);
	add_number(o, "changed_before_bytes", p->changed_before != MIRROR_UNKNOWN, p->changed_before);
	add_text_member(o, "mirror", p->mirror);
	add_text_member(o, "mirror_error", *p->mirror_error.msg ? p->mirror_error.msg : NULL);
	json_object_object_add(o, "events", p->has_events ?
			       events_json(&p->events, p->events_held) : NULL);
	add_text_member(o, "events_error", *p->events_error.msg ? p->events_error.msg : NULL);
	add_text_member(o, "standby", p->v ? standby_state() : NULL);
	add_number(o, "snapshot_era", st && p->store.snapshot_era, p->store.snapshot_era);
	add_number(o, "floor_era", st && p->store.floor_era, p->store.floor_era);
	json_object_object_add(o, "image", image_json(p->name, &p->image));
	add_history(o, p);
	add_text_member(o, "error", *p->error.msg ? p->error.msg : NULL);
	return o;
}

static struct json_object *writer_json(const struct erad_map_writer *who, uint64_t blocks)
{
	struct json_object *o = json_object_new_object();
	const bool others = who->flags & ERAD_MAP_OTHERS;
	char comm[sizeof(who->comm) + 1];

	snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(who->comm), who->comm);
	add_number(o, "era", true, who->era);
	json_object_object_add(o, "others", json_object_new_boolean(others));
	add_text_member(o, "command", others || !*comm ? NULL : comm);
	add_number(o, "cgroup", who->cgroup, who->cgroup);
	add_number(o, "blocks", true, blocks);
	return o;
}

static struct json_object *writers_json(const struct report *p)
{
	struct json_object *o = json_object_new_object(), *list = NULL;
	struct err err = { "it is closed" };
	struct writers_list *l;

	/*
	 * Without the metadata, the block size is not known, so report an error instead of the
	 * writers.
	 */
	if (p->v && p->has_store && !writers_read(&p->v->shown.writers, &l, &err)) {
		list = json_object_new_array();
		for (uint32_t i = 0; i < l->nr; i++)
			json_object_array_add(list, writer_json(&l->who[i], l->written[i].blocks));
		free(l);
	}
	add_text_member(o, "volume", p->name);
	add_text_member(o, "state", p->state);
	add_era(o, p);
	add_number(o, "block_size", p->has_store, (uint64_t)p->store.block_sectors * 512);
	json_object_object_add(o, "writers", list);
	add_text_member(o, "error", list ? NULL : err.msg);
	return o;
}

typedef struct json_object *(*to_json)(const struct report *p);

/* Returns the report of an open volume.  e: the volume's entry in eratab, or NULL. */
static struct json_object *open_json(struct volume *v, const struct eratab_entry *e, to_json json)
{
	struct report p;

	/*
	 * Does not ask during a detach, because the detach moves logical volumes back to the
	 * origin, and the use of the origin is then no error.
	 */
	if (!e || !e->detaching)
		past_ask(v);
	home_ask(v);
	look_at_state(v, &p);
	p.in_table = e;
	p.noauto = e && e->noauto;
	p.detaching = e && e->detaching;
	return json(&p);
}

/* Adds a report to the array for every open volume and for every closed volume of eratab. */
static int report_all(to_json json, struct json_object *array, struct err *err)
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
	/*
	 * First report the volumes of eratab, in the order of the lines, then the open volumes that
	 * are not in eratab.
	 */
	for (size_t n = 0; n < tab.nr; n++) {
		const struct eratab_entry *e = tab.line[n].entry;
		struct volume *v = NULL;

		if (!e) {
			if (tab.line[n].error)
				log_debug("%s", tab.line[n].error);
			continue;
		}
		for (size_t i = 0; i < nr && !v; i++)
			if (open[i] && !strcmp(open[i]->name, e->name)) {
				v = open[i];
				open[i] = NULL;
			}
		if (!v)
			look_closed(e, &p);
		json_object_array_add(array, v ? open_json(v, e, json) : json(&p));
		volume_unref(v);
	}
	for (size_t i = 0; i < nr; i++) {
		if (open[i])
			json_object_array_add(array, open_json(open[i], NULL, json));
		volume_unref(open[i]);
	}
	free(open);
	eratab_free(&tab);
	return 0;
}

static int report_one(const char *name, to_json json, struct json_object *array, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab = { 0 };
	struct report p;
	struct volume *v;
	int r;

	r = eratab_check_name(name, err);
	if (r)
		return r;
	v = volumes_get(name);
	r = op_read_table(&tab, err);
	if (!r) {
		r = eratab_find(&tab, name, &e, err);
		if (!r && !v)
			look_closed(e, &p);
	}
	/* Ignore an error of eratab, because an open volume needs no entry in it. */
	if (v)
		json_object_array_add(array, open_json(v, r ? NULL : e, json));
	else if (!r)
		json_object_array_add(array, json(&p));
	eratab_free(&tab);
	if (v) {
		volume_unref(v);
		return 0;
	}
	return r;
}

static struct json_object *volumes(struct json_object *array)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volumes", array);
	return o;
}

static int report(struct json_object *names, to_json json, struct json_object **result,
		  struct err *err)
{
	struct json_object *array = json_object_new_array(), *seen = json_object_new_object();
	size_t nr = names ? json_object_array_length(names) : 0;
	int r = 0;

	if (!nr)
		r = report_all(json, array, err);
	for (size_t n = 0; n < nr && !r; n++) {
		struct json_object *o = json_object_array_get_idx(names, n);

		if (!json_object_is_type(o, json_type_string))
			r = err_set(err, -EINVAL, "\"volumes\" holds a JSON %s, expected names",
				    json_type_to_name(json_object_get_type(o)));
		else if (strlen(json_object_get_string(o)) != (size_t)json_object_get_string_len(o))
			r = err_set(err, -EINVAL, "\"volumes\" holds a name with a 0 character");
		else if (json_object_object_get_ex(seen, json_object_get_string(o), NULL))
			/*
			 * Refuse a repeated name: a short request with many names could otherwise
			 * have an answer that is larger than the memory.
			 */
			r = err_set(err, -EINVAL, "got %.100s twice, expected each volume once",
				    json_object_get_string(o));
		else
			r = report_one(json_object_get_string(o), json, array, err);
		if (!r)
			json_object_object_add(seen, json_object_get_string(o), NULL);
	}
	json_object_put(seen);
	if (r)
		json_object_put(array);
	else
		*result = volumes(array);
	return r;
}

int request_list(struct json_object **result, struct err *err)
{
	return report(NULL, list_json, result, err);
}

int request_status(struct json_object *names, struct json_object **result, struct err *err)
{
	return report(names, status_json, result, err);
}

int request_writers(struct json_object *names, struct json_object **result, struct err *err)
{
	return report(names, writers_json, result, err);
}
