// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The map operation: reads the eras of a volume into a grid of cells, and keeps the result for the
 * next callers.  The picture is kept for minutes, so it is only for people, and it may lack a gap
 * that erad has not noticed yet.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/uuid.h"
#include "erad/base/thread.h"
#include "erad/ops/open.h"
#include "erad/request/map.h"
#include "erad/volume/volume.h"
#include "store/map.h"

#define MAP_COLUMNS	64
#define MAP_ROWS	24
#define MAP_READ_MS	2000u	/* limit for reading one picture */
#define MAP_KEEP_MS	60000u	/* how long a picture is kept at least */
/* A picture is kept this many times as long as reading it took. */
#define MAP_KEEP_FACTOR	100u

/*
 * The last picture of a volume, or the error of the last attempt.  A picture of each volume is
 * kept.  If there were only one, a caller could make erad read a volume again and again, by
 * requests for other volumes in between.
 */
struct kept {
	struct kept *next;
	char name[ERAD_NAME_MAX + 1];	/* name of the volume */
	uint8_t uuid[16];
	/* The picture is used until this time, by thread_now_ms() */
	uint64_t until;
	struct json_object *picture;	/* NULL: the attempt has failed */
	int code;
	struct err err;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *kept;		/* lock; the list of pictures */
static bool reading;			/* lock; a thread is reading metadata for a picture */

struct reader {
	struct volume *v;
	struct map map;
	uint64_t deadline;		/* by thread_now_ms() */
};

static int add_map_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	struct reader *r = ctx;

	map_add(&r->map, first, len, era);
	return 0;
}

/*
 * Ends the reading, by an error, only at the deadline or if the volume closes.  If the end of the
 * caller's connection also ended the reading, no picture would be kept for other callers, and a
 * caller could make erad read the metadata again and again.
 */
static int look_around(void *ctx)
{
	struct reader *r = ctx;

	if (thread_now_ms() > r->deadline)
		return -ETIME;
	return volume_closing(r->v) ? -ESHUTDOWN : 0;
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
	code = store_eras_watched(s, STORE_NOW, add_map_run, look_around, r, &damaged, err);
	if (code == -ETIME)
		err_set(err, code, "reading the metadata takes longer than %u s; 'eractl map' draws the map without a time limit",
			MAP_READ_MS / 1000);
	else if (code == -ESHUTDOWN)
		err_set(err, code, "the volume was closed while it was being read");
	if (!code)
		*out = picture_json(&r->map);
	map_free(&r->map);
	return code;
}

/* Returns the kept picture of a volume, or NULL.  Context: lock. */
static struct kept *find_kept(const char *name, const uint8_t uuid[16])
{
	struct kept *k = kept;

	while (k && (strcmp(k->name, name) || memcmp(k->uuid, uuid, sizeof(k->uuid))))
		k = k->next;
	return k;
}

/*
 * Frees pictures that have been outdated for MAP_KEEP_MS, for example pictures of closed volumes.
 * Context: lock.
 */
static void drop_old(void)
{
	const uint64_t now = thread_now_ms();
	struct kept **p = &kept, *k;

	while ((k = *p)) {
		if (now <= k->until + MAP_KEEP_MS) {
			p = &k->next;
			continue;
		}
		*p = k->next;
		json_object_put(k->picture);
		free(k);
	}
}

/*
 * Keeps a picture.  On success, the caller's reference to the picture passes to the list.  Returns
 * NULL if there is no memory.  If so, the caller still has its reference.  Context: lock.
 */
static const struct kept *keep_map(const char *name, const uint8_t uuid[16], struct json_object *picture, int code,
				   const struct err *err, uint64_t took)
{
	const uint64_t ms = took * MAP_KEEP_FACTOR;
	struct kept *k;

	drop_old();
	k = find_kept(name, uuid);
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return NULL;
		strcpy(k->name, name);
		memcpy(k->uuid, uuid, sizeof(k->uuid));
		k->next = kept;
		kept = k;
	}
	json_object_put(k->picture);
	k->picture = picture;
	k->code = code;
	k->err = *err;
	k->until = thread_now_ms() + (ms > MAP_KEEP_MS ? ms : MAP_KEEP_MS);
	return k;
}

/*
 * Sets *result to a copy of the picture, because the reference counts of json-c are not safe for
 * several threads.  If the attempt to read the picture has failed, returns the error of this
 * attempt.  Context: lock.
 */
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
	const struct kept *k = NULL;
	int code;

	r->deadline = began + MAP_READ_MS;
	*err = (struct err){ "" };
	code = read_picture(r, s, &picture, err);
	pthread_mutex_lock(&lock);
	reading = false;
	/* If the reading has failed because the volume closes, do not keep the failure. */
	if (code != -ESHUTDOWN)
		k = keep_map(r->map.name, r->map.info.uuid, picture, code, err, thread_now_ms() - began);
	if (k)
		code = give(k, result, err);
	else
		*result = picture;
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

int request_map(const char *name, struct json_object **result, struct err *err)
{
	struct reader r = {
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
		code = volume_store_missing(err);
	}
	volume_unref(r.v);
	return code;
}
