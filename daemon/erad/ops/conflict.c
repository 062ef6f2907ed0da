// SPDX-License-Identifier: GPL-2.0-or-later
/* Refuses an origin or metadata that another volume uses: see conflict.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/eratab_use.h"
#include "common/image.h"
#include "common/uuid.h"
#include "common/sysfs.h"
#include "erad/ops/conflict.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"
#include "erad/volume/volume.h"

/*
 * Returns whether two paths lead to the same block device or file.  Two equal paths do, even if
 * nothing exists at the path.
 */
static bool same_place(const char *a, const char *b)
{
	return !strcmp(a, b) || blockdev_same_place(a, b);
}

static int with_open_volumes(const struct use *u, struct err *err)
{
	struct volume **all;
	size_t nr;
	int r;

	r = volumes_all(&all, &nr);
	if (r)
		return err_set(err, r, "out of memory");
	for (size_t i = 0; i < nr; i++) {
		const struct volume *v = all[i];

		if (!r && strcmp(v->name, u->name) && same_place(v->metadata, u->metadata))
			r = err_set(err, -EBUSY, "metadata %.200s is the metadata of volume %s, which is open",
				    u->metadata, v->name);
		volume_unref(all[i]);
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
			       "metadata %.200s has UUID %s, as has the metadata of /dev/mapper/%s, which is live; a copy of metadata cannot be used at the same time as the original",
			       u->metadata, uuid_text(u->uuid, uuid), name);
	return 0;
}

/*
 * Finds the name of the target's device.  While the first table of a device is being loaded, sysfs
 * has no name of the device; then the volume is one that erad is opening now, and the name is the
 * volume's name.  "?": the device has just gone, or was made by another program.
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

int conflict_live(const struct use *u, struct err *err)
{
	const dev_t metadata = blockdev_at(u->metadata);
	struct instances l;
	int r;

	r = with_open_volumes(u, err);
	if (r)
		return r;
	r = volumes_targets(&l, err);
	for (uint32_t n = 0; n < l.nr && !r; n++) {
		char name[DM_NAME_SIZE];

		find_device_name(&l.info[n], name);
		r = with_target(u, metadata, &l.info[n], name, err);
	}
	instances_free(&l);
	return r;
}

int conflict_line(const struct eratab *tab, const struct use *u, struct err *err)
{
	for (size_t n = 0; n < tab->nr; n++) {
		const struct eratab_entry *e = tab->line[n].entry;
		const char *path = u->origin, *role = "origin", *use;

		if (!e || !strcmp(e->name, u->name))
			continue;
		use = path ? eratab_use(e, path) : NULL;
		if (!use) {
			path = u->metadata;
			role = "metadata";
			use = path ? eratab_use(e, path) : NULL;
		}
		if (use)
			return eratab_refuse(tab, n, role, path, use, err);
	}
	return 0;
}

bool conflict_file(const struct eratab *tab, const char *name, const char *path, struct err *who)
{
	struct use u = { .name = name, .metadata = path };
	struct peek found;

	for (size_t n = 0; n < tab->nr; n++) {
		const struct eratab_line *l = &tab->line[n];

		if (!l->entry || !strcmp(l->name, name) || !same_place(l->entry->metadata, path))
			continue;
		err_set(who, 0, "volume %s in line %zu of %s uses this file", l->name, n + 1, tab->file);
		return true;
	}
	peek_now(path, PEEK_SUPER, &found);
	if (found.is_erad)
		u.uuid = found.uuid;
	return conflict_live(&u, who);
}
