// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads and changes the history of an open store: gaps, timelines, the seal and the items: see
 * history.h.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "store/history.h"
#include "store/history_copy.h"

const char *store_gap_name(enum erad_gap_kind kind)
{
	switch (kind) {
	case ERAD_GAP_CLOSED:
		return "written-while-closed";
	case ERAD_GAP_TABLE:
		return "written-past-table";
	case ERAD_GAP_ORIGIN:
		return "origin-replaced";
	case ERAD_GAP_ROLLED_BACK:
		return "metadata-rolled-back";
	case ERAD_GAP_DEGRADED:
		return "degraded";
	case ERAD_GAP_JOURNAL:
		return "journal-lost";
	default:
		return "unknown";
	}
}

unsigned int store_gaps(struct store *s, struct store_gap gap[ERAD_GAPS])
{
	unsigned int i, nr;

	pthread_mutex_lock(&s->lock);
	nr = le32toh(s->history->nr_gaps);
	for (i = 0; i < nr; i++) {
		const struct erad_disk_gap *g = &s->history->gap[i];

		gap[i].kind = le32toh(g->kind);
		if (gap[i].kind >= ERAD_GAP_KINDS)
			gap[i].kind = ERAD_GAP_UNKNOWN;
		gap[i].era = le32toh(g->era);
		gap[i].time = le64toh(g->time);
		memcpy(gap[i].detail, g->detail, sizeof(g->detail));
		gap[i].detail[sizeof(g->detail)] = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return nr;
}

void store_gap_totals(struct store *s, uint64_t total[ERAD_GAP_KINDS])
{
	unsigned int i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < ERAD_GAP_KINDS; i++)
		total[i] = le64toh(s->history->gaps_total[i]);
	/*
	 * A newer version may have counted gaps of kinds that this version does not know.  Add
	 * their numbers to the kind "unknown".
	 */
	for (; i < ERAD_GAP_KINDS_MAX; i++)
		total[ERAD_GAP_UNKNOWN] += le64toh(s->history->gaps_total[i]);
	pthread_mutex_unlock(&s->lock);
}

static int change_error(struct store *s, int ret, struct err *err)
{
	return ret ? store_io_error(s, err, ret, "cannot write the history") : 0;
}

/* Checks that the store can be written, and sets *era to the current era. */
static int begin_change(struct store *s, uint32_t *era, struct err *err)
{
	const int ret = store_check_writable(s, err);

	pthread_mutex_lock(&s->lock);
	*era = s->era;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

/*
 * Adds the gap to h, and makes h durable together with the floor `era`.  Context: fold_lock, so no
 * other thread sets a larger floor in between.
 */
static int commit_gap(struct store *s, struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era,
		      const char *detail)
{
	struct erad_disk_super sb = s->super;
	int ret;

	sb.floor_era = htole32(era);
	history_add_gap(h, kind, era, time(NULL), detail);
	ret = history_commit_both(s, &sb);
	if (!ret) {
		pthread_mutex_lock(&s->lock);
		s->floor_era = era;
		pthread_mutex_unlock(&s->lock);
	}
	return ret;
}

int store_gap(struct store *s, enum erad_gap_kind kind, const char *detail, struct err *err)
{
	uint32_t era;
	int ret;

	/* Read the era under the lock, because another thread may begin an era and record a gap in it. */
	pthread_mutex_lock(&s->fold_lock);
	ret = begin_change(s, &era, err);
	if (!ret)
		ret = change_error(s, commit_gap(s, history_edit(s), kind, era, detail), err);
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}

int store_gap_goes_on(struct store *s, enum erad_gap_kind kind, const char *detail, struct err *err)
{
	struct erad_disk_history *h;
	uint32_t era, snapshot;
	int ret;

	pthread_mutex_lock(&s->fold_lock);
	ret = begin_change(s, &era, err);
	if (ret)
		goto out;
	pthread_mutex_lock(&s->lock);
	snapshot = store_snapshot_era(s);
	pthread_mutex_unlock(&s->lock);
	h = history_edit(s);
	if (history_gap_is_newest(h, kind, era, detail) && le32toh(s->super.floor_era) == era)
		goto out;
	history_renew_gap(h, kind, era, detail, snapshot);
	ret = change_error(s, commit_gap(s, h, kind, era, detail), err);
out:
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}

static void add_timeline(struct erad_disk_history *h, uint64_t number, uint32_t first)
{
	uint32_t nr = le32toh(h->nr_timelines);

	/*
	 * If the first era of the last timeline has never begun, replace the timeline, because no
	 * token contains its number.
	 */
	while (nr && le32toh(h->timeline[nr - 1].first_era) >= first)
		nr--;
	if (nr == ERAD_TIMELINES)
		memmove(&h->timeline[0], &h->timeline[1], --nr * sizeof(h->timeline[0]));
	h->timeline[nr] = (struct erad_disk_timeline){
		.number = htole64(number), .first_era = htole32(first),
	};
	h->nr_timelines = htole32(nr + 1);
}

int store_new_timeline(struct store *s, uint64_t number, const uint8_t *note, struct err *err)
{
	struct erad_disk_history *h;
	struct erad_disk_super sb;
	uint32_t era;
	int ret;

	ret = begin_change(s, &era, err);
	if (ret)
		return ret;
	if (era >= UINT32_MAX - 1)
		return err_set(err, -EOVERFLOW, "%s: there is no era after %" PRIu32
			       "; create the volume anew", s->e->name, era);
	pthread_mutex_lock(&s->fold_lock);
	sb = s->super;
	sb.flags &= ~htole32(ERAD_SB_SEALED);
	h = history_edit(s);
	add_timeline(h, number, era + 1);
	memset(h->seal, 0, sizeof(h->seal));
	if (note)
		memcpy(h->item[STORE_TABLE_NOTE], note, sizeof(h->item[STORE_TABLE_NOTE]));
	ret = history_commit(s, &sb);
	pthread_mutex_unlock(&s->fold_lock);
	return change_error(s, ret, err);
}

/* Returns the index of the last timeline whose first era is at most era, or -1.  Context: lock. */
static int find_timeline(const struct store *s, uint32_t era)
{
	int i = le32toh(s->history->nr_timelines) - 1;

	while (i >= 0 && le32toh(s->history->timeline[i].first_era) > era)
		i--;
	return i;
}

uint64_t store_timeline(struct store *s, uint32_t era)
{
	uint64_t number = 0;
	int i;

	pthread_mutex_lock(&s->lock);
	i = find_timeline(s, era);
	if (i >= 0 && era <= s->era)
		number = le64toh(s->history->timeline[i].number);
	pthread_mutex_unlock(&s->lock);
	return number;
}

enum store_moment store_moment(struct store *s, uint64_t timeline, uint32_t era)
{
	enum store_moment ret = MOMENT_FOREIGN;
	const struct erad_disk_history *h;
	uint32_t i, nr;

	pthread_mutex_lock(&s->lock);
	h = s->history;
	nr = le32toh(h->nr_timelines);
	for (i = 0; i < nr && le64toh(h->timeline[i].number) != timeline; i++)
		;
	if (i < nr)
		ret = era <= s->era && find_timeline(s, era) == (int)i ? MOMENT_KNOWN : MOMENT_OTHER_ERA;
	else if (!nr || era < le32toh(h->timeline[0].first_era))
		ret = MOMENT_TOO_OLD;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

uint32_t store_timelines_since(struct store *s)
{
	uint32_t era = 0;

	pthread_mutex_lock(&s->lock);
	if (s->history->nr_timelines)
		era = le32toh(s->history->timeline[0].first_era);
	pthread_mutex_unlock(&s->lock);
	return era;
}

void store_item(struct store *s, enum store_item which, uint8_t out[ERAD_HISTORY_ITEM])
{
	pthread_mutex_lock(&s->lock);
	memcpy(out, s->history->item[which], ERAD_HISTORY_ITEM);
	pthread_mutex_unlock(&s->lock);
}

int store_set_item(struct store *s, enum store_item which, const uint8_t in[ERAD_HISTORY_ITEM],
		   struct err *err)
{
	struct erad_disk_history *h;
	struct erad_disk_super sb;
	int ret;

	ret = store_check_writable(s, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->fold_lock);
	h = history_edit(s);
	if (memcmp(h->item[which], in, ERAD_HISTORY_ITEM)) {
		memcpy(h->item[which], in, ERAD_HISTORY_ITEM);
		sb = s->super;
		/* An older witness is valid, too, and a checkpoint must not wait for a second superblock. */
		ret = which == STORE_WITNESS ? history_commit(s, &sb) : history_commit_both(s, &sb);
	}
	pthread_mutex_unlock(&s->fold_lock);
	return change_error(s, ret, err);
}

int store_seal(struct store *s, uint8_t out[ERAD_HISTORY_SEAL])
{
	bool sealed;

	pthread_mutex_lock(&s->fold_lock);
	sealed = s->super.flags & htole32(ERAD_SB_SEALED);
	if (sealed)
		memcpy(out, s->history->seal, ERAD_HISTORY_SEAL);
	pthread_mutex_unlock(&s->fold_lock);
	return sealed ? 0 : -ENOENT;
}

void store_notes(struct store *s, struct store_notes *n)
{
	memset(n, 0, sizeof(*n));
	n->sealed = !store_seal(s, n->seal);
	for (unsigned int i = 0; i < ERAD_HISTORY_ITEMS; i++)
		store_item(s, i, n->item[i]);
}
