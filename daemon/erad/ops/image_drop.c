// SPDX-License-Identifier: GPL-2.0-or-later
/* Drops images of volumes: see image_drop.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/image.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm_child.h"
#include "erad/ops/claim.h"
#include "erad/ops/image_drop.h"
#include "erad/ops/image_note.h"
#include "erad/ops/image_store.h"
#include "erad/volume/past.h"
#include "erad/volume/registry.h"
#include "erad/volume/volume.h"

/* Pause between two checks whether copies have ended. */
#define PAUSE_MS	50

static void pause_between_checks(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
}

void image_volume_look(struct volume *v, struct image_volume *l)
{
	pthread_mutex_lock(&v->lock);
	*l = (struct image_volume){
		.dev = v->dev, .origin = v->origin_dev, .instance_id = v->info.instance_id,
		.nr_sectors = v->info.nr_sectors, .era = v->info.era, .trouble_ms = v->attach_trouble.since_ms,
		.served = v->ready && !strcmp(volume_state(v, NULL), "active"),
	};
	pthread_mutex_unlock(&v->lock);
}

dev_t image_volume_device(const char *name, struct volume *v)
{
	struct image_volume l = { 0 };

	if (v)
		image_volume_look(v, &l);
	return l.dev ? l.dev : dm_tables_find(name);
}

/*
 * Returns whether another device or a program has the mapped device open, or may have it open: the
 * device exists, but cannot be examined.
 */
static bool is_open(dev_t dev)
{
	struct dm_device d;
	bool open;
	int r;

	r = dev ? dm_tables_read(dev, &d, NULL) : -ENXIO;
	if (r)
		return r != -ENXIO;
	open = d.open_count;
	dm_tables_free(&d);
	return open;
}

/*
 * Removes a device of the image, if dev is not 0.  holds: another device, which the removed one keeps open
 * until the kernel has removed it, or 0.
 */
static int remove_device(const char *volume, const char *suffix, dev_t dev, dev_t holds, struct err *err)
{
	char name[DM_NAME_LEN];
	int r;

	if (!dev)
		return 0;
	image_name(volume, suffix, name);
	r = dm_child_remove_within(IMAGE_STORE_MS / 1000, name, "copy-on-write store", err);
	/* If the device is gone and has released the other one, the child only waits for udev. */
	if (r == -ETIMEDOUT && !dm_tables_find(name) && !is_open(holds))
		return 0;
	return r == -ENXIO ? 0 : r;
}

/*
 * Removes NAME-image.  dm-snapshot waits there until the copies of blocks to the copy-on-write store have
 * ended.
 */
static int remove_image(const char *volume, const struct image *image, struct err *err)
{
	const int r = remove_device(volume, IMAGE_SUFFIX, image->image, image->store, err);

	if (r == -ETIMEDOUT)
		err_suffix(err, "when the store works again, run 'eractl image drop %s' again", volume);
	return r;
}

/*
 * Puts the loaded table into use.  Fails if writes to the volume wait for the copy-on-write store, and
 * this store hangs.
 */
static int swap_out(const struct dm_device *d, const char *volume, uint64_t *us, struct err *err)
{
	const int r = dm_child_swap_within(IMAGE_STORE_MS / 1000, d, us, err);

	if (r == -EINPROGRESS)
		err_suffix(err, "when the store works again, run 'eractl image drop %s' again", volume);
	if (r != -ETIMEDOUT)
		return r;
	return err_set(err, r, "/dev/mapper/%s cannot be put back on its origin, because its I/O has not ended within %u seconds; check whether the copy-on-write store of its image hangs; when the store works again, run 'eractl image drop %s' again",
		       d->name, IMAGE_STORE_MS / 1000, volume);
}

/*
 * Refuses a device that somebody has suspended, because replacing its table would resume the
 * device.
 */
static int check_resumed(dev_t device, struct err *err)
{
	struct dm_device d;
	int r = dm_tables_read(device, &d, err);

	if (r)
		return r;
	if (d.suspended)
		r = err_set(err, -EBUSY, "/dev/mapper/%s is suspended; resume it first", d.name);
	dm_tables_free(&d);
	return r;
}

/*
 * Waits until NAME-image has released the store.  If an earlier drop ran out of time, NAME-image has
 * no name any more, but its snapshot target still waits for the copies of blocks to the store, and
 * keeps NAME-image-store open.  The writes to the volume that caused these copies wait, too.  If the
 * table of the volume were replaced now, all I/O of the volume would wait for these writes.
 */
static int await_copies(const char *volume, dev_t store, struct err *err)
{
	const uint64_t until = thread_now_ms() + IMAGE_STORE_MS;

	while (is_open(store)) {
		if (thread_now_ms() >= until)
			return err_set(err, -ETIMEDOUT, "copies to the copy-on-write store have not ended within %u seconds; check whether the store hangs; when it works again, run 'eractl image drop %s' again",
				       IMAGE_STORE_MS / 1000, volume);
		pause_between_checks();
	}
	return 0;
}

/*
 * Puts the volume back on its origin, if it lies on NAME-image-origin, and drops a table that a create or
 * a drop has only loaded.  name: the volume.  *us receives for how long I/O waited.
 */
static int put_back(const char *name, dev_t device, const struct image *image, struct volume *v, uint64_t *us, struct err *err)
{
	struct image_volume before = { 0 };
	struct dm_device d;
	uint64_t began;
	int r;

	*us = 0;
	if (!device || !image->origin)
		return 0;
	r = dm_tables_read(device, &d, err);
	if (r)
		return r;
	/*
	 * If the volume does not lie on NAME-image-origin, drop only the table that a create has
	 * loaded: another loaded table is not erad's.
	 */
	if (d.loaded && (image->below || dm_tables_loaded_is(&d, image_beneath(image->origin), image->origin)))
		dm_tables_clear(&d);
	r = image->below ? await_copies(name, image->store, err) : 0;
	began = thread_now_us();
	if (!r && image->below) {
		if (v)
			image_volume_look(v, &before);
		r = dm_tables_load(&d, image->origin, image_beneath(image->origin), err);
		if (!r)
			r = swap_out(&d, name, us, err);
		if (!r)
			failpoint(FAILPOINT_IMAGE_RETURNED);
	}
	dm_tables_free(&d);
	if (r || !image->below || !v || !before.served)
		return r;
	/*
	 * Return 0 even if erad cannot attach to the new target, because the image is dropped.  The
	 * status of the volume shows the error.
	 */
	if (volume_wait_other(v, before.instance_id, before.trouble_ms, IMAGE_SETTLE_MS, err))
		log_warn("volume %s: the image is dropped, but new writes wait: %s", v->name, err->msg);
	*us = thread_now_us() - began;
	return 0;
}

int image_drop_claimed(const char *name, struct volume *v, uint64_t *us, struct err *err)
{
	const dev_t device = image_volume_device(name, v);
	struct image image;
	bool removing;
	int store, r;

	*us = 0;
	image_look(name, device, &image);
	if (image.state == IMAGE_NONE)
		return err_set(err, -ENOENT, "the volume has no image");
	r = image.below ? check_resumed(device, err) : 0;
	if (r)
		return r;
	/*
	 * Without the other two devices, the image may never have been made, and the content of the
	 * store may belong to another program: do not discard the content.
	 */
	store = image.image || image.origin ? image_store_keep(image.store_beneath) : -1;
	if (v)
		past_image_leaves(v, image.image, image.origin);
	r = remove_image(name, &image, err);
	/* After a timeout, the kernel goes on. */
	removing = r == -ETIMEDOUT;
	if (!r) {
		failpoint(FAILPOINT_IMAGE_GONE);
		r = put_back(name, device, &image, v, us, err);
	}
	if (!r)
		r = remove_device(name, IMAGE_ORIGIN_SUFFIX, image.origin, 0, err);
	if (v && !removing)
		past_image_leaves(v, 0, 0);
	if (!r)
		r = remove_device(name, IMAGE_STORE_SUFFIX, image.store, 0, err);
	if (!r)
		image_store_return(name, store);
	else if (store >= 0)
		close(store);
	return r;
}

int op_image_drop(const char *name, const char *number, uint64_t *us, struct err *err)
{
	struct image image;
	struct claim claim;
	struct volume *v;
	int r;

	r = op_claim(&claim, name, &v, err);
	if (r)
		return r;
	image_look(name, image_volume_device(name, v), &image);
	r = image_note_refuse(name, true, err);
	if (!r && number && image.image && strcmp(image.number, number))
		r = err_set(err, -ENOENT, "the image with the number %s is gone; the volume has another image now, %s%s", number,
			    *image.number ? "of a backup, with the number " : "which 'eractl image create' has made", image.number);
	if (!r)
		r = image_drop_claimed(name, v, us, err);
	volume_unref(v);
	volumes_release(&claim);
	return r;
}
