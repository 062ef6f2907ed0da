// SPDX-License-Identifier: GPL-2.0-or-later
/* Refuses an origin or metadata that another volume uses: see conflict.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/eratab_use.h"
#include "common/image.h"
#include "common/uuid.h"
#include "common/sysfs.h"
#include "erad/base/thread.h"
#include "erad/ops/conflict.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"
#include "erad/volume/volume.h"

/*
 * Limits, in ms, for the look-up of a path that another volume uses, and for all look-ups of a check.
 * The file system of another volume may hang, and must not stop this one.
 */
#define LOOKUP_MS	2000
#define SCAN_MS		10000

/* A path of the volume that is checked. */
struct mine {
	const char *role, *path;
	struct peek at;
};

static void copy_place(struct volume *v, struct peek *out)
{
	pthread_mutex_lock(&v->lock);
	*out = v->place;
	pthread_mutex_unlock(&v->lock);
}

/*
 * Looks up a path, until `until` at most.  v: the open volume whose metadata is at the path, or NULL.
 * Remembers where this metadata is, because a process for each look-up takes time.  Returns 1 if the path
 * does not answer.  ETIMEDOUT: `until` is over.  Another negative errno: the path could not be looked up.
 */
static int look_up(const char *path, struct volume *v, uint64_t until, struct peek *out, struct err *err)
{
	const uint64_t now = thread_now_ms();
	int r;

	*out = (struct peek){ 0 };
	/* What is in /dev does not hang, except below /dev/shm, where a file system may be mounted. */
	if (!strncmp(path, "/dev/", strlen("/dev/")) && strncmp(path, "/dev/shm/", strlen("/dev/shm/"))) {
		place_peek(path, PEEK_DEVICE, out);
		return 0;
	}
	if (v)
		copy_place(v, out);
	if (out->exists)
		return 0;
	if (now >= until)
		return err_set(err, -ETIMEDOUT, "after %u seconds it is not known whether another volume uses this place, because paths of other volumes do not answer; check whether %.300s hangs",
			       SCAN_MS / 1000, path);
	r = peek_ask(path, PEEK_DEVICE, until - now < LOOKUP_MS ? until - now : LOOKUP_MS, out, err);
	if (r)
		*out = (struct peek){ 0 };
	/* No volume can be opened with a path that is too long. */
	if (r == -ETIMEDOUT || r == -ENAMETOOLONG)
		return 1;
	if (!r && v && out->exists) {
		pthread_mutex_lock(&v->lock);
		v->place = *out;
		pthread_mutex_unlock(&v->lock);
	}
	return r;
}

/*
 * Returns whether both are the same place.  Two equal paths are the same place, even if nothing
 * exists there.
 */
static bool same_place(const struct mine *m, const char *path, const struct peek *at)
{
	return !strcmp(m->path, path) || peek_same(&m->at, at);
}

/*
 * look_up() has found that the metadata of an open volume is at the place of m.  Returns false if this is
 * no longer true: the file may have been deleted since the place was remembered, and another file may have
 * the number of its inode.  Returns true if the path does not answer.
 */
static bool is_still_at(const struct mine *m, const char *path, uint64_t until)
{
	struct peek at;

	return look_up(path, NULL, until, &at, NULL) || same_place(m, path, &at);
}

/* strict: also returns an error if the path of another volume does not answer. */
static int with_open_volumes(const struct use *u, const struct mine *m, bool strict, struct err *err)
{
	const uint64_t until = thread_now_ms() + SCAN_MS;
	struct volume **all;
	struct peek at;
	size_t nr;
	int r;

	r = volumes_all(&all, &nr);
	if (r)
		return err_set(err, r, "out of memory");
	for (size_t i = 0; i < nr; i++) {
		struct volume *v = all[i];

		if (!r && strcmp(v->name, u->name)) {
			r = look_up(v->metadata, v, until, &at, err);
			/*
			 * If the path does not answer, or if there is no time for the look-up, go on: the
			 * locks of engine_open() exclude the other volume, too.
			 */
			if (!strict && (r > 0 || r == -ETIMEDOUT))
				r = 0;
			else if (r > 0)
				r = -ETIMEDOUT;
			if (same_place(m, v->metadata, &at) && is_still_at(m, v->metadata, until))
				r = err_set(err, -EBUSY, "metadata %.200s is the metadata of volume %s, which is open",
					    u->metadata, v->name);
		}
		volume_unref(v);
	}
	free(all);
	return r;
}

/*
 * Returns EBUSY if the live target i uses the origin or the metadata of u, or if its metadata has
 * the same UUID.  name: name of the target's device.
 */
static int with_target(const struct use *u, dev_t metadata, const struct erad_info *i,
		       const char *name, struct err *err)
{
	const dev_t its_metadata = makedev(i->meta_major, i->meta_minor);
	const dev_t its_origin = image_beneath(makedev(i->origin_major, i->origin_minor));
	char uuid[UUID_TEXT_SIZE];

	if (!strcmp(name, u->name))
		return 0;
	if (u->origin_dev && (its_origin == u->origin_dev || its_metadata == u->origin_dev))
		return err_set(err, -EBUSY, "origin %.200s is the %s of /dev/mapper/%s, which is live",
			       u->origin, its_origin == u->origin_dev ? "origin" : "metadata", name);
	if (metadata && (its_origin == metadata || its_metadata == metadata))
		return err_set(err, -EBUSY, "metadata %.200s is the %s of /dev/mapper/%s, which is live",
			       u->metadata, its_origin == metadata ? "origin" : "metadata", name);
	if (u->uuid && !uuid_is_zero(u->uuid) && !memcmp(i->uuid, u->uuid, sizeof(i->uuid)))
		return err_set(err, -EBUSY,
			       "metadata %.200s has the same UUID, %s, as the metadata of /dev/mapper/%s, which is live; a copy of metadata cannot be used at the same time as the original",
			       u->metadata, uuid_text(u->uuid, uuid), name);
	return 0;
}

/*
 * Finds the name of the target's device.  While the first table of a device is being loaded, sysfs
 * does not show the device's name.  In this case, erad is opening the volume now, and the name of
 * the device is the name of the volume.  "?": the device has just gone, or was made by another
 * program.
 */
static void find_device_name(const struct erad_info *i, char name[DM_NAME_SIZE])
{
	struct volume **all;
	size_t nr;

	if (!dm_name(makedev(i->dev_major, i->dev_minor), name))
		return;
	strcpy(name, "?");
	if (volumes_all(&all, &nr))
		return;
	for (size_t n = 0; n < nr; n++) {
		if (volume_owns(all[n], i))
			snprintf(name, DM_NAME_SIZE, "%s", all[n]->name);
		volume_unref(all[n]);
	}
	free(all);
}

/* Does what conflict_live() does.  strict: see with_open_volumes(). */
static int with_live(const struct use *u, bool strict, struct err *err)
{
	struct mine m = { .path = u->metadata };
	struct instances l;
	int r;

	r = look_up(m.path, NULL, thread_now_ms() + SCAN_MS, &m.at, err);
	if (r >= 0)
		r = with_open_volumes(u, &m, strict, err);
	if (r)
		return r;
	r = volumes_targets(&l, err);
	for (uint32_t n = 0; n < l.nr && !r; n++) {
		char name[DM_NAME_SIZE];

		find_device_name(&l.info[n], name);
		r = with_target(u, m.at.dev, &l.info[n], name, err);
	}
	instances_free(&l);
	return r;
}

int conflict_live(const struct use *u, struct err *err)
{
	return with_live(u, false, err);
}

/* Finds the places of a line of eratab: its origin and its metadata. */
static int look_up_line(const struct eratab_entry *e, uint64_t until, struct peek at[2], struct err *err)
{
	struct volume *v = volumes_get(e->name);
	int r = look_up(e->origin, NULL, until, &at[0], err);

	if (r >= 0)
		r = look_up(e->metadata, v && !strcmp(v->metadata, e->metadata) ? v : NULL, until, &at[1], err);
	volume_unref(v);
	return r;
}

/* Returns EEXIST if a line other than the line of the volume `name` uses one of the nr places. */
static int with_lines(const struct eratab *tab, const char *name, struct mine *mine, size_t nr, struct err *err)
{
	const uint64_t until = thread_now_ms() + SCAN_MS;
	struct peek at[2];

	for (size_t i = 0; i < nr; i++) {
		const int r = look_up(mine[i].path, NULL, until, &mine[i].at, err);

		if (r < 0)
			return r;
	}
	for (size_t n = 0; n < tab->nr; n++) {
		const struct eratab_entry *e = tab->line[n].entry;
		int r;

		if (!e || !strcmp(e->name, name))
			continue;
		r = look_up_line(e, until, at, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < nr; i++) {
			const char *use = same_place(&mine[i], e->origin, &at[0]) ? "origin" :
				same_place(&mine[i], e->metadata, &at[1]) && is_still_at(&mine[i], e->metadata, until) ?
				"metadata" : NULL;

			if (use)
				return eratab_refuse(tab, n, mine[i].role, mine[i].path, use, err);
		}
	}
	return 0;
}

int conflict_line(const struct eratab *tab, const struct use *u, struct err *err)
{
	struct mine mine[2];
	size_t nr = 0;

	if (u->origin)
		mine[nr++] = (struct mine){ .role = "origin", .path = u->origin };
	if (u->metadata)
		mine[nr++] = (struct mine){ .role = "metadata", .path = u->metadata };
	return with_lines(tab, u->name, mine, nr, err);
}

int conflict_store(const struct eratab *tab, const char *path, struct err *err)
{
	struct mine m = { .role = "copy-on-write store", .path = path };

	return with_lines(tab, "", &m, 1, err);
}

bool conflict_file(const struct eratab *tab, const char *name, const char *path, struct err *who)
{
	const uint64_t until = thread_now_ms() + SCAN_MS;
	struct use u = { .name = name, .metadata = path };
	struct mine m = { .path = path };
	struct peek at;

	/* Read the file first: then it is known that the file answers. */
	if (peek_ask(path, PEEK_SUPER, SCAN_MS, &m.at, who))
		return true;
	for (size_t n = 0; n < tab->nr; n++) {
		const struct eratab_line *l = &tab->line[n];

		if (!l->entry || !strcmp(l->name, name))
			continue;
		if (look_up(l->entry->metadata, NULL, until, &at, who))
			return true;
		if (!same_place(&m, l->entry->metadata, &at))
			continue;
		err_set(who, 0, "volume %s in line %zu of %s uses this file", l->name, n + 1, tab->file);
		return true;
	}
	if (m.at.is_erad)
		u.uuid = m.at.uuid;
	return with_live(&u, true, who);
}
