// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the snapshot of LVM for a backup, and removes it in every case: see backup_lvm.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/dm_tables.h"
#include "common/file_lock.h"
#include "common/members.h"
#include "common/protocol.h"
#include "eractl/backup_lvm.h"
#include "eractl/seen_note.h"

/*
 * Removes the snapshot with the number of this backup, and no other.  ENOENT: there is no such
 * snapshot.
 */
static int drop(struct backup_image *b, struct err *err)
{
	struct lvm_image found = b->lvm;
	int r = lvm_image_look_again(b->volume, &found, err);

	if (r)
		return r;
	if (!found.there || strcmp(found.number, b->number))
		return err_set(err, -ENOENT, "volume %s: there is no snapshot of this backup", b->volume);
	return lvm_image_drop(b->volume, &found, err);
}

static int drop_guarded(void *image, struct err *err)
{
	const int r = drop(image, err);

	/* Nobody can make the snapshot any more, because lvcreate has ended. */
	return r == -ENOENT ? 0 : r;
}

/* If lvm fails, nobody knows whether the snapshot is there: then try again. */
static bool is_left_guarded(void *image)
{
	(void)image;
	return true;
}

static int lock(struct backup_image *b, struct err *err)
{
	char path[sizeof(ERAD_RUN_DIR) + ERAD_NAME_MAX + 32];

	snprintf(path, sizeof(path), ERAD_RUN_DIR "/backup-lvm.%s", b->volume);
	b->lock = file_lock(path, O_RDWR | O_CREAT, 0, err);
	if (b->lock == -EBUSY)
		return err_set(err, -EBUSY, "volume %s: another 'eractl backup --lvm' of this volume is running ('pgrep -af \"eractl backup\"' shows the command); run this backup again when that backup has ended",
			       b->volume);
	return b->lock < 0 ? b->lock : 0;
}

/* Removes the snapshot that a backup has left, if there is one, and refuses any other snapshot. */
static int clear_place(struct backup_image *b, struct err *err)
{
	struct lvm_image again = b->lvm;
	int r;

	if (!b->lvm.there)
		return 0;
	if (!*b->lvm.number)
		return err_set(err, -EEXIST, "volume %s: there is the snapshot %s/%s already, which 'eractl image create --lvm' has made; run 'eractl image drop %s' to remove it",
			       b->volume, b->lvm.vg, b->lvm.name, b->volume);
	r = lvm_image_drop(b->volume, &b->lvm, err);
	/* The guardian of that backup may have removed the snapshot meanwhile. */
	return r && !lvm_image_look_again(b->volume, &again, NULL) && !again.there ? 0 : r;
}

/*
 * Takes what the caller needs to know of the snapshot that was made.  The UUID distinguishes it from a
 * snapshot of the same name that is made later.
 */
static int take(struct backup_image *b, struct err *err)
{
	const dev_t dev = blockdev_at(b->lvm.device);

	b->there = true;
	b->device = b->lvm.device;
	b->dm_uuid = b->lvm_uuid;
	b->token = json_text(b->made, "token");
	if (!b->token)
		return err_set(err, -EBADMSG, "volume %s: the answer of erad to checkpoint has no token", b->volume);
	seen_note(b->token);
	if (!dev || blockdev_attribute(dev, "dm/uuid", b->lvm_uuid, sizeof(b->lvm_uuid)))
		return err_set(err, -ENXIO, "volume %s: the snapshot %s was removed meanwhile; run the backup again", b->volume, b->device);
	return 0;
}

int backup_lvm_make(struct backup_image *b, const char *volume, uint64_t size, struct err *err)
{
	const struct backup_guarded guarded = { .drop = drop_guarded, .left = is_left_guarded, .image = b };
	struct lvm_image_choice choice = { .size = size };
	struct json_object *status;
	struct err why;
	int r;

	b->volume = volume;
	r = lvm_image_look_at(volume, &status, &b->lvm, err);
	if (r)
		return r;
	r = lvm_image_check_size(volume, &b->lvm, size, err);
	if (!r)
		r = lock(b, err);
	/* Look again, because another backup may have ended before this one had the lock. */
	if (!r)
		r = lvm_image_look_again(volume, &b->lvm, err);
	if (!r)
		r = clear_place(b, err);
	if (!r)
		r = backup_image_begin(b, volume, &guarded, err);
	if (!r) {
		choice.number = b->number;
		choice.held = b->guardian.socket;
		r = lvm_image_make(volume, status, &choice, &b->lvm, &b->made, &b->frozen_ms, err);
		/*
		 * If a part of the snapshot may be left, leave it to the guardian, which looks for the
		 * snapshot at once.
		 */
		if (r && drop(b, &why) == -ENOENT)
			backup_guardian_end(&b->guardian);
		else if (r)
			backup_guardian_leave(&b->guardian);
	}
	json_object_put(status);
	return r ? r : take(b, err);
}

/*
 * Returns whether the snapshot has the content of its moment.  The status of a classic snapshot is
 * "USED/TOTAL METADATA", and that of a thin volume "MAPPED HIGHEST".  If the snapshot is not valid, a
 * word such as "Invalid" or "Fail" is in place of the numbers.
 */
static bool is_valid(dev_t dev)
{
	struct dm_device d;
	bool valid;

	if (dm_tables_status(dev, &d, NULL))
		return false;
	valid = d.nr == 1 && (!strcmp(d.line->type, "snapshot") || !strcmp(d.line->type, "thin")) &&
		isdigit((unsigned char)*d.line->params);
	dm_tables_free(&d);
	return valid;
}

int backup_lvm_check(const struct backup_image *b, dev_t dev, struct err *err)
{
	char uuid[DM_UUID_LEN];

	if (blockdev_attribute(dev, "dm/uuid", uuid, sizeof(uuid)) || strcmp(uuid, b->lvm_uuid))
		return err_set(err, -ENXIO, "%s is not the snapshot that was made for this copy, because another command has removed the snapshot; this copy does not count, so run the backup again",
			       b->device);
	if (!is_valid(dev))
		return err_set(err, -EIO, "the snapshot %s has become invalid while it was copied, because it is full or its disk has failed; this copy does not count, so %s",
			       b->device, b->lvm.thin ? "look at the pool with 'lvs -a'" : "give a larger --size");
	return 0;
}

int backup_lvm_drop(struct backup_image *b, struct err *err)
{
	int r;

	r = b->there ? drop(b, err) : 0;
	if (b->lock >= 0)
		close(b->lock);
	b->lock = -1;
	if (!b->there)
		return 0;
	b->there = false;
	b->left = r && r != -ENOENT;
	if (!b->left) {
		backup_guardian_end(&b->guardian);
		return 0;
	}
	backup_guardian_leave(&b->guardian);
	err_suffix(err, "a process in the background tries again for an hour; if the snapshot %s/%s is still there then, run 'eractl image drop %s'",
		   b->lvm.vg, b->lvm.name, b->volume);
	return r;
}
