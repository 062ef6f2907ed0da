// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks the device of a closed volume: see closed.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/identity.h"
#include "common/origin_count.h"
#include "common/seal.h"
#include "common/seen.h"
#include "common/table_state.h"
#include "eractl/closed.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"
#include "eractl/seen_note.h"
#include "store/history.h"
#include "store/moment.h"

/* What the metadata says about the device. */
struct closed {
	struct store_info info;
	struct identity identity;
	/* The other device that was on the origin: see metadata_past().  "": none. */
	char past[PAST_NOTE_TEXT];
	struct table_note note;
	union {
		uint8_t bytes[ERAD_HISTORY_SEAL];
		struct seal seal;
	} page;
};

_Static_assert(sizeof(struct identity) == ERAD_HISTORY_ITEM, "an identity is an item");

/*
 * Compares the metadata with the newest token that eractl has noted, as an open does: see
 * common/seen.h.
 */
static int check_noted(const char *metadata, struct store *s, const struct store_info *info, struct err *err)
{
	struct token noted;
	const int r = seen_note_read(info->uuid, &noted);

	if (r && r != -ENOENT)
		complain("%s: cannot read the newest token in " ERAD_SEEN_DIR ": %s; so eractl cannot notice whether the metadata was put back from an older copy",
			 metadata, strerror(-r));
	if (r || store_knows_noted(s, &noted))
		return 0;
	return err_set(err, -ESTALE, "%s: the metadata, in era %" PRIu32 ", does not know the noted era %" PRIu32 ": it is an older copy, or of a clone with the same UUID, and lacks writes; open the volume, so that every block counts as written, and name the volume instead of its metadata",
		       metadata, info->era, noted.era);
}

/* Returns whether the device can be the origin itself.  If not, it may be a snapshot of the origin. */
static bool can_be_origin(const struct compared *device, const struct closed *c)
{
	struct identity now;

	if (!device->dev || !c->identity.version)
		return device->dev;
	identity_of(device->dev, c->info.nr_sectors, &now);
	return identity_compare(&c->identity, &now) != IDENTITY_OTHER;
}

/*
 * Reads the metadata of a closed volume.  to: receives the token of the metadata's era; may be
 * NULL.
 */
static int read_closed(const char *metadata, const struct compared *device, struct closed *c, struct token *to, struct err *err)
{
	struct engine *engine;
	struct store *s;
	int r;

	r = metadata_open(metadata, ENGINE_READ, &engine, err);
	if (!r)
		r = store_open(engine, STORE_READ, &s, err);
	if (r)
		return r;
	store_info(s, &c->info);
	store_item(s, STORE_IDENTITY, (uint8_t *)&c->identity);
	metadata_past(s, c->past);
	store_item(s, STORE_TABLE_NOTE, (uint8_t *)&c->note);
	/* An older copy of the metadata and a snapshot of the origin may be of the same moment. */
	r = can_be_origin(device, c) ? check_noted(metadata, s, &c->info, err) : 0;
	if (r)
		goto out;
	r = store_seal(s, c->page.bytes);
	if (r == -ENOENT || (!r && !c->page.seal.nr))
		r = err_set(err, -ENODATA, "%s: it has no seal of the device, because the volume was not closed properly, or the device was in use at the close; so it is not known whether the device was written since the close: open and close the volume",
			    metadata);
	else if (r)
		err_set(err, r, "%s: the seal of the device cannot be read", metadata);
	else if (to && !store_token(s, c->info.era, to))
		r = err_set(err, -ENODATA, "%s: the metadata does not know the timeline of its era: open and close the volume",
			    metadata);
out:
	store_close(s, false, NULL);
	return r;
}

/* Sets boot to the kernel's boot_id, or to "" if it cannot be read. */
static void read_boot(char *boot, int size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(boot, size, f))
		*boot = 0;
	if (f)
		fclose(f);
	boot[strcspn(boot, "\n")] = 0;
}

/*
 * Compares the kernel's counter of writes to the device, as an open does: a small write may miss all
 * places that the seal contains.  In the boot of the close, compares the counter with its value at the
 * close.  In a later boot, the counter of the origin must be 0.
 */
static int compare_count(const struct compared *device, const struct closed *c, struct err *err)
{
	char boot[sizeof(c->note.boot)];
	struct origin_count now;

	read_boot(boot, sizeof(boot));
	compared_count(device, &now);
	if (table_note_is_of_close(&c->note, boot) && origin_count_written(&c->note.origin, &now))
		return err_set(err, -ESTALE, "%s was written since its volume was closed: the kernel's counter of sectors written was %" PRIu64 " at the close, and is %" PRIu64 "; open the volume, so that every block counts as written, and name the volume instead of its metadata",
			       device->path, (uint64_t)le64toh(c->note.origin.sectors), (uint64_t)le64toh(now.sectors));
	if (table_note_is_of_close(&c->note, boot) && origin_count_written_anew(&c->note.origin, &now, device->dev) &&
	    can_be_origin(device, c))
		return err_set(err, -ESTALE, "%s appeared again after its volume was closed, and then %" PRIu64 " sectors were written to it; open the volume, so that every block counts as written, and name the volume instead of its metadata",
			       device->path, (uint64_t)le64toh(now.sectors));
	if (table_note_is_of_earlier_boot(&c->note, boot) && now.known && now.sectors && origin_count_is_of_content(device->dev) &&
	    can_be_origin(device, c))
		return err_set(err, -ESTALE, "%s was written in this boot, %" PRIu64 " sectors, and its volume was closed in an earlier boot; open the volume, so that every block counts as written, and name the volume instead of its metadata",
			       device->path, (uint64_t)le64toh(now.sectors));
	return 0;
}

static int compare_content(const char *metadata, const struct compared *device, const struct closed *c, struct err *err)
{
	int r = compare_count(device, c, err);

	if (r)
		return r;
	r = seal_compare(device->fd, c->info.nr_sectors * ERAD_SECTOR, &c->page.seal, err);
	if (r == 1)
		return err_prefix(err, -ESTALE, "%s was written since its volume was closed, or is another device; open the volume, so that every block counts as written, and name the volume instead of its metadata",
				  device->path);
	return r ? err_prefix(err, r, "%s: cannot compare it with the seal in %s", device->path, metadata) : 0;
}

int closed_compare(const char *metadata, const struct compared *device, struct err *err)
{
	struct closed c;
	int r = read_closed(metadata, device, &c, NULL, err);

	return r ? r : compare_content(metadata, device, &c, err);
}

int closed_check(const char *metadata, const struct compared *device, struct token *to, struct err *err)
{
	char was[IDENTITY_TEXT], is[IDENTITY_TEXT];
	struct identity now;
	struct closed c;
	int r;

	r = read_closed(metadata, device, &c, to, err);
	if (r)
		return r;
	if (*c.past)
		return err_set(err, -ESTALE, "%s: %s used the origin itself, past the volume, when erad looked last, so later writes may have gone past erad, and no gap shows them yet; free the origin if it is still in use, open the volume, which records the gap if there is one, and close the volume",
			       metadata, c.past);
	if (device->dev && !device->exclusive)
		return err_set(err, -EBUSY, "%s is in use, for example mounted, although its volume is closed; end this use, and open the volume, which notices if the device was written",
			       device->path);
	if (device->dev) {
		identity_of(device->dev, c.info.nr_sectors, &now);
		if (c.identity.version && identity_compare(&c.identity, &now) == IDENTITY_OTHER)
			return err_set(err, -ESTALE, "%s is not the device of %s: expected %s, got %s", device->path, metadata,
				       identity_text(&c.identity, was), identity_text(&now, is));
	}
	return compare_content(metadata, device, &c, err);
}
