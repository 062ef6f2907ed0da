// SPDX-License-Identifier: GPL-2.0-or-later
/* Removes the device of a volume from below logical volumes: see below.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "common/below.h"
#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/lvm_filter.h"
#include "common/lvs.h"
#include "common/sysfs.h"
#include "common/uuid.h"

#define OPEN_TRIES	30
#define OPEN_PAUSE_MS	100

/*
 * Sets *origin to the origin of the table: the second parameter of an erad table, or the first
 * parameter of a linear table.  Sets *is_erad to whether it is an erad table.  EOPNOTSUPP: the
 * table is neither an erad table nor a linear table.
 */
static int table_origin(const struct dm_device *d, dev_t *origin, bool *is_erad, struct err *err)
{
	const struct dm_line *l = d->line;
	unsigned int ma, mi;

	*is_erad = d->nr == 1 && !strcmp(l->type, "erad");
	if (d->nr != 1 || !uuid_dm_is_volume(d->uuid) || (!*is_erad && strcmp(l->type, "linear")) ||
	    sscanf(l->params, *is_erad ? "%*s %u:%u" : "%u:%u", &ma, &mi) != 2)
		return err_set(err, -EOPNOTSUPP, "/dev/mapper/%s has a table that erad has not made", d->name);
	*origin = makedev(ma, mi);
	return 0;
}

/*
 * Reads the table of a volume's device into *d, and examines it as table_origin() does.  After a
 * success, the caller frees *d with dm_tables_free().
 */
static int read_volume(dev_t device, struct dm_device *d, dev_t *origin, bool *is_erad, struct err *err)
{
	int r = dm_tables_read(device, d, err);

	if (r)
		return r;
	r = table_origin(d, origin, is_erad, err);
	if (r)
		dm_tables_free(d);
	return r;
}

/*
 * Checks that only logical volumes have the device open.  udev may have the device open for a
 * moment, so this tries several times.
 */
static int check_open(dev_t device, const struct lvs *lvs, struct err *err)
{
	struct dm_device d;
	int r, tries = 0;

	do {
		if (tries)
			nanosleep(&(struct timespec){ .tv_nsec = OPEN_PAUSE_MS * 1000000L }, NULL);
		r = dm_tables_read(device, &d, err);
		if (r)
			return r;
		dm_tables_free(&d);
		if (d.open_count <= (int)lvs->nr)
			return 0;
	} while (++tries < OPEN_TRIES);
	return err_set(err, -EBUSY, "/dev/mapper/%s is in use by others than the logical volumes on it: it is open %d times, expected %u",
		       d.name, d.open_count, lvs->nr);
}

static int make_linear(const struct dm_device *d, dev_t origin, dm_swap_fn *swap, uint64_t *us, struct err *err)
{
	int r = dm_tables_load_linear(d, d->line->length, origin, err);

	return r ? r : swap(d, us, err);
}

/*
 * Replaces the erad table by a linear table, and sets *us to the time for which I/O waited, in
 * microseconds.  From then on, no write waits for erad, so a command of LVM that waits for its
 * write can end and release LVM's locks.  Then takes LVM's locks.
 */
static int pass_and_lock(const struct dm_device *d, dev_t origin, dm_swap_fn *swap, struct lvs *lvs, uint64_t *us, struct err *err)
{
	int r = make_linear(d, origin, swap, us, err);

	if (r)
		return r;
	r = lvs_lock(lvs, origin, err);
	if (r)
		err_suffix(err, "the writes that waited for erad go on, and the volume is not tracked any more: run 'eractl detach' again");
	return r;
}

int below_detach(dev_t device, bool stuck, dm_swap_fn *swap, uint64_t *us, struct err *err)
{
	uint64_t lvs_us = 0;
	struct dm_device d;
	struct lvs lvs;
	bool is_erad;
	dev_t origin;
	int r;

	*us = 0;
	r = read_volume(device, &d, &origin, &is_erad, err);
	if (r)
		return r;
	r = lvs_find(device, 0, &lvs, err);
	if (r)
		goto out_device;
	r = lvs_lock(&lvs, origin, err);
	if (r == -ETIMEDOUT && stuck && is_erad) {
		is_erad = false;
		r = pass_and_lock(&d, origin, swap, &lvs, us, err);
	}
	if (!r)
		r = check_open(device, &lvs, err);
	if (!r)
		r = lvs_load(&lvs, device, origin, err);
	if (r)
		goto out;
	if (is_erad)
		r = make_linear(&d, origin, swap, us, err);
	if (r)
		lvs_clear(&lvs);
	else
		r = lvs_swap(&lvs, swap, &lvs_us, err);
	if (lvs_us > *us)
		*us = lvs_us;
out:
	lvs_free(&lvs);
out_device:
	dm_tables_free(&d);
	return r;
}

int below_pass(dev_t device, dm_swap_fn *swap, uint64_t *us, struct err *err)
{
	struct dm_device d;
	bool is_erad;
	dev_t origin;
	int r;

	*us = 0;
	r = read_volume(device, &d, &origin, &is_erad, err);
	if (r)
		return r;
	if (is_erad)
		r = make_linear(&d, origin, swap, us, err);
	dm_tables_free(&d);
	return r;
}

bool below_tracked(dev_t device)
{
	struct dm_device d;
	bool tracked;

	if (!device || dm_tables_read(device, &d, NULL))
		return false;
	tracked = d.nr == 1 && !strcmp(d.line->type, "erad");
	dm_tables_free(&d);
	return tracked;
}

int below_check(dev_t device, const char *name, const char *origin, struct err *err)
{
	unsigned int nr = 0;
	struct err why;
	struct lvs lvs;
	int has, r;

	/*
	 * If LVM's configuration cannot be read, the logical volumes on the device still show that
	 * the volume was attached.  Writes to the logical volumes may be waiting for the detach.
	 */
	has = lvm_filter_has(LVM_FILTER_FILE, origin, &why);
	if (has > 0)
		return 0;
	if (device) {
		r = lvs_find(device, 0, &lvs, err);
		if (r)
			return r;
		nr = lvs.nr;
		lvs_free(&lvs);
	}
	if (has < 0 && !nr)
		return err_set(err, has, "%s", why.msg);
	return nr ? 0 : err_set(err, -EINVAL, "the volume does not lie below logical volumes; to end a volume that was made with create, use 'eractl close %s' and 'eractl forget %s'",
				name, name);
}

int below_check_renamed(const char *name, const char *origin, struct err *err)
{
	const dev_t lower = blockdev_at(origin);
	char mapped[DM_NAME_SIZE], uuid[256];
	struct dev_links holder;
	int next, r = 0;

	if (!lower)
		return 0;
	dev_links_open(&holder, lower, DEV_HOLDERS);
	while (!r && (next = dev_links_next(&holder)) && next != -ENODEV) {
		if (next < 0)
			r = err_set(err, next, "there is no /dev/mapper/%s, and it is not known whether this device was renamed: cannot read %s to find the devices on %.200s: %s",
				    name, holder.path, origin, strerror(-next));
		else if (!dm_name(holder.dev, mapped) && !blockdev_attribute(holder.dev, "dm/uuid", uuid, sizeof(uuid)) &&
			 uuid_dm_is_volume(uuid))
			r = err_set(err, -EBUSY, "there is no /dev/mapper/%s, and /dev/mapper/%s lies on %.200s: if that device is the device of the volume, give the device its name back with 'dmsetup rename %s %s'",
				    name, mapped, origin, mapped, name);
	}
	dev_links_close(&holder);
	return r;
}
