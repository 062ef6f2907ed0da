// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the origin with the metadata when a target comes: see origin_compare.h. */
#include <errno.h>
#include <string.h>

#include "common/identity.h"
#include "common/seal.h"
#include "erad/base/log.h"
#include "erad/volume/origin.h"
#include "erad/volume/origin_compare.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"
#include "erad/volume/witness.h"

/*
 * Stores the identity of the origin in the metadata.  If the origin is another device than before,
 * sets *other to true, and records a gap.
 */
static int compare_identity(struct volume *v, bool *other, struct err *err)
{
	char text_was[IDENTITY_TEXT], text_now[IDENTITY_TEXT];
	struct identity was, now;
	struct origin_question q;
	struct origin_answer a;
	struct err detail;
	int r;

	store_item(v->store, STORE_IDENTITY, (uint8_t *)&was);
	origin_question(v, ORIGIN_READ_IDENTITY, &q);
	r = origin_read(v, &q, ORIGIN_OPEN_MS, &a, err);
	if (r)
		return r;
	now = a.identity;
	*other = was.version && identity_compare(&was, &now) == IDENTITY_OTHER;
	if (*other) {
		err_set(&detail, 0, "the origin is %.130s now, and was %.130s before", identity_text(&now, text_now),
			identity_text(&was, text_was));
		r = origin_gap(v, ERAD_GAP_ORIGIN, detail.msg, err);
		if (r)
			return r;
	} else if (was.version && identity_compare(&was, &now) == IDENTITY_UNKNOWN) {
		/*
		 * If a property of the origin cannot be read now, keep the former identity, because
		 * the device may only be incomplete at the moment.
		 */
		return 0;
	} else if (was.version) {
		identity_complete(&now, &was);
	}
	return store_set_item(v->store, STORE_IDENTITY, (const uint8_t *)&now, err);
}

/*
 * Compares the origin with the seal, and records a gap if the origin differs or cannot be compared.
 * Returns an error if the comparison has not ended, or if the gap cannot be recorded.
 */
static int compare_seal(struct volume *v, const struct seal *s, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	struct err difference;
	int r;

	if (!s->nr)
		return origin_gap(v, ERAD_GAP_UNKNOWN,
				  "when the volume was closed, the origin was in use already, was written, or could not be read, or the metadata is from a dump of a live volume",
				  err);
	origin_question(v, ORIGIN_READ_SEAL_DIFFERENCE, &q);
	q.seal = *s;
	r = origin_read(v, &q, ORIGIN_OPEN_MS, &a, err);
	if (r)
		return r;
	r = a.code;
	difference = a.err;
	if (!r)
		r = table_note_written_while_closed(v->store, v->origin_dev, &difference);
	return r ? origin_gap(v, r == 1 ? ERAD_GAP_CLOSED : ERAD_GAP_UNKNOWN, difference.msg, err) : 0;
}

int origin_compare(struct volume *v, struct err *err)
{
	bool other;
	union {
		uint8_t bytes[ERAD_HISTORY_SEAL];
		struct seal seal;
	} page;
	int r;

	r = compare_identity(v, &other, err);
	if (r || other)
		return r;
	r = store_seal(v->store, page.bytes);
	if (!r)
		r = compare_seal(v, &page.seal, err);
	else if (r == -ENOENT)
		r = 0;
	else
		err_set(err, r, "cannot read the seal: %s", strerror(-r));
	return r;
}

/* Returns the kind of the gap for a result of witness_compare() that is not 0. */
static enum erad_gap_kind witness_gap(struct volume *v, int code)
{
	struct identity i;

	if (code < 0)
		return ERAD_GAP_UNKNOWN;
	/* If the origin has an identity, origin_compare() has found that it is the same device. */
	store_item(v->store, STORE_IDENTITY, (uint8_t *)&i);
	return code == WITNESS_CONTENT_DIFFERS && !identity_known(&i) ? ERAD_GAP_ORIGIN : ERAD_GAP_CLOSED;
}

int origin_compare_witness(struct volume *v, struct err *err)
{
	uint8_t seal[ERAD_HISTORY_SEAL];
	struct err difference;
	int code, r;

	if (v->activated || !store_seal(v->store, seal))
		return 0;
	r = witness_compare(v, &code, &difference, err);
	if (!r && code)
		r = origin_gap(v, witness_gap(v, code), difference.msg, err);
	return r;
}
