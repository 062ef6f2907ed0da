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
	struct content_id content;
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
	r = content_id_read(fd, &content);
	if (r)
		return err_set(err, r, "cannot read the start of the origin: %s", strerror(-r));
	out->version = htole32(WITNESS_VERSION);
	out->nr = known.nr;
	out->era = htole32(era);
	out->content_kind = content.kind;
	memcpy(out->content_id, content.id, sizeof(out->content_id));
	memcpy(out->place, known.entry, le32toh(known.nr) * sizeof(out->place[0]));
	return 0;
}

/* Compares the device with the content identity in the witness.  Returns as witness_difference(). */
static int content_difference(int fd, const struct witness *w, struct err *difference)
{
	char text_was[CONTENT_ID_TEXT], text_now[CONTENT_ID_TEXT];
	struct content_id was = { .kind = w->content_kind }, now;
	int r;

	if (!was.kind)
		return 0;
	memcpy(was.id, w->content_id, sizeof(was.id));
	r = content_id_read(fd, &now);
	if (r) {
		err_set(difference, 0, "the start of the origin cannot be read: %s", strerror(-r));
		return WITNESS_PLACE_DIFFERS;
	}
	if (!content_id_differs(&was, &now))
		return 0;
	err_set(difference, 0, "the origin has %s now, and had %s in era %" PRIu32, content_id_text(&now, text_now),
		content_id_text(&was, text_was), le32toh(w->era));
	return WITNESS_CONTENT_DIFFERS;
}

int witness_difference(int fd, const struct witness *w, struct err *difference)
{
	char text[SEAL_ENTRY_TEXT];
	uint64_t hash;
	int r;

	r = content_difference(fd, w, difference);
	if (r)
		return r;
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
		return WITNESS_PLACE_DIFFERS;
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
