// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes witnesses of origins: see witness.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/witness.h"

int witness_take(int fd, uint64_t size, uint32_t era, struct witness *out, struct err *err)
{
	struct seal known;
	int r;

	memset(out, 0, sizeof(*out));
	/*
	 * Flush first.  A write of an older era may be only in the cache of the disk, and a power
	 * cut may undo it.  Then the place would differ, although nobody has written past erad.
	 */
	if (fsync(fd))
		return err_set(err, -errno, "cannot flush the origin: %m");
	r = seal_take_known(fd, size, WITNESS_PLACES, &known, err);
	if (r)
		return r;
	out->version = htole32(WITNESS_VERSION);
	out->nr = known.nr;
	out->era = htole32(era);
	memcpy(out->place, known.entry, le32toh(known.nr) * sizeof(out->place[0]));
	return 0;
}

int witness_difference(int fd, const struct witness *w, struct err *difference)
{
	char text[SEAL_ENTRY_TEXT];
	uint64_t hash;
	int r;

	for (uint32_t i = 0; i < le32toh(w->nr); i++) {
		const struct seal_entry *e = &w->place[i];

		r = seal_hash_entry(fd, e, &hash);
		if (!r && hash == le64toh(e->hash))
			continue;
		/* The metadata keeps only the first ERAD_GAP_DETAIL bytes of the sentence. */
		if (r)
			err_set(difference, 0, "%s cannot be read: %s", seal_entry_text(e, text), strerror(-r));
		else
			err_set(difference, 0, "without a record since era %" PRIu32 ", %s has changed",
				le32toh(w->era), seal_entry_text(e, text));
		return 1;
	}
	return 0;
}

bool witness_valid(const struct witness *w)
{
	if (le32toh(w->version) != WITNESS_VERSION || le32toh(w->nr) > WITNESS_PLACES || !w->era)
		return false;
	for (uint32_t i = 0; i < le32toh(w->nr); i++)
		if (!w->place[i].length || le32toh(w->place[i].length) > SEAL_PIECE ||
		    le64toh(w->place[i].offset) > UINT64_MAX - SEAL_PIECE)
			return false;
	return true;
}

const char *witness_text(const struct witness *w, char text[WITNESS_TEXT_SIZE])
{
	for (size_t i = 0; i < sizeof(*w); i++)
		snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *)w)[i]);
	return text;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool witness_from_text(const char *text, struct witness *w)
{
	if (strlen(text) != WITNESS_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < sizeof(*w); i++) {
		const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		((uint8_t *)w)[i] = high << 4 | low;
	}
	return true;
}
