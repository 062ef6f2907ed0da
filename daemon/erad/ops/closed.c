// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds a volume's line in eratab, and its metadata: see closed.h. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/sysfs.h"
#include "common/uuid.h"
#include "erad/ops/closed.h"
#include "erad/ops/table.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

int op_find_entry(const char *name, struct eratab *tab, const struct eratab_entry **e,
		  struct err *err)
{
	int r;

	r = op_read_table(tab, err);
	if (r)
		return r;
	r = eratab_find(tab, name, e, err);
	if (r)
		eratab_free(tab);
	return r;
}

int op_known(const char *name, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	int r = op_find_entry(name, &tab, &e, err);

	if (!r)
		eratab_free(&tab);
	return r;
}

/* Returns whether the target was made with this metadata. */
static bool uses_metadata(const struct erad_info *i, const struct store_info *s, dev_t metadata)
{
	if (!uuid_is_zero(i->uuid))
		return !memcmp(i->uuid, s->uuid, sizeof(i->uuid));
	/* A table that was made by hand may name no UUID. */
	return metadata && makedev(i->meta_major, i->meta_minor) == metadata;
}

/*
 * Refuses a volume whose metadata has the UUID of the metadata of another volume, which is open.
 * Another attempt would fail, too.  i: a target with this UUID.  Returns 0 if no other volume owns
 * the target.
 */
static int refuse_twin(const char *name, const char *path, const struct erad_info *i, struct err *err)
{
	struct volume *v = volumes_owner(i);
	int r = 0;

	if (v && strcmp(v->name, name))
		r = err_set(err, -EBUSY,
			    "metadata %.200s is the metadata of volume %s, which is open, or has the same UUID; a copy of metadata cannot be used at the same time as the original: run 'eractl forget %s' if the line of volume %s in /etc/eratab is not needed, or close volume %s first",
			    path, v->name, name, name, v->name);
	volume_unref(v);
	return r;
}

/*
 * Returns EAGAIN if a target has the UUID of the metadata, or EBUSY if another volume owns this
 * target.  path: the path of the metadata.  metadata: number of the metadata device; 0: the metadata
 * is a file.
 */
static int refuse_live(const char *name, const char *path, struct store *s, dev_t metadata, struct err *err)
{
	char device[DM_NAME_SIZE];
	struct store_info info;
	struct instances l;
	int r;

	store_info(s, &info);
	r = volumes_targets(&l, err);
	for (uint32_t n = 0; n < l.nr && !r; n++) {
		if (!uses_metadata(&l.info[n], &info, metadata))
			continue;
		r = refuse_twin(name, path, &l.info[n], err);
		if (r)
			break;
		if (dm_name(makedev(l.info[n].dev_major, l.info[n].dev_minor), device))
			strcpy(device, "?");
		r = err_set(err, -EAGAIN,
			    "erad has no open volume of this name, but /dev/mapper/%s is live with the UUID of the metadata; try again when 'eractl status' shows the volume",
			    device);
	}
	instances_free(&l);
	return r;
}

int op_open_closed(const char *name, struct store **out, dev_t *origin, struct err *err)
{
	const struct eratab_entry *e;
	struct engine *engine = NULL;
	dev_t metadata = 0;
	struct eratab tab;
	struct store *s;
	int r;

	r = op_find_entry(name, &tab, &e, err);
	if (r)
		return r;
	r = peek_ask(e->metadata, PEEK_SUPER, PEEK_OPEN_MS, NULL, err);
	if (!r)
		r = engine_open(e->metadata, ENGINE_READ, &engine, err);
	if (!r)
		metadata = blockdev_at(e->metadata);
	if (!r && origin)
		*origin = blockdev_at(e->origin);
	if (!r)
		r = store_open(engine, STORE_READ, &s, err);
	/* The lock of the metadata excludes an open from now on, so look at the targets only now. */
	if (!r) {
		r = refuse_live(name, e->metadata, s, metadata, err);
		if (r)
			store_close(s, false, NULL);
		else
			*out = s;
	}
	eratab_free(&tab);
	return r;
}
