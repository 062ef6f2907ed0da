// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes and checks tokens, and finds the gaps since an era: see moment.h. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/uuid.h"
#include "store/moment.h"

bool store_token(struct store *s, uint32_t era, struct token *t)
{
	struct store_info info;

	store_info(s, &info);
	*t = (struct token){ .timeline = store_timeline(s, era), .era = era };
	memcpy(t->uuid, info.uuid, sizeof(t->uuid));
	return t->timeline;
}

int store_check_token(struct store *s, const struct token *t, struct err *err)
{
	char got[UUID_TEXT_SIZE], expected[UUID_TEXT_SIZE];
	struct store_info info;
	uint32_t since;

	store_info(s, &info);
	if (memcmp(t->uuid, info.uuid, sizeof(t->uuid)))
		return err_set(err, -ESTALE, "the token is of metadata with UUID %s, the volume's metadata has UUID %s",
			       uuid_text(t->uuid, got), uuid_text(info.uuid, expected));
	switch (store_moment(s, t->timeline, t->era)) {
	case MOMENT_KNOWN:
		return 0;
	case MOMENT_TOO_OLD:
		since = store_timelines_since(s);
		if (!since)
			return err_set(err, -ESTALE, "the metadata has no timelines, so it does not know the token's timeline either: the metadata was repaired, or restored from a dump");
		return err_set(err, -ESTALE, "the token is too old: it is of era %" PRIu32
			       ", and the metadata knows its timelines since era %" PRIu32 " only", t->era, since);
	case MOMENT_OTHER_ERA:
		return err_set(err, -ESTALE, "the metadata, which is in era %" PRIu32
			       ", knows the token's timeline, but has no era %" PRIu32
			       " in it: the metadata was put back from an older copy", info.era, t->era);
	default:
		return err_set(err, -ESTALE,
			       "the metadata does not know the token's timeline: the metadata was put back from an older copy, cloned or restored");
	}
}

bool store_knows_noted(struct store *s, const struct token *noted)
{
	struct store_info info;

	store_info(s, &info);
	/*
	 * If the floor is at or above the noted era, a diff since this era lists every block
	 * anyway.
	 */
	if (info.floor_era >= noted->era)
		return true;
	switch (store_moment(s, noted->timeline, noted->era)) {
	case MOMENT_KNOWN:
		return true;
	case MOMENT_TOO_OLD:
		/*
		 * The metadata no longer has the timeline, or was restored from a dump.  So compare
		 * the eras.
		 */
		return info.era >= noted->era;
	default:
		return false;
	}
}

unsigned int store_gaps_since(struct store *s, uint32_t since, uint32_t upto, struct store_gap gap[ERAD_GAPS])
{
	unsigned int all = store_gaps(s, gap), nr = all, first = 0;
	struct store_info info;
	uint32_t floor;

	store_info(s, &info);
	floor = info.snapshot_era == upto ? info.snapshot_floor_era : info.floor_era;
	while (nr && gap[nr - 1].era > upto)
		nr--;
	while (first < nr && gap[first].era < since)
		first++;
	if (!since)
		return 0;
	if (first < nr) {
		memmove(gap, gap + first, (nr - first) * sizeof(*gap));
		return nr - first;
	}
	if (floor < since || floor > upto)
		return 0;
	/*
	 * A gap that was recorded between the request for the snapshot and the fold that began the
	 * snapshot has the next era, but the writes of the gap may be older.  So the floor of the
	 * snapshot includes this gap.
	 */
	if (floor == upto && upto == info.snapshot_era && nr < all && !info.degraded) {
		gap[0] = gap[nr];
		return 1;
	}
	gap[0] = (struct store_gap){ .kind = ERAD_GAP_UNKNOWN, .era = floor };
	strcpy(gap[0].detail, info.degraded ? "writes pass, or have passed, unrecorded" :
	       "every block counts as written, and the log of the gaps does not say why");
	return 1;
}
