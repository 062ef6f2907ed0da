// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the places of a seal with an export: see nbd_places.h. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc64.h>

#include "eractl/content.h"
#include "eractl/nbd_places.h"

#define PLACE_MAX	(1u << 20)	/* a seal has no longer place */

int nbd_places_compare(struct nbd_target *t, const struct seal *s, struct nbd_differing *d, struct err *err)
{
	const uint32_t nr = le32toh(s->nr);
	uint8_t *buf;
	int r = 0;

	*d = (struct nbd_differing){ };
	if (le32toh(s->version) != SEAL_VERSION || nr > SEAL_ENTRIES)
		return err_set(err, -EBADMSG, "the seal of the copy at %s has version %u and %u places, expected version %u and at most %u", t->uri,
			       le32toh(s->version), nr, SEAL_VERSION, SEAL_ENTRIES);
	buf = malloc(PLACE_MAX);
	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < nr && !r; i++) {
		const uint64_t offset = le64toh(s->entry[i].offset);
		const uint32_t length = le32toh(s->entry[i].length);

		d->at[i] = length > PLACE_MAX || offset > t->size || length > t->size - offset;
		if (!d->at[i]) {
			r = nbd_target_read(t, buf, length, offset, err);
			d->at[i] = !r && crc64_ecma_refl(0, buf, length) != le64toh(s->entry[i].hash);
		}
		d->nr += d->at[i];
	}
	free(buf);
	return r;
}

void nbd_places_forgive(struct nbd_differing *d, const struct seal *s, FILE *extents)
{
	struct content_extent e;

	rewind(extents);
	while (d->nr && fread(&e, sizeof(e), 1, extents) == 1) {
		for (uint32_t i = 0; i < SEAL_ENTRIES; i++) {
			const uint64_t offset = le64toh(s->entry[i].offset), end = offset + le32toh(s->entry[i].length);

			if (!d->at[i] || end <= e.offset || offset >= e.offset + e.length)
				continue;
			d->at[i] = false;
			d->nr--;
		}
	}
}

void nbd_places_say(const struct nbd_differing *d, const struct seal *s, struct err *out)
{
	char text[SEAL_ENTRY_TEXT];
	uint32_t first = 0;

	while (!d->at[first])
		first++;
	err_set(out, 0, "%u of %u places differ, the first is %s", d->nr,
		le32toh(s->nr), seal_entry_text(&s->entry[first], text));
}
