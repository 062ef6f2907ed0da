// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares metadata with the newest noted token: see rolled_back.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/seen.h"
#include "erad/base/log.h"
#include "erad/device/origin_reader.h"
#include "erad/ops/rolled_back.h"
#include "erad/volume/attach.h"
#include "erad/volume/origin.h"
#include "erad/volume/volume.h"
#include "store/moment.h"

#define NOTE_MS		5000	/* limit for reading the note during an open */
#define NOTE_PROCESSES	64u	/* limit of the processes that read notes at the same time */

/*
 * Reads the note in another process: if the file system hangs, nothing can end a thread that waits
 * for it, and erad cannot end before this thread.  Returns the result of seen_read(), with a
 * message, or ETIMEDOUT if the file system does not answer within NOTE_MS.
 */
static int read_note(const uint8_t uuid[16], struct token *t, struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct origin_answer a;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_READ_NOTE;
	/*
	 * The reader has at most one process for each value of dev, so at most NOTE_PROCESSES
	 * processes read notes.
	 */
	q.dev = origin_store_key(ERAD_SEEN_DIR) ^ uuid[0] % NOTE_PROCESSES;
	memcpy(q.uuid, uuid, sizeof(q.uuid));
	r = origin_ask(&asked, &q, NOTE_MS, NULL, NULL, &a, err);
	origin_drop(&asked);
	if (r)
		return r;
	*t = a.token;
	return a.code ? err_set(err, a.code, "cannot read the newest token in " ERAD_SEEN_DIR ": %s", strerror(-a.code)) : 0;
}

/*
 * If eratab has gap=refuse, returns an error.  Otherwise logs a message and returns 0.  The error
 * and the message say what to do for either cause, an older copy or a clone, because the metadata
 * does not show which of the two it is.
 */
static int refuse_or_advise(const struct volume *v, const char *detail, struct err *err)
{
	struct err why;
	int r = origin_refuse_gap(v, ERAD_GAP_ROLLED_BACK, detail, &why);

	if (r)
		return err_set(err, r, "%s; if the volume is a clone, 'eractl forget %s' and 'eractl create' give it a UUID of its own",
			       why.msg, v->name);
	log_notice("volume %s: if its metadata was put back from an older copy, make a full copy of the volume; if the volume is a clone of another one, give it a UUID of its own with 'eractl close %s', 'eractl forget %s' and 'eractl create'",
		   v->name, v->name, v->name);
	return 0;
}

int rolled_back_check(struct volume *v, struct err *err)
{
	char detail[ERAD_GAP_DETAIL + 1];
	struct store_info info;
	struct token t;
	struct err why;
	int r;

	r = read_note(v->uuid, &t, &why);
	if (r && r != -ENOENT)
		log_notice("volume %s: %s; so erad cannot notice whether the metadata was put back from an older copy", v->name, why.msg);
	if (r || store_knows_noted(v->store, &t))
		return 0;
	store_info(v->store, &info);
	snprintf(detail, sizeof(detail), "the metadata, in era %" PRIu32 ", does not know the noted era %" PRIu32 ": an older copy, or a clone with the same UUID",
		 info.era, t.era);
	r = refuse_or_advise(v, detail, err);
	/*
	 * In two cases, the metadata would know the token as soon as the era of the token is
	 * durable: the current timeline is the token's timeline, because the copy was made while
	 * the volume was in use; or the metadata has no timelines, because it was restored from a
	 * dump or repaired.  If erad were killed then, before it has recorded the gap, the next
	 * open would not notice anything, and the gap would be lost.  So begin another timeline
	 * before the era of the token.  The new timeline drops the seal, if there is one.  This
	 * loses nothing, because the gap that is recorded below also covers the time since the
	 * close.
	 */
	if (!r && t.era > info.era &&
	    (!store_timelines_since(v->store) || store_timeline(v->store, info.era) == t.timeline))
		r = attach_begin_timeline(v, err);
	if (!r && t.era > info.era)
		r = store_begin_era(v->store, t.era, err);
	return r ? r : origin_gap(v, ERAD_GAP_ROLLED_BACK, detail, err);
}
