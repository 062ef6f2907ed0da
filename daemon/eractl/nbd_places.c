// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the places of a seal with an export: see nbd_places.h. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc64.h>

#include "common/files.h"
#include "eractl/content.h"
#include "eractl/nbd_places.h"

#define PLACE_MAX	(1u << 20)	/* limit of the length of a place in a seal */
#define ALIGN		4096u
/* Extents and places begin and end at multiples of this many bytes, or at the end of the volume. */
#define UNIT		512u

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Returns whether the entry of a seal is of a place with other bytes than zeros. */
static bool has_content(const struct seal_entry *e)
{
	static const uint8_t zeros[PLACE_MAX];
	const uint32_t length = le32toh(e->length);

	return length > PLACE_MAX || crc64_ecma_refl(0, zeros, length) != le64toh(e->hash);
}

/* Counts a place of entry e, which has content. */
static void count_content(struct nbd_differing *d, const struct seal_entry *e, bool differs)
{
	d->content++;
	d->content_differs += differs;
	d->same_first |= !differs && !le64toh(e->offset);
}

int nbd_places_compare(struct nbd_target *t, const struct seal *s, bool tolerate, struct nbd_differing *d, struct err *err)
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
		return out_of_memory(err);
	for (uint32_t i = 0; i < nr && !r; i++) {
		const uint64_t offset = le64toh(s->entry[i].offset);
		const uint32_t length = le32toh(s->entry[i].length);
		bool readable = true;

		d->at[i] = length > PLACE_MAX || offset > t->size || length > t->size - offset;
		if (!d->at[i]) {
			r = nbd_target_read(t, buf, length, offset, err);
			readable = !r;
			d->at[i] = !r && crc64_ecma_refl(0, buf, length) != le64toh(s->entry[i].hash);
			/*
			 * Go on with the next place if the server cannot read this one, but not if the
			 * connection has failed: then no place can be read.
			 */
			if (r && tolerate && !t->failed)
				r = 0;
		}
		d->nr += d->at[i];
		if (readable && has_content(&s->entry[i]))
			count_content(d, &s->entry[i], d->at[i]);
	}
	if (r && !t->failed)
		err_suffix(err, "a backup with --full writes all places of the export again");
	free(buf);
	return r;
}

int nbd_places_first(struct nbd_target *t, struct seal *out, struct err *err)
{
	const uint32_t length = t->size < PLACE_MAX ? t->size : PLACE_MAX;
	uint8_t *buf = malloc(PLACE_MAX);
	int r = buf ? nbd_target_read(t, buf, length, 0, err) : out_of_memory(err);

	*out = (struct seal){ .version = htole32(SEAL_VERSION) };
	if (!r) {
		out->nr = htole32(1);
		out->entry[0] = (struct seal_entry){
			.length = htole32(length), .what = htole32(SEAL_FIRST), .hash = htole64(crc64_ecma_refl(0, buf, length)),
		};
	}
	free(buf);
	return r;
}

/* ---- after a backup that was not completed ---- */

/* For each place of a seal: which of its units this backup writes. */
struct written {
	bool unit[SEAL_ENTRIES][PLACE_MAX / UNIT];
};

/* Notes the units of the places that are in the extent. */
static void note_extent(struct written *w, const struct nbd_differing *d, const struct seal *s, const struct content_extent *e)
{
	for (uint32_t i = 0; i < SEAL_ENTRIES; i++) {
		const uint64_t offset = le64toh(s->entry[i].offset), end = offset + le32toh(s->entry[i].length);
		const uint64_t from = e->offset > offset ? e->offset : offset;
		const uint64_t to = e->offset + e->length < end ? e->offset + e->length : end;

		if (!d->at[i] || to <= from || end - offset > PLACE_MAX)
			continue;
		for (uint64_t at = from - offset; at < to - offset; at += UNIT)
			w->unit[i][at / UNIT] = true;
	}
}

/* Returns whether the two buffers have the same bytes in the units that this backup does not write. */
static bool same_elsewhere(const uint8_t *a, const uint8_t *b, uint32_t length, const bool *written)
{
	uint32_t n;

	for (uint32_t at = 0; at < length; at += n) {
		n = length - at < UNIT ? length - at : UNIT;
		if (!written[at / UNIT] && memcmp(a + at, b + at, n))
			return false;
	}
	return true;
}

/* Sets *forgiven to whether the place differs from the volume only in what this backup writes. */
static int judge_place(struct nbd_target *t, const struct compared *volume, const struct seal_entry *e, const bool *written, uint8_t *buf,
		       bool *forgiven, struct err *err)
{
	const uint64_t offset = le64toh(e->offset);
	const uint32_t length = le32toh(e->length);
	size_t done;
	int r;

	*forgiven = false;
	if (length > PLACE_MAX || offset > t->size || length > t->size - offset || offset > volume->size || length > volume->size - offset)
		return 0;
	r = file_read_at(volume->fd, buf, length, offset, &done);
	if (r || done < length)
		return err_set(err, r ? r : -EIO, "%s: cannot read %u bytes at byte %llu: %s", volume->path, length, (unsigned long long)offset,
			       r ? strerror(-r) : "the device ends there");
	r = nbd_target_read(t, buf + PLACE_MAX, length, offset, err);
	if (!r)
		*forgiven = same_elsewhere(buf, buf + PLACE_MAX, length, written);
	return r;
}

int nbd_places_forgive(struct nbd_target *t, const struct backup *b, const struct seal *s, struct nbd_differing *d, struct err *err)
{
	const struct content *c = &b->content;
	struct written *w = calloc(1, sizeof(*w));
	uint8_t *buf = aligned_alloc(ALIGN, 2 * PLACE_MAX);
	struct content_extent e;
	bool forgiven;
	int r = w && buf ? 0 : out_of_memory(err);

	if (!r)
		rewind(c->extents);
	while (!r && fread(&e, sizeof(e), 1, c->extents) == 1) {
		content_align_extent(&e, t->minimum, c->head.size);
		note_extent(w, d, s, &e);
	}
	for (uint32_t i = 0; i < SEAL_ENTRIES && !r; i++) {
		if (!d->at[i])
			continue;
		freeze_alive(&b->freeze);
		r = judge_place(t, &c->device, &s->entry[i], w->unit[i], buf, &forgiven, err);
		d->at[i] = r || !forgiven;
		d->nr -= !d->at[i];
	}
	free(buf);
	free(w);
	return r;
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
