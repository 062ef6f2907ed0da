// SPDX-License-Identifier: GPL-2.0-or-later
/* The map operation: reads the eras of a volume into a grid, and keeps the grid for the next callers. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/uuid.h"
#include "erad/base/thread.h"
#include "erad/ops/open.h"
#include "erad/request/interrupt.h"
#include "erad/request/map.h"
#include "erad/volume/volume.h"
#include "store/map.h"

#define MAP_COLUMNS	64
#define MAP_ROWS	24
#define MAP_READ_MS	2000u
#define MAP_KEEP_MS	60000u
#define MAP_KEEP_FACTOR	100u
#define KEPT_MAX	64	/* pictures */

struct kept {
	char name[ERAD_NAME_MAX + 1];	/* "": none */
	uint8_t uuid[16];
	uint64_t until;			/* ms */
	struct json_object *picture;	/* NULL: it failed */
	int code;
	struct err err;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept kept[KEPT_MAX];	/* lock */
static unsigned int next_kept;		/* lock */
static bool reading;			/* lock */

struct reader {
	struct jsonl *j;
	struct volume *v;
	struct map map;
	uint64_t deadline;		/* ms */
};

static int add_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	struct reader *r = ctx;

	/* An era may have begun since the grid was made. */
	map_add(&r->map, first, len, era < r->map.info.era ? era : r->map.info.era);
	return 0;
}

static int look_around(void *ctx)
{
	struct reader *r = ctx;

	if (thread_now_ms() > r->deadline)
		return -ETIME;
	return request_interrupted(r->j, r->v);
}

static struct json_object *ages_json(const struct map *m)
{
	struct json_object *ages = json_object_new_array();
	uint32_t newest, oldest;

	for (unsigned int band = 0; band < MAP_BANDS && map_band_eras(m, band, &newest, &oldest); band++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "newest", json_object_new_int64(newest));
		json_object_object_add(o, "oldest", json_object_new_int64(oldest));
		json_object_object_add(o, "bytes", json_object_new_uint64(m->bytes[band]));
		json_object_array_add(ages, o);
	}
	return ages;
}

static struct json_object *picture_json(const struct map *m)
{
	struct json_object *o = json_object_new_object();
	char cells[MAP_COLUMNS * MAP_ROWS + 1], uuid[UUID_TEXT_SIZE];

	for (uint64_t i = 0; i < m->nr_cells; i++)
		cells[i] = m->cell[i].era ? '0' + map_band(m, m->cell[i].era) : '-';
	cells[m->nr_cells] = 0;
	json_object_object_add(o, "volume", json_object_new_string(m->name));
	json_object_object_add(o, "uuid", json_object_new_string(uuid_text(m->info.uuid, uuid)));
	json_object_object_add(o, "era", json_object_new_int64(m->info.era));
	json_object_object_add(o, "time", json_object_new_int64(time(NULL)));
	json_object_object_add(o, "size", json_object_new_uint64(m->info.nr_sectors * 512));
	json_object_object_add(o, "columns", json_object_new_int(MAP_COLUMNS));
	json_object_object_add(o, "cells", json_object_new_string(cells));
	json_object_object_add(o, "ages", ages_json(m));
	return o;
}

static int read_picture(struct reader *r, struct store *s, struct json_object **out, struct err *err)
{
	uint64_t damaged;
	int code;

	if (map_init(&r->map))
		return err_set(err, -ENOMEM, "out of memory");
	code = store_eras_watched(s, STORE_NOW, add_run, look_around, r, &damaged, err);
	if (code == -ETIME)
		err_set(err, code, "reading the metadata takes longer than %u s; 'eractl map' draws it without a limit",
			MAP_READ_MS / 1000);
	else if (code == -ESHUTDOWN)
		err_set(err, code, "the volume was closed while it was being read");
	if (!code)
		*out = picture_json(&r->map);
	map_free(&r->map);
	return code;
}

/* Context: lock. */
static struct kept *find_kept(const char *name, const uint8_t uuid[16])
{
	for (unsigned int i = 0; i < KEPT_MAX; i++)
		if (!strcmp(kept[i].name, name) && !memcmp(kept[i].uuid, uuid, sizeof(kept[i].uuid)))
			return &kept[i];
	return NULL;
}

/* Takes picture over.  Context: lock. */
static void keep(const char *name, const uint8_t uuid[16], struct json_object *picture, int code,
		 const struct err *err, uint64_t took)
{
	struct kept *k = find_kept(name, uuid);
	uint64_t ms = took * MAP_KEEP_FACTOR;

	if (!k)
		k = &kept[next_kept++ % KEPT_MAX];
	json_object_put(k->picture);
	*k = (struct kept){ .picture = picture, .code = code, .err = *err };
	strcpy(k->name, name);
	memcpy(k->uuid, uuid, sizeof(k->uuid));
	k->until = thread_now_ms() + (ms > MAP_KEEP_MS ? ms : MAP_KEEP_MS);
}

/* A copy, as json-c's counts of references are not for several threads.  Context: lock. */
static int give(const struct kept *k, struct json_object **result, struct err *err)
{
	if (!k->picture) {
		*err = k->err;
		return k->code;
	}
	*result = NULL;
	return json_object_deep_copy(k->picture, result, NULL) ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static int read_and_keep(struct reader *r, struct store *s, struct json_object **result, struct err *err)
{
	const uint64_t began = thread_now_ms();
	struct json_object *picture = NULL;
	int code;

	r->deadline = began + MAP_READ_MS;
	*err = (struct err){ "" };
	code = read_picture(r, s, &picture, err);
	pthread_mutex_lock(&lock);
	reading = false;
	/* What the caller or the volume has ended says nothing about the next one. */
	if (code != -ECANCELED && code != -ESHUTDOWN) {
		keep(r->map.name, r->map.info.uuid, picture, code, err, thread_now_ms() - began);
		code = give(find_kept(r->map.name, r->map.info.uuid), result, err);
	}
	pthread_mutex_unlock(&lock);
	return code;
}

static int map_of_store(struct reader *r, struct store *s, struct json_object **result, struct err *err)
{
	struct kept *k;
	int code;

	store_info(s, &r->map.info);
	pthread_mutex_lock(&lock);
	k = find_kept(r->map.name, r->map.info.uuid);
	if (k && (reading || thread_now_ms() < k->until))
		code = give(k, result, err);
	else if (reading)
		code = err_set(err, -EAGAIN, "the map of another volume is being read; try again in %u s",
			       MAP_READ_MS / 1000);
	else
		code = 1;
	reading = reading || code == 1;
	pthread_mutex_unlock(&lock);
	return code == 1 ? read_and_keep(r, s, result, err) : code;
}

int request_map(struct jsonl *j, const char *name, struct json_object **result, struct err *err)
{
	struct reader r = {
		.j = j,
		.map = { .name = name, .since = 1, .columns = MAP_COLUMNS, .rows = MAP_ROWS },
	};
	struct store *s;
	int code;

	code = op_find(name, &r.v, err);
	if (code)
		return code;
	s = volume_store_get(r.v);
	if (s) {
		code = map_of_store(&r, s, result, err);
		volume_store_put(r.v);
	} else {
		code = err_set(err, -EAGAIN, "its metadata is not open");
	}
	volume_unref(r.v);
	return code;
}
