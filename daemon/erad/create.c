// SPDX-License-Identifier: GPL-2.0-or-later
/* Making a volume: refusing what could do harm, writing metadata, and undoing all of it if it fails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/uuid.h"
#include "erad/create.h"
#include "erad/dm.h"
#include "erad/log.h"
#include "erad/ops.h"
#include "erad/probe.h"
#include "erad/volumes.h"
#include "erad_format.h"

/* What a failing create has to take back. */
enum made {
	MADE_NOTHING,
	MADE_FILE,
	MADE_METADATA,		/* on a device */
};

void default_metadata(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.erad", ERAD_LIB_DIR, name);
}

static void take_back(const char *path, enum made made)
{
	struct engine *e;

	if (made == MADE_FILE && unlink(path))
		log_warn("cannot remove %s: %m", path);
	if (made != MADE_METADATA || engine_open(path, ENGINE_WRITE, &e, NULL))
		return;
	/* Without superblocks it is not metadata, and may be formatted without force. */
	if (e->ops->zero(e, 0, 2 * ERAD_PAGE) || e->ops->flush(e))
		log_warn("cannot erase the new metadata on %s", path);
	engine_destroy(e);
}

static int check_device(const char *path, bool force, struct err *err)
{
	uint64_t nr_sectors;
	struct err who;
	dev_t dev;
	int r;

	r = probe_device(path, &dev, &nr_sectors, err);
	if (r)
		return r;
	if (probe_in_use(dev, path, &who))
		return err_set(err, -EBUSY, "%s is in use: %.300s", path, who.msg);
	if (force)
		return 0;
	r = probe_empty(path, err);
	if (r == -EEXIST) {
		who = *err;
		err_set(err, r, "%.400s; --force overwrites it", who.msg);
	}
	return r;
}

static int remove_file(const char *path, bool force, struct err *err)
{
	struct engine *e;
	int r;

	if (!force)
		return err_set(err, -EEXIST, "%s exists; --force overwrites it", path);
	/* Not while somebody uses it. */
	r = engine_open(path, ENGINE_WRITE, &e, err);
	if (r)
		return r;
	engine_destroy(e);
	return unlink(path) ? err_set(err, -errno, "cannot remove %s: %m", path) : 0;
}

/* Makes room for the metadata: a new file, or the device if that may be used. */
static int prepare_place(const struct create_args *a, const struct store_geometry *g,
			 enum made *made, struct err *err)
{
	const char *path = a->metadata;
	uint64_t size, written;
	struct stat st;
	int r = 0;

	if (!stat(path, &st)) {
		if (S_ISBLK(st.st_mode)) {
			r = check_device(path, a->force, err);
			if (!r)
				*made = MADE_METADATA;
			return r;
		}
		if (!S_ISREG(st.st_mode))
			return err_set(err, -ENOTBLK,
				       "%s is neither a block device nor a regular file", path);
		r = remove_file(path, a->force, err);
		if (r)
			return r;
	} else if (errno != ENOENT) {
		return err_set(err, -errno, "cannot look at %s: %m", path);
	}
	size = store_size(g, &written);
	r = engine_create_file(path, size, written, err);
	if (!r)
		*made = MADE_FILE;
	return r;
}

static int write_metadata(const struct create_args *a, const struct store_geometry *g,
			  struct err *err)
{
	struct engine *e;
	int r;

	r = engine_open(a->metadata, ENGINE_WRITE, &e, err);
	if (r)
		return r;
	r = store_format(e, g, a->progress, a->ctx, err);
	engine_destroy(e);
	return r;
}

static int check(const struct create_args *a, struct store_geometry *g, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err who;
	dev_t dev;
	int r;

	if (!a->block_size || a->block_size % ERAD_PAGE || a->block_size / 512 > UINT32_MAX)
		return err_set(err, -EINVAL,
			       "got a block size of %llu bytes, expected a multiple of %u below 2 TiB",
			       (unsigned long long)a->block_size, ERAD_PAGE);
	r = op_read_table(&tab, err);
	if (r)
		return r;
	r = eratab_find(&tab, a->name, &e, err);
	eratab_free(&tab);
	if (r != -ENOENT)
		return r ? r : err_set(err, -EEXIST, "%s names it already", ERAD_TAB);
	r = dm_exists(a->name, err);
	if (r)
		return r < 0 ? r : err_set(err, -EEXIST, "there is a /dev/mapper/%s already",
					   a->name);
	r = probe_device(a->origin, &dev, &g->nr_sectors, err);
	if (r)
		return r;
	if (!g->nr_sectors)
		return err_set(err, -EINVAL, "origin %s has no sectors", a->origin);
	if (probe_in_use(dev, a->origin, &who))
		return err_set(err, -EBUSY, "origin %s is in use: %.300s", a->origin, who.msg);
	/* Nothing on it is changed; but it may not be the device that was meant. */
	if (!a->force && probe_empty(a->origin, &who) == -EEXIST)
		return err_set(err, -EEXIST,
			       "origin %.400s; --force tracks it, with what is on it", who.msg);
	r = probe_apart(a->metadata, a->origin, dev, err);
	if (r)
		return r;
	r = uuid_random(g->uuid);
	if (r)
		return err_set(err, r, "cannot make a UUID: %s", strerror(-r));
	g->block_sectors = (uint32_t)(a->block_size / 512);
	return 0;
}

static int create_claimed(const struct create_args *a, struct volume **out, struct err *err)
{
	struct store_geometry g = { 0 };
	struct eratab_entry e = {
		.origin = (char *)a->origin,
		.metadata = (char *)a->metadata,
	};
	enum made made = MADE_NOTHING;
	struct volume *stuck;
	struct err ignored;
	int r;

	r = check(a, &g, err);
	if (r)
		return r;
	r = prepare_place(a, &g, &made, err);
	if (r)
		return r;
	r = write_metadata(a, &g, err);
	if (r)
		goto out_metadata;
	failpoint(FAILPOINT_CREATE_FORMATTED);
	strcpy(e.name, a->name);
	r = table_add(&e, err);
	if (r)
		goto out_metadata;
	failpoint(FAILPOINT_CREATE_LISTED);
	r = open_claimed(&e, out, err);
	if (r)
		goto out_line;
	return 0;

out_line:
	stuck = volumes_get(a->name);
	if (stuck) {
		/* Its device could not be removed; it needs what it has. */
		volume_unref(stuck);
		return r;
	}
	if (table_remove(a->name, &ignored))
		log_warn("volume %s: %s", a->name, ignored.msg);
out_metadata:
	take_back(a->metadata, made);
	return r;
}

int op_create(const struct create_args *args, struct volume **out, struct err *err)
{
	char path[sizeof(ERAD_LIB_DIR) + ERAD_NAME_MAX + 16];
	struct create_args a = *args;
	struct claim claim;
	struct volume *v;
	int r;

	r = eratab_check_name(a.name, err);
	if (r)
		return r;
	if (!a.metadata) {
		/* Not when erad starts: then /var may not be mounted yet. */
		if (mkdir(ERAD_LIB_DIR, 0700) && errno != EEXIST)
			return err_set(err, -errno, "cannot make %s: %m", ERAD_LIB_DIR);
		default_metadata(a.name, path, sizeof(path));
		a.metadata = path;
	}
	if (*a.origin != '/' || *a.metadata != '/')
		return err_set(err, -EINVAL, "%.300s is not an absolute path",
			       *a.origin != '/' ? a.origin : a.metadata);
	r = volumes_claim(&claim, a.name, err);
	if (r)
		return r;
	v = volumes_get(a.name);
	if (v) {
		volume_unref(v);
		r = err_set(err, -EEXIST, "there is an open volume of that name");
	} else {
		r = create_claimed(&a, out, err);
	}
	volumes_release(&claim);
	return r;
}
