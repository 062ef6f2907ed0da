// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the image for a backup, and drops it in every case: see backup_image.h. */
#include <errno.h>
#include <string.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/dm_tables.h"
#include "common/image.h"
#include "common/members.h"
#include "eractl/backup_image.h"
#include "eractl/seen_note.h"

/* Drops the image with this number, and no other. */
static int drop(const char *volume, const char *number, struct err *err)
{
	struct json_object *request = client_request("image_drop", volume), *result;
	int r;

	json_object_object_add(request, "backup", json_object_new_string(number));
	r = client_call(request, NULL, NULL, &result, err);
	if (!r)
		json_object_put(result);
	return r;
}

/*
 * Returns whether the image with this number is there, or devices of an image without NAME-image,
 * whose number is not known.
 */
static bool is_left(const char *volume, const char *number)
{
	struct image image;

	image_look(volume, dm_tables_find(volume), &image);
	return image.state != IMAGE_NONE && (!image.image || !strcmp(image.number, number));
}

static int drop_guarded(void *image, struct err *err)
{
	const struct backup_image *b = image;

	return drop(b->volume, b->number, err);
}

static bool is_left_guarded(void *image)
{
	const struct backup_image *b = image;

	return is_left(b->volume, b->number);
}

int backup_image_begin(struct backup_image *b, const char *volume, const struct backup_guarded *guarded, struct err *err)
{
	const int r = image_draw_number(b->number);

	b->volume = volume;
	return r ? err_set(err, r, "cannot draw a random number for the image: %s", strerror(-r)) :
		   backup_guardian_start(&b->guardian, guarded, err);
}

int backup_image_make(struct backup_image *b, const char *volume, struct json_object *request, struct err *err)
{
	const struct backup_guarded guarded = { .drop = drop_guarded, .left = is_left_guarded, .image = b };
	int r = backup_image_begin(b, volume, &guarded, err);

	if (r) {
		json_object_put(request);
		return r;
	}
	json_object_object_add(request, "backup", json_object_new_string(b->number));
	r = client_call(request, NULL, NULL, &b->made, err);
	if (r) {
		b->made = NULL;
		/*
		 * EREMOTEIO: erad has answered that it could not make the image, but parts of the
		 * image may be left.  After any other error, erad may still be making the image.
		 */
		if (r == -EREMOTEIO && !is_left(volume, b->number))
			backup_guardian_end(&b->guardian);
		else
			backup_guardian_leave(&b->guardian);
		return r;
	}
	b->there = true;
	b->device = json_text(b->made, "device");
	b->dm_uuid = json_text(b->made, "dm_uuid");
	b->token = json_text(b->made, "token");
	b->stood_still = json_object_get_double(json_object_object_get(b->made, "stood_still_seconds"));
	seen_note(b->token);
	if (!b->device || !b->dm_uuid || !b->token)
		return err_set(err, -EBADMSG, "volume %s: the answer of erad to image_create has no device, dm_uuid or token", volume);
	return 0;
}

int backup_image_check(const struct backup_image *b, const char *volume, dev_t dev, struct err *err)
{
	char uuid[DM_UUID_LEN];
	struct image image;

	if (blockdev_attribute(dev, "dm/uuid", uuid, sizeof(uuid)) || strcmp(uuid, b->dm_uuid))
		return err_set(err, -ENXIO, "%s is not the image that was made for this copy, because another command has dropped the image; this copy does not count, so run the backup again",
			       b->device);
	image_look(volume, dm_tables_find(volume), &image);
	if (image.image != dev)
		return err_set(err, -ENXIO, "the image %s was dropped before it was copied completely; this copy does not count, so run the backup again",
			       b->device);
	if (image.state == IMAGE_INVALID)
		return err_set(err, -EIO, "the image %s has become invalid while it was copied, because its copy-on-write store is full or has failed; this copy does not count, so name a larger or another store with --cow",
			       b->device);
	if (image.state != IMAGE_VALID)
		return err_set(err, -EIO, "the image %s is %s, expected valid: volume %s does not lie on /dev/mapper/%s" IMAGE_ORIGIN_SUFFIX " any more, so its writes change the image; this copy does not count, so run the backup again",
			       b->device, image_state_name(image.state), volume, volume);
	return 0;
}

int backup_image_drop(struct backup_image *b, const char *volume, struct err *err)
{
	int r;

	if (!b->there)
		return 0;
	r = drop(volume, b->number, err);
	b->there = false;
	b->left = r && is_left(volume, b->number);
	if (!b->left) {
		backup_guardian_end(&b->guardian);
		return 0;
	}
	backup_guardian_leave(&b->guardian);
	return err_prefix(err, r, "volume %s: the image is not dropped yet; a process in the background tries again for an hour; if the image is still there then, run 'eractl image drop %s'",
			  volume, volume);
}
