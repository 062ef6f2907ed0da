// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the origin of a volume with its identity and its seal in the metadata: see origin.h. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/eratab.h"
#include "common/image.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "common/identity.h"
#include "common/seal.h"
#include "erad/volume/origin.h"
#include "erad/volume/registry.h"
#include "erad/volume/table_note.h"
#include "erad/volume/volume.h"
#include "erad/volume/witness.h"
#include "store/history.h"

#define CLAIM_TRIES	20
#define CLAIM_PAUSE_US	50000

_Static_assert(sizeof(struct identity) == ERAD_HISTORY_ITEM, "an identity is an item");

void origin_question(const struct volume *v, enum origin_read what, struct origin_question *q)
{
	memset(q, 0, sizeof(*q));
	q->what = what;
	/*
	 * Do not use the path in eratab: if somebody has made the table by hand, eratab may name
	 * another origin.
	 */
	q->dev = v->origin_dev;
	q->instance = v->info.instance_id;
	q->size = v->info.nr_sectors * ERAD_SECTOR;
}

/* How long a read may go on when erad is stopping. */
struct patience {
	struct volume *v;
	unsigned int ms;
	uint64_t until;		/* 0: erad is not stopping */
};

static bool patience_ends(void *ctx)
{
	struct patience *p = ctx;
	bool stop;

	pthread_mutex_lock(&p->v->lock);
	stop = p->v->stop;
	pthread_mutex_unlock(&p->v->lock);
	if (stop && !p->until)
		p->until = thread_now_ms() + p->ms;
	return stop && thread_now_ms() >= p->until;
}

int origin_read(struct volume *v, const struct origin_question *q, unsigned int ms, struct origin_answer *a,
		struct err *err)
{
	struct origin_asked *asked = q->what == ORIGIN_READ_IDENTITY ? &v->asked_identity : &v->asked;
	struct patience p = { .v = v };

	if ((v->asked_identity.fd >= 0 || v->asked.fd >= 0) && ms > ORIGIN_AGAIN_MS)
		ms = ORIGIN_AGAIN_MS;
	return origin_ask(asked, q, ms, patience_ends, &p, a, err);
}

int origin_refuse_gap(const struct volume *v, enum erad_gap_kind kind, const char *detail, struct err *err)
{
	if (!v->refuse_gap || v->activated)
		return 0;
	return err_set(err, -EUCLEAN,
		       "writes may have gone past erad (%s): %s; " ERAD_TAB " has gap=refuse, so the volume is not opened; run 'eractl open %s --accept-gap' to open it, with every block counted as written",
		       store_gap_name(kind), detail, v->name);
}

void origin_log_gap(const struct volume *v, enum erad_gap_kind kind, const char *detail)
{
	log_event(LOG_GAP, SD_WARNING,
		  "volume %s: writes may have gone past erad (%s): %s; every block counts as written",
		  v->name, store_gap_name(kind), detail);
}

int origin_gap(struct volume *v, enum erad_gap_kind kind, const char *detail, struct err *err)
{
	int r = origin_refuse_gap(v, kind, detail, err);

	if (!r)
		r = store_gap(v->store, kind, detail, err);
	if (!r)
		origin_log_gap(v, kind, detail);
	return r;
}

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
				  "when the volume was closed, the origin was in use already, was written, or could not be read",
				  err);
	origin_question(v, ORIGIN_READ_SEAL_DIFFERENCE, &q);
	q.seal = *s;
	r = origin_read(v, &q, ORIGIN_OPEN_MS, &a, err);
	if (r)
		return r;
	r = a.code;
	difference = a.err;
	if (!r)
		r = table_note_written_while_closed(v, &difference);
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

int origin_compare_witness(struct volume *v, struct err *err)
{
	uint8_t seal[ERAD_HISTORY_SEAL];
	struct err difference;
	int code, r;

	if (v->activated || !store_seal(v->store, seal))
		return 0;
	r = witness_compare(v, &code, &difference, err);
	if (!r && code)
		r = origin_gap(v, code < 0 ? ERAD_GAP_UNKNOWN : ERAD_GAP_CLOSED, difference.msg, err);
	return r;
}

struct search {
	const struct volume *v;
	bool found;
};

static void search_one(void *ctx, const struct erad_info *i)
{
	struct search *s = ctx;
	const struct volume *v = s->v;

	s->found |= !i->era && !(i->status & ERAD_PASSES_ALL) && !memcmp(i->uuid, v->uuid, sizeof(v->uuid)) &&
		image_beneath(makedev(i->origin_major, i->origin_minor)) == v->origin_dev;
}

/*
 * Returns whether a new target of the volume already uses the origin.  The new target holds all
 * writes until erad attaches.
 */
static bool new_target_has_it(const struct volume *v)
{
	struct search s = { .v = v };

	return !control_each(volumes_control(), search_one, &s) && s.found;
}

/* Asks a question for the seal of a close.  Returns the code of the answer, or an error of origin_ask(). */
static int ask_for_seal(struct volume *v, const struct origin_question *q, struct origin_answer *a, struct err *err)
{
	struct patience p = { .v = v, .ms = ORIGIN_STOP_MS };
	int r = origin_ask(&v->asked, q, ORIGIN_CLOSE_MS, patience_ends, &p, a, err);

	if (r)
		return r;
	*err = a->err;
	return a->code;
}

/*
 * Returns 0 if nobody uses the origin, or if a new target of the volume uses the origin.  EBUSY:
 * another program uses the origin.  Claims the origin exclusively only for a moment, so that other
 * programs are refused only for this moment.  Tries several times, because the old target releases
 * the origin shortly after erad has noticed the end of the target.
 */
static int check_unused(struct volume *v, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	int r = -EBUSY;

	origin_question(v, ORIGIN_READ_UNUSED, &q);
	for (unsigned int i = 0; i < CLAIM_TRIES && r == -EBUSY; i++) {
		if (i)
			usleep(CLAIM_PAUSE_US);
		r = ask_for_seal(v, &q, &a, err);
		if (r == -EBUSY && new_target_has_it(v))
			return 0;
	}
	return r;
}

static int take_seal(struct volume *v, struct seal *s, struct err *err)
{
	struct origin_question q;
	struct origin_answer a;
	uint8_t random[16];
	int r;

	r = uuid_random(random);
	if (r)
		return err_set(err, r, "cannot get random numbers: %s", strerror(-r));
	r = check_unused(v, err);
	if (r)
		return r;
	origin_question(v, ORIGIN_READ_SEAL, &q);
	memcpy(&q.seed, random, sizeof(q.seed));
	r = ask_for_seal(v, &q, &a, err);
	if (r)
		return r;
	*s = a.seal;
	if (table_note_written_since_end(v))
		return err_set(err, -EBUSY, "the origin was written to after its volume was closed");
	/*
	 * Check again after sealing.  A program that has begun to use the origin during the sealing
	 * may have written, and the seal may contain its writes.
	 */
	return check_unused(v, err);
}

int origin_close_sealed(struct volume *v, struct store *s, struct err *err)
{
	struct seal *page = calloc(1, ERAD_HISTORY_SEAL);
	struct err why;
	int r;

	if (!page) {
		store_close(s, false, NULL);
		return err_set(err, -ENOMEM, "out of memory");
	}
	if (take_seal(v, page, &why)) {
		log_warn("volume %s: the origin cannot be sealed, so after the next open every block counts as written: %s", v->name,
			 why.msg);
		memset(page, 0, ERAD_HISTORY_SEAL);
		page->version = htole32(SEAL_VERSION);
	}
	r = store_close_sealed(s, (const uint8_t *)page, err);
	free(page);
	return r;
}

int origin_check(struct store *s, const char *path, dev_t dev, uint64_t nr_sectors, struct err *err)
{
	char text_was[IDENTITY_TEXT], text_now[IDENTITY_TEXT];
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct identity was, now;
	struct origin_answer a;
	int r;

	store_item(s, STORE_IDENTITY, (uint8_t *)&was);
	if (!was.version)
		return 0;
	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_READ_IDENTITY;
	q.dev = dev;
	q.size = nr_sectors * ERAD_SECTOR;
	r = origin_ask(&asked, &q, ORIGIN_OPEN_MS, NULL, NULL, &a, err);
	origin_drop(&asked);
	if (r)
		return r;
	now = a.identity;
	if (identity_compare(&was, &now) != IDENTITY_OTHER)
		return 0;
	return err_set(err, -EXDEV,
		       "origin %.100s is %s, expected %s; 'eractl open NAME --origin-replaced' accepts the new device, and every block counts as written",
		       path, identity_text(&now, text_now), identity_text(&was, text_was));
}

int origin_pv_uuid(dev_t dev, unsigned int ms, char uuid[PV_UUID_SIZE], struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_READ_PV_LABEL;
	q.dev = dev;
	r = origin_ask(&asked, &q, ms, NULL, NULL, &a, err);
	origin_drop(&asked);
	if (r)
		return r;
	if (a.code) {
		*err = a.err;
		return err_prefix(err, a.code, "origin %u:%u", major(dev), minor(dev));
	}
	memcpy(uuid, a.pv_uuid, PV_UUID_SIZE);
	return 0;
}
