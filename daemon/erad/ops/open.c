// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens volumes: checks the origin and the metadata, and makes the target. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/blockdev.h"
#include "common/failpoint.h"
#include "common/size.h"
#include "erad/base/log.h"
#include "erad/device/dm.h"
#include "erad/device/hidden.h"
#include "erad/device/probe.h"
#include "erad/ops/closed.h"
#include "erad/ops/conflict.h"
#include "erad/ops/open.h"
#include "erad/volume/commit.h"
#include "erad/volume/origin.h"
#include "erad/volume/registry.h"
#include "store/super.h"

#define SETTLE_MS	60000
#define UNDO_MS		120000	/* limit for the last fold, of a full journal on a slow disk */

static int check_origin(const struct eratab_entry *e, dev_t *dev, uint64_t *nr_sectors,
			struct err *err)
{
	struct err who;
	int r;

	r = probe_device(e->origin, dev, nr_sectors, err);
	if (r)
		return r;
	if (probe_in_use(*dev, e->origin, &who))
		return err_set(err, -EBUSY,
			       "origin %s is in use: %.300s; free it first (unmount it, for example), and use /dev/mapper/%s in its place afterwards",
			       e->origin, who.msg, e->name);
	r = conflict_live(&(struct use){ .name = e->name, .origin = e->origin, .origin_dev = *dev,
					 .metadata = e->metadata }, err);
	return r ? r : probe_apart(e->metadata, e->origin, *dev, err);
}

/* Checks by its superblocks whether the metadata may be used for this volume.  Writes nothing. */
static int check_super(const struct eratab_entry *e, struct engine *engine, uint64_t nr_sectors,
		       struct err *err)
{
	struct use u = { .name = e->name, .metadata = e->metadata };
	char has[SIZE_EXACT], uses[SIZE_EXACT];
	struct erad_disk_super sb;
	int r;

	r = super_read(engine, &sb, err);
	if (r)
		return r;
	u.uuid = sb.uuid;
	r = conflict_live(&u, err);
	if (r || le64toh(sb.nr_sectors) <= nr_sectors)
		return r;
	return err_set(err, -EINVAL,
		       "origin %s has %s, its metadata %s expects %s; if it is the right one, take its size over with 'eractl resize %s'",
		       e->origin, size_exact(has, nr_sectors * ERAD_SECTOR), e->metadata,
		       size_exact(uses, le64toh(sb.nr_sectors) * ERAD_SECTOR), e->name);
}

/* The origin may have grown while the volume was closed.  The volume then uses the part that it had before. */
static int open_metadata(const struct eratab_entry *e, dev_t origin, uint64_t nr_sectors, bool replaced,
			 struct store **out, struct store_info *info, struct err *err)
{
	char has[SIZE_EXACT], uses[SIZE_EXACT];
	struct engine *engine;
	struct store *s;
	int r;

	r = engine_open(e->metadata, ENGINE_WRITE, &engine, err);
	if (r)
		return r;
	/* Refuse before the store is opened for writing, which clears CLEAN: a refusal must change nothing. */
	r = check_super(e, engine, nr_sectors, err);
	if (r) {
		engine_destroy(engine);
		return r;
	}
	r = store_open(engine, STORE_WRITE, &s, err);
	if (r)
		return r;
	store_info(s, info);
	r = replaced ? 0 : origin_check(s, e->origin, origin, nr_sectors, err);
	if (r) {
		/* Close without changing CLEAN: a seal stays in force until writes are let through. */
		store_close(s, info->clean, NULL);
		return r;
	}
	if (info->nr_sectors < nr_sectors)
		log_notice("volume %s: origin %s has %s, of which the volume uses %s; 'eractl resize %s' gives it the rest",
			   e->name, e->origin, size_exact(has, nr_sectors * ERAD_SECTOR),
			   size_exact(uses, info->nr_sectors * ERAD_SECTOR), e->name);
	*out = s;
	return 0;
}

/* Ends the volume, whether its target was made or not. */
static void undo_open(struct volume *v, bool made)
{
	struct err err;

	int r = made ? dm_remove(v->name, &err) : 0;

	volume_expect(v, false);
	/* As long as the device exists the volume goes on, so there is no end to wait for. */
	if (r && r != -ENXIO)
		log_error("volume %s: cannot undo its opening: %s", v->name, err.msg);
	else
		volume_wait_ended(v, UNDO_MS);
}

static int start_target(struct volume *v, const struct dm_table *t, struct err *err)
{
	int r;

	r = dm_create(v->name, t, err);
	if (r) {
		undo_open(v, false);
		return r;
	}
	failpoint(FAILPOINT_CREATE_TARGET);
	volume_expect(v, false);
	r = volume_wait_settled(v, SETTLE_MS, err);
	if (r)
		undo_open(v, true);
	return r;
}

int open_claimed(const struct eratab_entry *e, bool replaced, struct volume **out, struct err *err)
{
	struct dm_table t = {
		.policy = e->policy,
		.detach_timeout = e->detach_timeout,
	};
	struct store_info info;
	struct volume *v;
	struct use u = { .name = e->name, .origin = e->origin, .metadata = e->metadata, .uuid = info.uuid };
	struct store *s = NULL;
	uint64_t nr_sectors;
	struct err who;
	int r;

	r = dm_exists(e->name, err);
	if (r < 0)
		return r;
	if (r)
		return err_set(err, -EEXIST, "there is a /dev/mapper/%s already", e->name);
	r = check_origin(e, &t.origin, &nr_sectors, err);
	if (r)
		return r;
	t.metadata = blockdev_at(e->metadata);
	if (t.policy == DETACH_DEGRADE && !t.metadata)
		return err_set(err, -ENOTBLK,
			       "detach_policy=degrade in %s needs the metadata on a block device, but %s is a file; use detach_policy=queue or fail, or recreate the metadata on a device",
			       ERAD_TAB, e->metadata);
	r = open_metadata(e, t.origin, nr_sectors, replaced, &s, &info, err);
	if (r)
		return r;
	t.nr_sectors = info.nr_sectors;
	t.block_sectors = info.block_sectors;
	memcpy(t.uuid, info.uuid, sizeof(t.uuid));
	u.origin_dev = t.origin;

	r = volume_new(e->name, e->origin, e->metadata, info.uuid, s, &v, err);
	if (r) {
		store_close(s, false, NULL);
		return r;
	}
	r = volumes_add(v, err);
	if (r) {
		store_close(s, false, NULL);
		goto out_unref;
	}
	r = volume_start(v, true, err);
	if (r) {
		volumes_remove(v);
		goto out_unref;
	}
	r = start_target(v, &t, err);
	/*
	 * Another volume may have become live since check_origin().  The error of the load does not
	 * name that volume, so check again.
	 */
	if (r && conflict_live(&u, &who))
		*err = who;
	if (r)
		goto out_unref;
	/*
	 * Hide the origin only now: if eratab names the origin by its content, only the open volume
	 * tells which device it is.
	 */
	hidden_update(t.origin, true);
	*out = v;
	return 0;

out_unref:
	volume_unref(v);
	return r;
}

int op_open(const char *name, bool replaced, struct volume **out, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct claim claim;
	struct volume *v;
	int r;

	r = volumes_claim(&claim, name, &v, err);
	if (r)
		return r;
	if (v) {
		/* A request that was carried out may be made again after a restart of erad. */
		r = volume_wait_settled(v, SETTLE_MS, err);
		if (r)
			volume_unref(v);
		else
			*out = v;
		goto out_release;
	}
	r = op_find_entry(name, &tab, &e, err);
	if (r)
		goto out_release;
	r = open_claimed(e, replaced, out, err);
	eratab_free(&tab);
out_release:
	volumes_release(&claim);
	return r;
}

int op_find(const char *name, struct volume **out, struct err *err)
{
	int r;

	*out = volumes_get(name);
	if (*out)
		return 0;
	r = op_known(name, err);
	return r ? r : err_set(err, -ENOTCONN, "it is closed; open it first");
}
