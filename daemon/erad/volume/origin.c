// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks questions about the origin of a volume, and records gaps: see origin.h. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/eratab.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "common/identity.h"
#include "erad/volume/origin.h"
#include "erad/volume/volume.h"
#include "store/history.h"

_Static_assert(sizeof(struct identity) == ERAD_HISTORY_ITEM, "an identity is an item");

void origin_question(const struct volume *v, enum origin_read what, struct origin_question *q)
{
	memset(q, 0, sizeof(*q));
	q->what = what;
	/*
	 * Do not use the path in eratab: if somebody has made the table by hand, eratab may name
	 * another origin than the table.
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

int origin_ask_for_seal(struct volume *v, const struct origin_question *q, struct origin_answer *a, struct err *err)
{
	struct patience p = { .v = v, .ms = ORIGIN_STOP_MS };
	int r = origin_ask(&v->asked, q, ORIGIN_CLOSE_MS, patience_ends, &p, a, err);

	if (r)
		return r;
	*err = a->err;
	return a->code;
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
