// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens volumes: checks the origin and the metadata, and makes the target. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/below.h"
#include "common/blockdev.h"
#include "common/dm_tables.h"
#include "common/failpoint.h"
#include "common/image.h"
#include "common/mapper_file.h"
#include "common/size.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/device/dm_child.h"
#include "erad/device/hidden.h"
#include "erad/device/probe.h"
#include "erad/ops/claim.h"
#include "erad/ops/closed.h"
#include "erad/ops/conflict.h"
#include "erad/ops/open.h"
#include "erad/ops/rolled_back.h"
#include "erad/volume/commit.h"
#include "erad/volume/degraded.h"
#include "erad/volume/origin.h"
#include "erad/volume/origin_compare.h"
#include "erad/volume/past.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"
#include "erad/volume/table_note.h"
#include "store/super.h"

#define SETTLE_MS	60000
/*
 * Limit, in ms, for the end of a volume with a last fold: the journal may be full, and the disk
 * slow.
 */
#define UNDO_MS		120000

/* An origin that is not open, and its user. */
struct usage {
	dev_t origin;
	uint64_t nr_sectors;
	enum probe_user user;
	struct err who;		/* the user, if there is one */
};

static int find_origin(const struct eratab_entry *e, struct usage *u, struct err *err)
{
	const int r = peek_ask(e->origin, PEEK_OPEN, PEEK_OPEN_MS, NULL, err);

	return r ? r : probe_device(e->origin, &u->origin, &u->nr_sectors, err);
}

/* Also finds the user of the origin.  Does not examine the metadata. */
static int find_user(const struct eratab_entry *e, struct usage *u, struct err *err)
{
	const int r = find_origin(e, u, err);

	if (!r)
		u->user = probe_user(u->origin, e->origin, &u->who);
	return r;
}

/* Refuses an origin that does not fit the metadata, or that another volume uses. */
static int check_origin(const struct eratab_entry *e, dev_t dev, struct err *err)
{
	const int r = conflict_live(&(struct use){ .name = e->name, .origin = e->origin, .origin_dev = dev,
						   .metadata = e->metadata }, err);

	return r ? r : probe_apart(e->metadata, e->origin, dev, err);
}

/* Reads the superblocks, and refuses metadata that this volume may not use.  Writes nothing. */
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
		       "origin %s has %s, its metadata %s expects %s; if this is the right origin, run 'eractl resize %s' to give the volume the size of the origin",
		       e->origin, size_exact(has, nr_sectors * ERAD_SECTOR), e->metadata,
		       size_exact(uses, le64toh(sb.nr_sectors) * ERAD_SECTOR), e->name);
}

/*
 * Opens the metadata for writing, and sets *info to its state before this open.  replaced: the
 * origin may be another device than at the last open.  The origin may have grown while the volume
 * was closed; the volume uses the same part as before the growth.
 */
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
	/*
	 * Refuse before the store is opened for writing, because opening clears CLEAN, and a
	 * refusal must change nothing.
	 */
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
		/* Write CLEAN again if it was set, because a refusal must change nothing. */
		store_close(s, info->clean, NULL);
		return r;
	}
	if (info->nr_sectors < nr_sectors)
		log_notice("volume %s: origin %s has %s, of which the volume uses %s; run 'eractl resize %s' to use all of the origin",
			   e->name, e->origin, size_exact(has, nr_sectors * ERAD_SECTOR),
			   size_exact(uses, info->nr_sectors * ERAD_SECTOR), e->name);
	*out = s;
	return 0;
}

/*
 * Returns whether /dev/mapper/NAME has an erad target, or its table cannot be read.  Then the metadata
 * may be in use, also if erad has not attached to the target.
 */
static bool has_erad_target(const char *name)
{
	const dev_t dev = dm_tables_find(name);
	struct dm_device d;
	bool has = false;

	if (!dev)
		return false;
	if (dm_tables_status(dev, &d, NULL))
		return true;
	for (unsigned int i = 0; i < d.nr && !has; i++)
		has = !strcmp(d.line[i].type, "erad");
	dm_tables_free(&d);
	return has;
}

/*
 * Called when an open has failed, and the metadata is not open.  If the origin is in use, its user
 * may write past the volume until the next open.  If the machine reboots before this next open, the
 * open cannot notice these writes.  So this function notes the user in the metadata.  found: the
 * user that the open has found, who is noted even if the origin is no longer in use.  If the open
 * has found nobody, looks for a user now.  A user that only reads is not noted.  Logs its own
 * errors, because the caller returns the error of the open.
 */
static void note_user(const struct eratab_entry *e, struct usage *found)
{
	const struct use u = { .name = e->name, .metadata = e->metadata };
	struct store_info info;
	struct store *s;
	struct err err;
	int r;

	if ((found->user == PROBE_UNUSED && find_user(e, found, &err)) || found->user != PROBE_USED || has_erad_target(e->name))
		return;
	r = peek_ask(e->metadata, PEEK_SUPER, PEEK_OPEN_MS, NULL, &err);
	if (!r)
		r = conflict_live(&u, &err);
	if (!r)
		r = open_metadata(e, found->origin, found->nr_sectors, false, &s, &info, &err);
	if (!r) {
		r = past_note_user(s, found->origin, found->who.msg, &err);
		store_close(s, info.clean, NULL);
	}
	if (r > 0)
		log_warn("volume %s: its origin %s is in use past erad: %s; this is noted, and the next open counts every block as written, unless the kernel's counter of writes proves that nothing was written",
			 e->name, e->origin, found->who.msg);
	else if (r)
		log_error("volume %s: its origin %s is in use past erad: %s; this cannot be noted in the metadata (%s), so make a full copy after the next open",
			  e->name, e->origin, found->who.msg, err.msg);
}

/* Ends a volume whose open has failed.  made: the target was made, so first removes the target. */
static void undo_open(struct volume *v, enum open_way way, bool made)
{
	struct err err;
	uint64_t us;
	int r = 0;

	if (made)
		r = way == OPEN_IN_PLACE ? below_pass(dm_tables_find(v->name), dm_child_swap, &us, &err) :
			dm_child_remove(v->name, &err);

	volume_expect(v, false);
	/* If the device still exists, the volume does not end, so do not wait for its end. */
	if (r && r != -ENXIO)
		log_error("volume %s: the open has failed, and cannot be undone: %s", v->name, err.msg);
	else
		volume_wait_ended(v, UNDO_MS);
}

/*
 * Replaces the linear table of the volume's device by the erad table, without freezing the file systems on
 * the device.  On success, *began is the time, by thread_now_us(), from which I/O has waited for the erad
 * table.
 */
static int track(const char *name, const struct dm_table *t, uint64_t *began, struct err *err)
{
	struct dm_device d;
	uint64_t us;
	int r;

	r = dm_load(name, t, err);
	if (!r)
		r = dm_tables_read(dm_tables_find(name), &d, err);
	if (r)
		return r;
	r = dm_child_swap(&d, &us, err);
	*began = thread_now_us() - us;
	dm_tables_free(&d);
	return r;
}

static int start_target(struct volume *v, enum open_way way, const struct dm_table *t, uint64_t *us, struct err *err)
{
	uint64_t began = 0;
	int r;

	r = way == OPEN_IN_PLACE ? track(v->name, t, &began, err) : dm_create(v->name, t, err);
	if (r) {
		/* EINPROGRESS: the erad table may be in use. */
		undo_open(v, way, r == -EINPROGRESS && way == OPEN_IN_PLACE);
		return r;
	}
	failpoint(FAILPOINT_CREATE_TARGET);
	volume_expect(v, false);
	r = volume_wait_settled(v, SETTLE_MS, err);
	if (us)
		*us = thread_now_us() - began;
	if (r)
		undo_open(v, way, true);
	return r;
}

/*
 * With gap=refuse, looks for a gap before the target exists: in the degrade record, the origin, the
 * table note, the witness and the past note.  Does nothing with gap=record.  The volume has its
 * store, and no volume thread yet.
 *
 * The volume thread looks for the same gaps again before it lets a write through.  That is too late
 * for a refusal: if erad were killed between the creation of the target and the refusal, the next
 * erad would find a live target.  The next erad could not refuse this target, because writes to the
 * target may wait already.
 */
static int refuse_before_target(struct volume *v, const struct dm_table *t, uint32_t era, struct err *err)
{
	struct table_note note;
	int r;

	if (!v->refuse_gap)
		return 0;
	v->origin_dev = t->origin;
	v->info = (struct erad_info){
		.origin_major = major(t->origin), .origin_minor = minor(t->origin), .nr_sectors = t->nr_sectors,
	};
	r = degraded_take_up(v, err);
	if (!r)
		r = origin_compare(v, err);
	if (!r)
		r = table_note_arrive(v, era, &note, err);
	if (!r)
		r = origin_compare_witness(v, err);
	if (!r)
		r = past_look_before(v, err);
	v->info = (struct erad_info){ 0 };
	return r;
}

/*
 * Refuses an open for a reason outside of the metadata.  Writes nothing.  *place receives what is at the
 * path of the metadata.  Looks for a user of the origin first: if the metadata hangs, note_user() must
 * know about the user.
 */
static int refuse_outside(const struct eratab_entry *e, enum open_way way, struct usage *usage, struct peek *place,
			  struct err *err)
{
	int r;

	r = dm_exists(e->name, err);
	if (r < 0)
		return r;
	if (r && way != OPEN_IN_PLACE)
		return err_set(err, -EEXIST, "there is a /dev/mapper/%s already", e->name);
	r = mapper_file_refuse(e->name, err);
	if (!r)
		r = image_refuse(e->name, 0, err);
	if (!r)
		r = way == OPEN_IN_PLACE ? find_origin(e, usage, err) : find_user(e, usage, err);
	if (!r && usage->user == PROBE_READER)
		r = err_set(err, -EBUSY, "origin %s is in use: %s; wait until this process has ended, or end it",
			    e->origin, usage->who.msg);
	else if (!r && usage->user == PROBE_USED)
		r = err_set(err, -EBUSY,
			    "origin %s is in use: %s; free it first (unmount it, for example), and use /dev/mapper/%s in its place afterwards",
			    e->origin, usage->who.msg, e->name);
	if (!r)
		r = peek_ask(e->metadata, PEEK_SUPER, PEEK_OPEN_MS, place, err);
	return r ? r : check_origin(e, usage->origin, err);
}

int open_claimed(const struct eratab_entry *e, enum open_way way, const struct open_choice *choice, uint64_t *us,
		 struct volume **out, struct err *err)
{
	struct dm_table t = {
		.policy = e->policy,
		.detach_timeout = e->detach_timeout,
	};
	struct store_info info;
	struct volume *v;
	struct use u = { .name = e->name, .origin = e->origin, .metadata = e->metadata, .uuid = info.uuid };
	struct usage usage = { .user = PROBE_UNUSED };
	struct store *s = NULL;
	struct peek place;
	struct err who;
	int r;

	r = refuse_outside(e, way, &usage, &place, err);
	/* ETIMEDOUT: the origin hangs, or is not in use.  Do not wait again for a place that hangs. */
	if (r && r != -ETIMEDOUT && way != OPEN_IN_PLACE)
		note_user(e, &usage);
	if (r)
		return r;
	t.origin = usage.origin;
	t.metadata = blockdev_at(e->metadata);
	if (t.policy == DETACH_DEGRADE && !t.metadata)
		return err_set(err, -ENOTBLK,
			       "detach_policy=degrade in %s needs the metadata on a block device, but %s is a file; use detach_policy=queue or fail, or recreate the metadata on a device",
			       ERAD_TAB, e->metadata);
	r = open_metadata(e, t.origin, usage.nr_sectors, choice->origin_replaced, &s, &info, err);
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
	v->place = place;
	v->refuse_gap = e->refuse_gap && !choice->accept_gap && !choice->origin_replaced;
	r = rolled_back_check(v, err);
	if (!r)
		r = refuse_before_target(v, &t, info.era, err);
	if (!r)
		r = volumes_add(v, err);
	if (r) {
		/* Close without changing CLEAN: see open_metadata(). */
		store_close(s, info.clean, NULL);
		goto out_unref;
	}
	r = volume_start(v, true, err);
	if (r) {
		volumes_remove(v);
		goto out_unref;
	}
	failpoint(FAILPOINT_OPEN_COMPARED);
	r = start_target(v, way, &t, us, err);
	/*
	 * Check for a conflict again.  Another volume may have become live since check_origin(),
	 * and the kernel's error does not name the other volume.
	 */
	if (r && conflict_live(&u, &who))
		*err = who;
	/* Somebody may have taken the origin since refuse_outside(), for example by a mount. */
	if (r && way == OPEN_NEW)
		note_user(e, &usage);
	if (r)
		goto out_unref;
	/*
	 * Hide the origin after the target exists: if eratab names the origin by its content, for
	 * example by a label, udev's rules recognize the origin only by the open volume on it.
	 * With OPEN_IN_PLACE, the caller holds LVM's locks.
	 */
	hidden_update(t.origin, true, way == OPEN_IN_PLACE ? HIDDEN_LOCKED_MS : HIDDEN_BUSY_MS);
	*out = v;
	return 0;

out_unref:
	volume_unref(v);
	return r;
}

int op_open(const char *name, const struct open_choice *choice, struct volume **out, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct claim claim;
	struct volume *v;
	int r;

	r = op_claim_live(&claim, name, &v, err);
	if (r)
		return r;
	if (v) {
		/*
		 * The user may repeat this request after a restart of erad, even if erad has
		 * carried it out already.  Or an open was refused because of a gap, but could not
		 * be undone because a program had opened the device.
		 */
		if (choice->accept_gap || choice->origin_replaced)
			volume_accept_gap(v);
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
	if (e->detaching)
		r = err_set(err, -EBUSY, "an attach or a detach of the volume was interrupted; run 'eractl detach %s' to detach the volume", name);
	else
		r = open_claimed(e, OPEN_NEW, choice, NULL, out, err);
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
