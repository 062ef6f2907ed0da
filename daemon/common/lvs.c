// SPDX-License-Identifier: GPL-2.0-or-later
/* Moves the logical volumes of a physical volume to another block device: see lvs.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/dev_links.h"
#include "common/failpoint.h"
#include "common/file_lock.h"
#include "common/image.h"
#include "common/lvs.h"

#define LOCK_S		10

static bool names(const struct dm_device *d, dev_t dev)
{
	for (unsigned int i = 0; i < d->nr; i++)
		if (dm_line_names(&d->line[i], dev))
			return true;
	return false;
}

/*
 * Refuses a device that dm_tables_check_settled() refuses, or whose table names `lower` in a target
 * that is neither linear nor striped.  The caller must hold LVM's locks, because a running command
 * of LVM suspends devices and loads tables for a moment, and this function would refuse these
 * devices.
 */
static int check(const struct dm_device *d, dev_t lower, struct err *err)
{
	int r = dm_tables_check_settled(d, err);

	if (r)
		return r;
	for (unsigned int i = 0; i < d->nr; i++) {
		const struct dm_line *l = &d->line[i];

		if (dm_line_names(l, lower) && strcmp(l->type, "linear") && strcmp(l->type, "striped"))
			return err_set(err, -EOPNOTSUPP,
				       "/dev/mapper/%s uses the device in a table of type %s, expected linear or striped; if pvmove is running, wait until it has ended",
				       d->name, l->type);
	}
	return 0;
}

/*
 * Returns whether the inactive table was loaded for a move between `lower` and `other` by a process
 * that was killed.
 */
static bool loaded_is_ours(const struct dm_device *d, dev_t lower, dev_t other)
{
	return other && (dm_tables_loaded_is(d, lower, other) || dm_tables_loaded_is(d, other, lower));
}

/*
 * Drops the inactive tables of a move that was killed, and keeps in the list only the devices to
 * move.  The caller must hold LVM's locks.
 */
static int settle(struct lvs *l, dev_t other, struct err *err)
{
	const unsigned int nr = l->nr;
	int r = 0;

	l->nr = 0;
	for (unsigned int i = 0; i < nr; i++) {
		struct dm_device *d = &l->lv[i];

		if (!r && loaded_is_ours(d, l->lower, other)) {
			dm_tables_clear(d);
			d->loaded = false;
		}
		if (!r)
			r = check(d, l->lower, err);
		if (!r && names(d, l->lower))
			l->lv[l->nr++] = *d;
		else
			dm_tables_free(d);
	}
	return r;
}

/*
 * Makes the error for a device that uses l->lower and is not a logical volume.  name: its name
 * below /dev.
 */
static int refuse_foreign(const struct lvs *l, const char *name, struct err *err)
{
	return err_set(err, -EOPNOTSUPP, "/dev/%s uses device %u:%u and is not a logical volume of LVM; remove /dev/%s first",
		       name, major(l->lower), minor(l->lower), name);
}

static int add(struct lvs *l, dev_t dev, struct err *err)
{
	char name[sizeof("mapper/") + DM_NAME_LEN];
	struct dm_device d, *more;
	int r;

	r = dm_tables_read(dev, &d, err);
	if (r)
		return r == -ENXIO ? 0 : r;	/* the device was removed after it was listed */
	if (image_uuid_on_origin(d.uuid)) {
		image_cut_name(d.name, d.uuid);
		r = err_set(err, -EBUSY, "volume %s lies on this device: detach or close volume %s first", d.name, d.name);
	} else if (image_uuid_is_store(d.uuid)) {
		r = err_set(err, -EBUSY, "/dev/mapper/%s, the copy-on-write store of an image, lies on this device: drop the image first", d.name);
	} else if (strncmp(d.uuid, "LVM-", 4)) {
		snprintf(name, sizeof(name), "mapper/%s", d.name);
		r = refuse_foreign(l, name, err);
	}
	if (!r) {
		more = realloc(l->lv, (l->nr + 1) * sizeof(*l->lv));
		if (more) {
			l->lv = more;
			l->lv[l->nr++] = d;
			return 0;
		}
		r = err_set(err, -ENOMEM, "out of memory");
	}
	dm_tables_free(&d);
	return r;
}

static void free_devices(struct lvs *l)
{
	for (unsigned int i = 0; i < l->nr; i++)
		dm_tables_free(&l->lv[i]);
	free(l->lv);
	l->lv = NULL;
	l->nr = 0;
}

static int find(struct lvs *l, struct err *err)
{
	struct dev_links holder;
	int next, r = 0;

	dev_links_open(&holder, l->lower, DEV_HOLDERS);
	while (!r && (next = dev_links_next(&holder))) {
		if (next < 0)
			r = err_set(err, next, "cannot read %s: %s", holder.path, strerror(-next));
		else if (strncmp(holder.name, "dm-", 3))
			r = refuse_foreign(l, holder.name, err);
		else if (holder.dev != l->but)
			r = add(l, holder.dev, err);
	}
	dev_links_close(&holder);
	return r;
}

int lvs_find(dev_t lower, dev_t but, struct lvs *out, struct err *err)
{
	int r;

	*out = (struct lvs){ .lower = lower, .but = but };
	r = find(out, err);
	if (r)
		lvs_free(out);
	return r;
}

void lvs_free(struct lvs *l)
{
	free_devices(l);
	lvs_unlock(l);
	*l = (struct lvs){ 0 };
}

void lvs_unlock(struct lvs *l)
{
	for (unsigned int i = 0; i < l->nr_locks; i++)
		close(l->lock[i].fd);
	free(l->lock);
	l->lock = NULL;
	l->nr_locks = 0;
}

/*
 * Sets vg to the name of the volume group of the mapped device `name`: the part before the first
 * single '-'.  A "--" in this part stands for a '-'.
 */
static void vg_name(const char *name, char *vg)
{
	while (*name && !(name[0] == '-' && name[1] != '-')) {
		if (*name == '-')
			name++;
		*vg++ = *name++;
	}
	*vg = 0;
}

static int lock_vg(struct lvs *l, const char *vg, struct err *err)
{
	char path[sizeof(LVM_LOCK_DIR) + DM_NAME_LEN + 8];
	struct lvs_lock *more;
	int fd;

	if ((mkdir("/run/lock", 0755) && errno != EEXIST) || (mkdir(LVM_LOCK_DIR, 0700) && errno != EEXIST))
		return err_set(err, -errno, "cannot make %s: %m", LVM_LOCK_DIR);
	more = realloc(l->lock, (l->nr_locks + 1) * sizeof(*l->lock));
	if (!more)
		return err_set(err, -ENOMEM, "out of memory");
	l->lock = more;
	snprintf(path, sizeof(path), LVM_LOCK_DIR "/V_%s", vg);
	fd = file_lock(path, O_RDWR | O_CREAT | O_APPEND, LOCK_S, err);
	if (fd == -EBUSY)
		return err_set(err, -ETIMEDOUT, "a command of LVM has held the lock of volume group %s for %d seconds ('lslocks' shows the command at %s); try again when the command has ended",
			       vg, LOCK_S, path);
	if (fd < 0)
		return fd;
	strcpy(l->lock[l->nr_locks].vg, vg);
	l->lock[l->nr_locks++].fd = fd;
	return 0;
}

static bool has_lock(const struct lvs *l, const char *vg)
{
	for (unsigned int n = 0; n < l->nr_locks; n++)
		if (!strcmp(vg, l->lock[n].vg))
			return true;
	return false;
}

/*
 * Locks l->vg and the volume groups of the listed devices, if they are not locked yet.  Returns the
 * number of new locks, or a negative errno.
 */
static int lock_more(struct lvs *l, struct err *err)
{
	char vg[DM_NAME_LEN];
	int r = 0, taken = 0;

	if (l->vg && !has_lock(l, l->vg)) {
		r = lock_vg(l, l->vg, err);
		taken += !r;
	}
	for (unsigned int i = 0; i < l->nr && !r; i++) {
		vg_name(l->lv[i].name, vg);
		if (has_lock(l, vg))
			continue;
		r = lock_vg(l, vg, err);
		taken += !r;
	}
	return r ? r : taken;
}

int lvs_lock(struct lvs *l, dev_t other, struct err *err)
{
	int r;

	/*
	 * List the devices again after each new lock.  Before the lock was taken, a command of LVM
	 * may have changed the devices and their tables.
	 */
	while ((r = lock_more(l, err)) > 0) {
		free_devices(l);
		r = find(l, err);
		if (r)
			return r;
	}
	return r ? r : settle(l, other, err);
}

static bool same_tables(const struct dm_device *a, const struct dm_device *b)
{
	bool same = a->nr == b->nr;

	for (unsigned int i = 0; same && i < a->nr; i++)
		same = a->line[i].start == b->line[i].start && a->line[i].length == b->line[i].length &&
		       !strcmp(a->line[i].type, b->line[i].type) && !strcmp(a->line[i].params, b->line[i].params);
	return same;
}

static const struct dm_device *find_same(const struct lvs *l, const struct dm_device *d)
{
	for (unsigned int i = 0; i < l->nr; i++)
		if (l->lv[i].dev == d->dev && !strcmp(l->lv[i].uuid, d->uuid))
			return &l->lv[i];
	return NULL;
}

int lvs_compare(const struct lvs *before, const struct lvs *now, struct err *err)
{
	const struct dm_device *was;

	for (unsigned int i = 0; i < now->nr; i++) {
		const struct dm_device *d = &now->lv[i];

		was = find_same(before, d);
		if (!was)
			return err_set(err, -EBUSY, "/dev/mapper/%s was added", d->name);
		if (strcmp(was->name, d->name))
			return err_set(err, -EBUSY, "/dev/mapper/%s was renamed to %s", was->name, d->name);
		if (!same_tables(was, d))
			return err_set(err, -EBUSY, "/dev/mapper/%s has another table now", d->name);
	}
	for (unsigned int i = 0; i < before->nr; i++)
		if (!find_same(now, &before->lv[i]))
			return err_set(err, -EBUSY, "/dev/mapper/%s is gone", before->lv[i].name);
	return 0;
}

void lvs_clear(const struct lvs *l)
{
	for (unsigned int i = 0; i < l->nr; i++)
		dm_tables_clear(&l->lv[i]);
}

int lvs_load(struct lvs *l, dev_t from, dev_t to, struct err *err)
{
	int r = 0;

	for (unsigned int i = 0; i < l->nr && !r; i++)
		r = dm_tables_load(&l->lv[i], from, to, err);
	if (r)
		lvs_clear(l);
	return r;
}

/* Makes the old tables of the first nr devices live again. */
static void swap_back(const struct lvs *l, unsigned int nr, dm_swap_fn *swap, struct err *err)
{
	struct err first = *err, why;
	uint64_t us;

	for (unsigned int i = 0; i < nr; i++)
		if (dm_tables_load(&l->lv[i], 0, 0, &why) || swap(&l->lv[i], &us, &why))
			err_set(err, 0, "%s; undoing this failed, too: /dev/mapper/%s still has its new table: %s", first.msg, l->lv[i].name,
				why.msg);
}

int lvs_swap(struct lvs *l, dm_swap_fn *swap, uint64_t *us, struct err *err)
{
	struct err none;
	uint64_t one;

	if (!err)
		err = &none;
	*us = 0;
	for (unsigned int i = 0; i < l->nr; i++) {
		const int r = swap(&l->lv[i], &one, err);

		if (r) {
			lvs_clear(l);
			swap_back(l, i, swap, err);
			return r;
		}
		failpoint(FAILPOINT_BELOW_SWAPPED);
		if (one > *us)
			*us = one;
	}
	return 0;
}
