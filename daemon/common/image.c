// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the image of a volume, and the origin beneath the image: see image.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/dm_tables.h"
#include "common/image.h"
#include "common/protocol.h"
#include "common/uuid.h"

static bool ends_with(const char *text, const char *end)
{
	const size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

/* Returns whether the text begins with a number, which may be followed by anything but a digit. */
static bool begins_with_number(const char *text)
{
	return strspn(text, "0123456789abcdef") == IMAGE_NUMBER_SIZE - 1;
}

static bool is_numbered(const char *kind, const char *suffix)
{
	return *kind == '-' && begins_with_number(kind + 1) && !strcmp(kind + IMAGE_NUMBER_SIZE, suffix);
}

/*
 * Returns whether erad has made the device with this UUID for an image.  suffix: a suffix of
 * image.h.
 */
static bool uuid_is(const char *uuid, const char *suffix)
{
	const char *kind = uuid_dm_rest(uuid);

	if (!kind)
		return false;
	if (!strcmp(suffix, IMAGE_BACKUP_SUFFIX) || !strcmp(suffix, IMAGE_TOGETHER_SUFFIX))
		return is_numbered(kind, suffix);
	return !strcmp(kind, suffix) || (!strcmp(suffix, IMAGE_SUFFIX) &&
					 (is_numbered(kind, IMAGE_BACKUP_SUFFIX) || is_numbered(kind, IMAGE_TOGETHER_SUFFIX)));
}

bool image_is_origin(dev_t dev)
{
	char uuid[DM_UUID_LEN];

	return dev && !blockdev_attribute(dev, "dm/uuid", uuid, sizeof(uuid)) && uuid_is(uuid, IMAGE_ORIGIN_SUFFIX);
}

bool image_uuid_on_origin(const char *dm_uuid)
{
	return uuid_dm_is_volume(dm_uuid) || uuid_is(dm_uuid, IMAGE_ORIGIN_SUFFIX) || uuid_is(dm_uuid, IMAGE_SUFFIX);
}

bool image_uuid_is_store(const char *dm_uuid)
{
	return uuid_is(dm_uuid, IMAGE_STORE_SUFFIX);
}

dev_t image_beneath(dev_t dev)
{
	struct dev_links beneath;

	if (!image_is_origin(dev))
		return dev;
	dev_links_open(&beneath, dev, DEV_SLAVES);
	if (dev_links_next(&beneath) > 0)
		dev = beneath.dev;
	dev_links_close(&beneath);
	return dev;
}

void image_cut_name(char *name, const char *uuid)
{
	static const char *const suffixes[] = { IMAGE_ORIGIN_SUFFIX, IMAGE_SUFFIX };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (uuid_is(uuid, suffixes[i]) && ends_with(name, suffixes[i]))
			name[strlen(name) - strlen(suffixes[i])] = 0;
}

const char *image_state_name(enum image_state state)
{
	static const char *const names[] = {
		[IMAGE_VALID] = "valid", [IMAGE_INVALID] = "invalid", [IMAGE_INTERRUPTED] = "interrupted",
	};

	return names[state];
}

int image_draw_number(char number[IMAGE_NUMBER_SIZE])
{
	uint64_t drawn;

	if (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
		return -errno;
	snprintf(number, IMAGE_NUMBER_SIZE, "%016" PRIx64, drawn);
	return 0;
}

bool image_is_number(const char *text)
{
	return begins_with_number(text) && !text[IMAGE_NUMBER_SIZE - 1];
}

void image_numbered_kind(const char *number, const char *suffix, char kind[IMAGE_KIND_SIZE])
{
	snprintf(kind, IMAGE_KIND_SIZE, "-%.*s%s", (int)IMAGE_NUMBER_SIZE - 1, number, suffix);
}

void image_name(const char *volume, const char *suffix, char name[DM_NAME_LEN])
{
	snprintf(name, DM_NAME_LEN, "%.*s%s", ERAD_NAME_MAX, volume, suffix);
}

/*
 * Reads the table of a device of the volume's image.  Returns the number of the device; the caller
 * then frees the table.  Returns 0 if erad has made no such device.
 */
static dev_t find_ours(const char *volume, const char *suffix, struct dm_device *d)
{
	char name[DM_NAME_LEN];
	dev_t dev;

	image_name(volume, suffix, name);
	dev = dm_tables_find(name);
	if (!dev || dm_tables_read(dev, d, NULL))
		return 0;
	if (uuid_is(d->uuid, suffix))
		return dev;
	dm_tables_free(d);
	return 0;
}

/* Reads the status of the snapshot target, which is "USED/TOTAL METADATA" in sectors. */
static void look_at_snapshot(struct image *out)
{
	struct dm_device d;
	uint64_t used;

	/*
	 * If the image is invalid, another text is in place of the numbers, for example "Invalid".
	 */
	out->state = IMAGE_INVALID;
	if (dm_tables_status(out->image, &d, NULL))
		return;
	if (d.nr == 1 && !strcmp(d.line->type, "snapshot") && sscanf(d.line->params, "%" SCNu64 "/", &used) == 1) {
		out->store_used = used * 512;
		out->state = IMAGE_VALID;
	}
	dm_tables_free(&d);
}

static void look_at_store(const struct dm_device *d, struct image *out)
{
	unsigned int ma, mi;

	if (d->nr != 1 || sscanf(d->line->params, "%u:%u", &ma, &mi) != 2)
		return;
	out->store_beneath = makedev(ma, mi);
	out->store_size = d->line->length * 512;
}

static bool lies_on(dev_t device, dev_t origin)
{
	struct dm_device d;
	bool found = false;

	if (!device || !origin || dm_tables_read(device, &d, NULL))
		return false;
	for (unsigned int i = 0; i < d.nr; i++)
		found |= dm_line_names(&d.line[i], origin);
	dm_tables_free(&d);
	return found;
}

void image_look(const char *volume, dev_t device, struct image *out)
{
	struct dm_device d;

	*out = (struct image){ .state = IMAGE_NONE };
	out->origin = find_ours(volume, IMAGE_ORIGIN_SUFFIX, &d);
	if (out->origin)
		dm_tables_free(&d);
	out->below = lies_on(device, out->origin);
	out->store = find_ours(volume, IMAGE_STORE_SUFFIX, &d);
	if (out->store) {
		look_at_store(&d, out);
		dm_tables_free(&d);
	}
	out->image = find_ours(volume, IMAGE_SUFFIX, &d);
	if (out->image) {
		if (uuid_is(d.uuid, IMAGE_BACKUP_SUFFIX))
			snprintf(out->number, sizeof(out->number), "%s", uuid_dm_rest(d.uuid) + 1);
		else if (uuid_is(d.uuid, IMAGE_TOGETHER_SUFFIX))
			snprintf(out->together, sizeof(out->together), "%s", uuid_dm_rest(d.uuid) + 1);
		out->in_use = d.open_count;
		dm_tables_free(&d);
		look_at_snapshot(out);
	}
	if ((out->image || out->origin || out->store) && !(out->image && out->below))
		out->state = IMAGE_INTERRUPTED;
}

int image_refuse(const char *volume, dev_t device, struct err *err)
{
	struct image image;

	image_look(volume, device, &image);
	if (image.state == IMAGE_NONE)
		return 0;
	return err_set(err, -EBUSY, "the volume has an image, /dev/mapper/%s%s, which is %s; run 'eractl image drop %s' first",
		       volume, image.image ? IMAGE_SUFFIX : image.origin ? IMAGE_ORIGIN_SUFFIX : IMAGE_STORE_SUFFIX,
		       image_state_name(image.state), volume);
}
