// SPDX-License-Identifier: GPL-2.0-or-later
/* Closes volumes: removes the device, and waits until the metadata is closed. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "erad/device/dm_child.h"
#include "erad/device/hidden.h"
#include "common/identity.h"
#include "common/image.h"
#include "common/sysfs.h"
#include "erad/ops/close.h"
#include "erad/ops/claim.h"
#include "erad/ops/closed.h"
#include "erad/volume/registry.h"

/* Limit, in ms, for a close with its last fold: the journal may be full, and the disk slow. */
#define CLOSE_MS	120000

/*
 * Returns an error if the metadata was not closed cleanly.  Call this when the volume thread has
 * ended.
 */
static int check_closed_cleanly(struct volume *v, struct err *err)
{
	int r;

	pthread_mutex_lock(&v->lock);
	r = v->close_code;
	if (r)
		err_set(err, r,
			"the device is removed, but its metadata %.150s was not closed cleanly: %s; run 'eractl check'; make a full copy if the origin is written before the next open: after a reboot, erad may miss these writes",
			v->metadata, v->close_err.msg);
	pthread_mutex_unlock(&v->lock);
	return r;
}

int op_close(const char *name, struct err *err)
{
	char mapped[DM_NAME_SIZE];
	struct claim claim;
	struct volume *v;
	dev_t dev, origin;
	bool removed;
	int r;

	r = op_claim(&claim, name, &v, err);
	if (r)
		return r;
	if (!v)
		goto out_release;
	pthread_mutex_lock(&v->lock);
	dev = v->dev;
	origin = v->origin_dev;
	pthread_mutex_unlock(&v->lock);
	r = image_refuse(name, dev, err);
	if (r)
		goto out_unref;
	/* Find out the current name of the device, because somebody may have renamed it. */
	if (!dev || dm_name(dev, mapped))
		strcpy(mapped, name);

	r = dm_child_remove(mapped, err);
	if (r == -ENXIO)
		r = 0;
	else if (r == -ETIMEDOUT)
		err_suffix(err, "the removal may go on; when the metadata can be written again, run 'eractl close %s' again", name);
	removed = !r;
	if (!r && !volume_wait_ended(v, CLOSE_MS))
		r = err_set(err, -ETIMEDOUT,
			    "the device is removed, but after %d seconds the metadata is not closed yet",
			    CLOSE_MS / 1000);
	if (!r)
		r = check_closed_cleanly(v, err);
	/*
	 * Show the origin if the next open needs a link that udev hides, or if eratab no longer
	 * lists the volume.  Otherwise keep the origin hidden.
	 */
	if (removed && (identity_names_content(v->origin) || op_known(name, NULL) == -ENOENT))
		hidden_update(origin, false, HIDDEN_BUSY_MS);
out_unref:
	volume_unref(v);
out_release:
	volumes_release(&claim);
	return r;
}
