// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaches volumes below logical volumes that are in use, and detaches volumes: see attach.h. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/below.h"
#include "common/blockdev.h"
#include "common/failpoint.h"
#include "common/image.h"
#include "common/lvm_filter.h"
#include "common/lvs.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/device/dm_child.h"
#include "erad/device/hidden.h"
#include "erad/device/probe.h"
#include "erad/ops/attach.h"
#include "erad/ops/claim.h"
#include "erad/ops/closed.h"
#include "erad/ops/forget.h"
#include "erad/ops/open.h"
#include "erad/ops/recover.h"
#include "erad/ops/table.h"
#include "erad/volume/origin.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

#define END_LOOK_MS	5000	/* after so many ms, detach looks whether the metadata hangs */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * What check_first() has found.  LVM may change this before check_again(), because LVM's locks are
 * released in between.
 */
struct found {
	struct lvs lvs;			/* the devices that lie on the physical volume */
	char uuid[PV_UUID_SIZE];	/* UUID of the physical volume */
};

/*
 * Refuses the volume group of the root file system, also if no logical volume lies on this physical
 * volume: the initramfs may activate all of the volume group.  Also refuses metadata on a logical
 * volume of the same volume group.
 */
static int check_vg(const struct create_args *a, const struct eratab_entry *e, const struct lvs *lvs, struct err *err)
{
	char prefix[DM_UUID_LEN];
	const char *uuid = prefix;
	int r;

	if (a->below->vg_uuid)
		snprintf(prefix, sizeof(prefix), "LVM-%.32s", a->below->vg_uuid);
	else if (lvs->nr)
		uuid = lvs->lv[0].uuid;
	else
		return 0;
	r = probe_boot_vg(uuid, err);
	return r ? r : probe_other_vg(e->metadata, uuid, err);
}

static int check_cycle(const struct create_args *a, const struct eratab_entry *e, dev_t origin, struct err *err)
{
	struct eratab tab;
	int r = op_read_table(&tab, err);

	if (r)
		return r;
	/* probe_cycle() looks at the metadata of other volumes, and would wait for a place that hangs. */
	for (size_t n = 0; n < tab.nr && !r; n++)
		if (tab.line[n].entry)
			r = peek_ask(tab.line[n].entry->metadata, PEEK_DEVICE, PEEK_OPEN_MS, NULL, err);
	if (!r)
		r = probe_cycle(&tab, e->metadata, a->origin, origin, err);
	eratab_free(&tab);
	return r;
}

/*
 * Refuses physical volumes that attach does not support.  On success, *lvs contains the devices
 * that lie on the physical volume, and LVM's locks are held; the caller frees *lvs.
 */
static int check(const struct create_args *a, const struct eratab_entry *e, dev_t origin, struct lvs *lvs, struct err *err)
{
	char line[ERR_MAX];
	struct err who;
	int r;

	r = lvs_find(origin, 0, lvs, err);
	if (r)
		return err_prefix(err, r, "%.100s", a->origin);
	lvs->vg = a->below->vg_name;
	if (!lvs->nr && probe_in_use(origin, a->origin, &who))
		r = err_set(err, -EBUSY, "%.100s is in use, but not by logical volumes: %s", a->origin, who.msg);
	if (!r)
		r = check_vg(a, e, lvs, err);
	if (!r)
		r = check_cycle(a, e, origin, err);
	if (!r && !a->below->lvm_rejects && !a->below->write_filter) {
		lvm_filter_line(e->origin, line, sizeof(line));
		r = err_set(err, -EEXIST,
			    "LVM would use %.80s and the volume at the same time; use --write-lvm-filter, with which attach writes the following line to " LVM_FILTER_FILE ", or write the line yourself: %s",
			    a->origin, line);
	}
	if (!r)
		r = lvs_lock(lvs, 0, err);
	if (r)
		lvs_free(lvs);
	return r;
}

/* Makes all checks, and releases LVM's locks.  On success, the caller frees f->lvs. */
static int check_first(const struct create_args *a, const struct eratab_entry *e, dev_t origin, struct found *f, struct err *err)
{
	int r = check(a, e, origin, &f->lvs, err);

	if (r)
		return r;
	lvs_unlock(&f->lvs);
	r = origin_pv_uuid(origin, ORIGIN_OPEN_MS, f->uuid, err);
	if (r) {
		lvs_free(&f->lvs);
		return err_prefix(err, r, "%.100s", e->origin);
	}
	return 0;
}

/*
 * Refuses an origin that is no longer the device and the physical volume that check_first() has
 * found.  The caller holds LVM's locks, so no command of LVM changes the label until they are
 * released.
 */
static int compare_pv(const struct found *f, const struct eratab_entry *e, const struct dm_table *t, struct err *err)
{
	char uuid[PV_UUID_SIZE];
	uint64_t nr_sectors;
	dev_t dev;
	int r;

	r = probe_device(e->origin, &dev, &nr_sectors, err);
	if (!r && (dev != t->origin || nr_sectors != t->nr_sectors))
		r = err_set(err, -EBUSY, "%.200s is another device, or has another size", e->origin);
	if (!r)
		r = origin_pv_uuid(dev, ORIGIN_LOCKED_MS, uuid, err);
	if (!r && strcmp(uuid, f->uuid))
		r = err_set(err, -EBUSY, "%.200s is another physical volume", e->origin);
	return r;
}

/*
 * Takes LVM's locks, and makes all checks again: commands of LVM may have run while the metadata was
 * written.  On success, the caller frees *lvs.
 */
static int check_again(const struct create_args *a, const struct eratab_entry *e, const struct dm_table *t, const struct found *f,
		       struct lvs *lvs, struct err *err)
{
	int r = check(a, e, t->origin, lvs, err);

	if (r)
		return r;
	r = compare_pv(f, e, t, err);
	if (!r)
		r = lvs_compare(&f->lvs, lvs, err);
	if (!r)
		return 0;
	err_prefix(err, r, "%.100s has changed while the metadata was written, try again", a->origin);
	lvs_free(lvs);
	return r;
}

/* Returns whether the device /dev/mapper/NAME exists, and is the device of this volume. */
static bool is_ours(const char *name, const struct dm_table *t)
{
	char expected[DM_UUID_TEXT_SIZE], found[DM_UUID_LEN];
	const dev_t dev = dm_tables_find(name);

	return dev && !blockdev_attribute(dev, "dm/uuid", found, sizeof(found)) && !strcmp(found, uuid_dm_text(t->uuid, expected));
}

/* Moves the logical volumes from the physical volume to the device `name`. */
static int move_lvs(const char *name, const struct dm_table *t, struct lvs *lvs, uint64_t *us, struct err *err)
{
	const dev_t dev = dm_tables_find(name);
	int r;

	failpoint(FAILPOINT_BELOW_MADE);
	r = lvs_load(lvs, t->origin, dev, err);
	if (r)
		return r;
	failpoint(FAILPOINT_BELOW_LOADED);
	r = lvs_swap(lvs, dm_child_swap, us, err);
	failpoint(FAILPOINT_BELOW_MOVED);
	return r;
}

/* Returns whether the volume is open and erad records its writes. */
static bool is_served(const char *name)
{
	struct volume *v = volumes_get(name);
	bool served = false;

	if (v) {
		pthread_mutex_lock(&v->lock);
		served = !strcmp(volume_state(v, NULL), "active");
		pthread_mutex_unlock(&v->lock);
		volume_unref(v);
	}
	return served;
}

/*
 * Waits until the metadata of a volume without a device is closed.  If this takes long, checks
 * whether the place of the metadata answers, because a close waits for a place that hangs.
 */
static int wait_closed(struct volume *v, struct err *err)
{
	static const char moved[] = "the logical volumes lie on the physical volume again, but the metadata is not closed yet";
	int r;

	if (volume_wait_ended(v, END_LOOK_MS))
		return 0;
	r = peek_ask(v->metadata, PEEK_WRITE, PEEK_OPEN_MS, NULL, err);
	if (r == -ETIMEDOUT && !volume_wait_ended(v, 0)) {
		err_prefix(err, r, "%s", moved);
		err_suffix(err, "when the metadata can be written again, run 'eractl detach %s' again", v->name);
		return r;
	}
	return volume_wait_ended(v, OP_END_MS) ? 0 : err_set(err, -ETIMEDOUT, "%s after %d seconds", moved, OP_END_MS / 1000);
}

/*
 * Moves the logical volumes back to the physical volume and removes the volume's device, in any
 * state of the volume.  *us receives the longest time for which I/O waited, in microseconds.
 */
static int take_away(const char *name, uint64_t *us, struct err *err)
{
	const dev_t dev = dm_tables_find(name);
	struct volume *v;
	uint64_t moved;
	int r;

	*us = 0;
	if (!dev)
		return 0;
	for (int tries = 0; ; tries++) {
		r = below_detach(dev, !is_served(name), dm_child_swap, &moved, err);
		if (r == -EINPROGRESS)
			err_suffix(err, "when the device works again, run 'eractl detach %s' again", name);
		if (r)
			return r;
		*us = later(*us, moved);
		failpoint(FAILPOINT_BELOW_FREED);
		r = dm_child_remove(name, err);
		if (r != -EBUSY || tries == BELOW_MOVES)
			break;
	}
	if (r == -ETIMEDOUT)
		err_suffix(err, "the logical volumes lie on the physical volume again; when the metadata can be written again, run 'eractl detach %s' again",
			   name);
	if (r && r != -ENXIO)
		return r;
	v = volumes_get(name);
	r = v ? wait_closed(v, err) : 0;
	volume_unref(v);
	return r;
}

/*
 * Refuses to overwrite a file at the default path, even if the caller allows it.  If erad is
 * killed, the next erad assumes that the attach has made the file at this path, and removes the
 * file.
 */
static int check_no_file(const struct eratab_entry *e, struct err *err)
{
	char own[sizeof(ERAD_LIB_DIR) + ERAD_NAME_MAX + 16];
	struct stat st;

	default_metadata(e->name, own, sizeof(own));
	if (strcmp(e->metadata, own) || stat(own, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return 0;
	return err_set(err, -EEXIST, "metadata %.200s is a file that is not empty, and attach overwrites no file there: move the file away, or name another one with --metadata",
		       e->metadata);
}

static int attach_claimed(const struct create_args *a, struct volume **out, struct err *err)
{
	struct eratab_entry *e;
	struct creation *c;
	struct dm_table t;
	struct err why;
	struct lvs lvs = { 0 };
	struct found found;
	uint64_t us;
	int r;

	r = creation_new(a, &c, err);
	if (r)
		return r;
	e = creation_entry(c);
	creation_table(c, &t);
	r = check_first(a, e, t.origin, &found, err);
	if (r)
		goto out_creation;
	/*
	 * Refuse a place that has content: if erad is killed from now on, the next erad removes the
	 * metadata.
	 */
	r = creation_examine(c, err);
	if (!r)
		r = check_no_file(e, err);
	if (r)
		goto out_found;
	e->detaching = true;
	r = table_add(e, err);
	if (r)
		goto out_found;
	failpoint(FAILPOINT_BELOW_LISTED);
	/* Writing the metadata may take long, and commands of LVM can run during the write. */
	r = creation_write(c, err);
	if (r)
		goto out_line;
	failpoint(FAILPOINT_BELOW_WRITTEN);
	r = check_again(a, e, &t, &found, &lvs, err);
	if (r)
		goto out_line;
	failpoint(FAILPOINT_BELOW_LOCKED);
	a->below->nr_lvs = lvs.nr;
	if (!a->below->lvm_rejects) {
		r = lvm_filter_add(LVM_FILTER_FILE, e->origin, err);
		/*
		 * EBUSY: another process has locked the file, so this process has not written to
		 * it.
		 */
		if (r == -EBUSY)
			goto out_line;
		if (r < 0)
			goto out_filter;
	}
	failpoint(FAILPOINT_BELOW_FILTERED);
	r = dm_create_linear(e->name, &t, err);
	if (r && !is_ours(e->name, &t))
		goto out_filter;
	if (!r)
		r = move_lvs(e->name, &t, &lvs, &a->below->us, err);
	if (r)
		goto out_device;
	r = open_claimed(e, OPEN_IN_PLACE, &(struct open_choice){ 0 }, &us, out, err);
	if (r)
		goto out_device;
	a->below->us = later(a->below->us, us);
	failpoint(FAILPOINT_BELOW_TRACKED);
	e->detaching = false;
	r = table_replace(e, ERATAB_KEEP, err);
	if (r) {
		volume_unref(*out);
		goto out_device;
	}
	lvs_free(&lvs);
	lvs_free(&found.lvs);
	creation_keep(c);
	return 0;

out_device:
	/* take_away() takes LVM's locks itself, and works in each state of the logical volumes. */
	lvs_free(&lvs);
	if (take_away(e->name, &us, &why)) {
		err_prefix(err, r, "the attach could not be undone (%s); run 'eractl detach %s' to try again", why.msg, e->name);
		lvs_free(&found.lvs);
		creation_keep(c);
		return r;
	}
out_filter:
	/*
	 * Remove the pattern even if lvm_filter_add() has failed, because the file may contain the
	 * pattern although the pattern is not durable.
	 */
	if (!a->below->lvm_rejects && lvm_filter_remove(LVM_FILTER_FILE, e->origin, &why) < 0) {
		/* Keep the line, because it shows that the pattern must be removed. */
		err_suffix(err, "the attach is not undone completely (%s); run 'eractl detach %s' to try again", why.msg, e->name);
		lvs_free(&lvs);
		lvs_free(&found.lvs);
		creation_keep(c);
		return r;
	}
out_line:
	/*
	 * Release LVM's locks first: hidden_update() waits for udev, and udev's rules may run
	 * commands of LVM.
	 */
	lvs_free(&lvs);
	if (table_remove(e->name, ERATAB_KEEP, &why))
		err_suffix(err, "the attach is not undone completely: %s; as long as /etc/eratab contains the line of the volume, run 'eractl detach %s' to undo the attach", why.msg,
			   e->name);
	/*
	 * Show the origin again, because udev may have hidden it after reading the line of eratab.
	 */
	hidden_update(t.origin, false, HIDDEN_BUSY_MS);
out_found:
	lvs_free(&found.lvs);
out_creation:
	creation_undo(c, err);
	return r;
}

/*
 * Checks the name and the UUID of the volume group.  The name becomes a part of the path of LVM's
 * lock.
 */
static int check_vg_arguments(const struct attach *at, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", more[] = "+_.-";
	char allowed[sizeof(letters) + sizeof(more)];

	snprintf(allowed, sizeof(allowed), "%s%s", letters, more);
	if (at->vg_name && (!*at->vg_name || strlen(at->vg_name) >= DM_NAME_LEN || at->vg_name[strspn(at->vg_name, allowed)]))
		return err_set(err, -EINVAL, "got vg_name '%.150s', expected the name of a volume group", at->vg_name);
	if (at->vg_uuid && (strlen(at->vg_uuid) != PV_UUID_SIZE - 1 || at->vg_uuid[strspn(at->vg_uuid, letters)]))
		return err_set(err, -EINVAL, "got vg_uuid '%.150s', expected 32 letters and digits", at->vg_uuid);
	return 0;
}

/*
 * Only one attach runs at a time.  Otherwise each of two attaches could put its metadata on the
 * volume group of the other, and check_cycle() would not notice this.
 */
static atomic_bool attaching;

int op_attach(const struct create_args *args, struct volume **out, struct err *err)
{
	int r = check_vg_arguments(args->below, err);

	if (r)
		return r;
	if (atomic_exchange(&attaching, true))
		return err_set(err, -EBUSY, "erad is carrying out another attach ('pgrep -af \"eractl attach\"' shows the command); try again when that attach has ended");
	r = create_with(args, attach_claimed, out, err);
	atomic_store(&attaching, false);
	return r;
}

static int detach_claimed(const struct eratab_entry *found, struct detached *out, struct err *err)
{
	struct eratab_entry e = *found;
	struct forgotten left;
	struct err why;
	int r;

	if (!dm_tables_find(e.name)) {
		r = below_check_renamed(e.name, e.origin, err);
		if (r)
			return r;
	}
	r = image_refuse(e.name, dm_tables_find(e.name), err);
	if (r)
		return r;
	if (!e.detaching) {
		r = below_check(dm_tables_find(e.name), e.name, e.origin, err);
		if (r)
			return r;
		e.detaching = true;
		r = table_replace(&e, ERATAB_PUT_BACK, err);
		if (r)
			return err_prefix(err, r, "nothing is detached");
	}
	failpoint(FAILPOINT_BELOW_MARKED);
	r = take_away(e.name, &out->us, err);
	if (r) {
		/*
		 * If the volume is still attached, remove the option "detaching".  EINPROGRESS: the linear
		 * table may still replace the erad table.
		 */
		e.detaching = r == -EINPROGRESS || !below_tracked(dm_tables_find(e.name));
		if (!e.detaching && table_replace(&e, ERATAB_KEEP, &why))
			err_suffix(err, "the volume stays attached, but erad may detach it when it starts: %s", why.msg);
		return r;
	}
	failpoint(FAILPOINT_BELOW_GONE);
	r = lvm_filter_remove(LVM_FILTER_FILE, e.origin, err);
	if (r < 0)
		return r;
	/*
	 * forget_claimed() triggers an event of the origin, so that udev and LVM examine the origin
	 * again.
	 */
	r = forget_claimed(e.name, &left, err);
	free(left.metadata);
	strcpy(out->uuid, left.uuid);
	strcpy(out->same_uuid, left.same_uuid);
	out->kept = left.kept;
	return r ? err_prefix(err, r, "the logical volumes were moved back to %.200s, but the line of the volume cannot be removed from /etc/eratab", e.origin) : 0;
}

/*
 * Detaches the volume.  only_interrupted true: does so only if the volume's line in eratab has the
 * option "detaching", and otherwise returns 1.  EALREADY: see op_end_interrupted().
 */
static int detach(const char *name, bool only_interrupted, struct detached *out, struct err *err)
{
	const struct eratab_entry *e;
	struct claim claim;
	struct eratab tab;
	struct volume *v;
	int r;

	*out = (struct detached){ 0 };
	r = volumes_claim(&claim, name, &v, err);
	if (r)
		return only_interrupted ? -EALREADY : r;
	volume_unref(v);
	r = op_find_entry(name, &tab, &e, err);
	if (!r) {
		r = only_interrupted && !e->detaching ? 1 : detach_claimed(e, out, err);
		eratab_free(&tab);
	} else if (only_interrupted && r == -ENOENT) {
		r = 1;
	}
	volumes_release(&claim);
	return r;
}

int op_detach(const char *name, struct detached *out, struct err *err)
{
	return detach(name, false, out, err);
}

int op_end_interrupted(const char *name, struct err *err)
{
	struct detached unused;

	return detach(name, true, &unused, err);
}

static int end_one(const struct eratab_entry *e, struct err *err)
{
	return e->detaching ? op_end_interrupted(e->name, err) : 1;
}

static const struct recovery recovery = {
	.end = end_one,
	.what = "interrupted attaches",
	.ended = "an attach or a detach was interrupted; the volume is detached",
	.failed = "an attach or a detach was interrupted, as the option 'detaching' in /etc/eratab shows, and cannot be ended now",
};

static void *recover(void *arg)
{
	(void)arg;
	thread_name("erad-recover");
	recover_all(&recovery);
	return NULL;
}

void attach_recover(void)
{
	int r = thread_start_detached(recover, NULL);

	if (r)
		log_error("cannot start a thread that ends interrupted attaches: %s", strerror(-r));
}
