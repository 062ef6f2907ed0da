// SPDX-License-Identifier: GPL-2.0-or-later
/* Implements a simple model of the metadata: see model.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/witness.h"
#include "model.h"
#include "rnd.h"
#include "store/bookmarks.h"
#include "store/history.h"
#include "store/state.h"

void model_init(struct model *m, uint64_t nr_blocks)
{
	memset(m, 0, sizeof(*m));
	m->nr_blocks = nr_blocks;
	m->size = nr_blocks;
	m->item[0] = true;
	m->witness[0] = true;
	m->seal[0] = true;
	for (unsigned int i = 0; i < MODEL_BOOKMARKS; i++)
		m->bookmark[i][0] = true;
	m->other_size = nr_blocks;
	m->min = calloc(nr_blocks, sizeof(*m->min));
	m->max = calloc(nr_blocks, sizeof(*m->max));
	m->got = calloc(nr_blocks, sizeof(*m->got));
	m->snap.min = calloc(nr_blocks, sizeof(*m->snap.min));
	m->snap.max = calloc(nr_blocks, sizeof(*m->snap.max));
}

static uint32_t *copy_eras(uint32_t *to, const uint32_t *from, uint64_t nr)
{
	memcpy(to, from, nr * sizeof(*to));
	return to;
}

void model_copy(struct model *m, const struct model *from)
{
	struct model to;

	model_init(&to, from->nr_blocks);
	*m = *from;
	m->min = copy_eras(to.min, from->min, m->nr_blocks);
	m->max = copy_eras(to.max, from->max, m->nr_blocks);
	m->got = copy_eras(to.got, from->got, m->nr_blocks);
	m->snap.min = copy_eras(to.snap.min, from->snap.min, m->nr_blocks);
	m->snap.max = copy_eras(to.snap.max, from->snap.max, m->nr_blocks);
}

void model_destroy(struct model *m)
{
	free(m->min);
	free(m->max);
	free(m->got);
	free(m->snap.min);
	free(m->snap.max);
}

static void raise_to(uint32_t *v, uint32_t era)
{
	if (*v < era)
		*v = era;
}

static void raise_floor(struct model *m)
{
	uint64_t b;

	if (!m->degraded)
		return;
	raise_to(&m->floor_max, m->era_max);
	for (b = 0; b < m->nr_blocks; b++)
		raise_to(&m->max[b], m->era_max);
}

void model_try_era(struct model *m, uint32_t era)
{
	raise_to(&m->era_max, era);
	raise_floor(m);
}

void model_try_degrade(struct model *m)
{
	m->degraded = true;
	raise_floor(m);
}

void model_try_gap(struct model *m, uint32_t era)
{
	uint64_t b;

	m->gaps_max++;
	raise_to(&m->floor_max, era);
	for (b = 0; b < m->nr_blocks; b++)
		raise_to(&m->max[b], era);
	/*
	 * If the snapshot is not complete, a later fold may complete it after the floor has risen.
	 * Then the floor in the snapshot is at most the snapshot's newest era.
	 */
	for (b = 0; b < m->nr_blocks && m->snap.may && !m->snap.must; b++)
		raise_to(&m->snap.max[b], m->snap.era);
}

void model_ack_gap(struct model *m, const struct store_info *info)
{
	const struct erad_range all = { .first = 0, .len = m->size };

	model_ack_mark(m, &all, 1, info->era);
	m->gaps_min = info->gaps;
}

void model_try_item(struct model *m, unsigned int item)
{
	m->item[item] = true;
}

void model_ack_item(struct model *m, unsigned int item)
{
	memset(m->item, 0, sizeof(m->item));
	m->item[item] = true;
}

static unsigned int era_slot(uint32_t era)
{
	return era ? era % 255 + 1 : 0;
}

void model_try_witness(struct model *m, uint32_t era)
{
	m->witness[era_slot(era)] = true;
}

void model_ack_witness(struct model *m, uint32_t era)
{
	memset(m->witness, 0, sizeof(m->witness));
	m->witness[era_slot(era)] = true;
}

uint32_t model_read_witness(struct store *s)
{
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;

	store_item(s, STORE_WITNESS, kept.item);
	return le32toh(kept.w.era);
}

void model_try_seal(struct model *m, uint8_t seal)
{
	m->seal[seal] = true;
}

void model_ack_seal(struct model *m, uint8_t seal)
{
	memset(m->seal, 0, sizeof(m->seal));
	m->seal[seal] = true;
}

void model_make_seal(uint8_t page[ERAD_HISTORY_SEAL], uint8_t seal)
{
	memset(page, seal, ERAD_HISTORY_SEAL);
}

/* model_make_seal() makes only pages of equal bytes that are not 0. Any other seal is -1. */
int model_read_seal(struct store *s)
{
	uint8_t got[ERAD_HISTORY_SEAL], expected[ERAD_HISTORY_SEAL];

	if (store_seal(s, got))
		return 0;
	model_make_seal(expected, got[0]);
	return got[0] && !memcmp(got, expected, sizeof(got)) ? got[0] : -1;
}

void model_try_bookmark(struct model *m, unsigned int nr, uint32_t era)
{
	m->bookmark[nr][era_slot(era)] = true;
}

void model_ack_bookmark(struct model *m, unsigned int nr, uint32_t era)
{
	memset(m->bookmark[nr], 0, sizeof(m->bookmark[nr]));
	m->bookmark[nr][era_slot(era)] = true;
}

void model_bookmark_name(unsigned int nr, char name[MODEL_BOOKMARK_NAME])
{
	snprintf(name, MODEL_BOOKMARK_NAME, "b%u", nr % MODEL_BOOKMARKS);
}

void model_read_bookmarks(struct store *s, uint32_t era[MODEL_BOOKMARKS])
{
	struct store_bookmark bookmark[ERAD_BOOKMARKS];
	const unsigned int nr = store_bookmarks(s, bookmark);
	char name[MODEL_BOOKMARK_NAME];
	unsigned int i, b;

	for (b = 0; b < MODEL_BOOKMARKS; b++) {
		model_bookmark_name(b, name);
		era[b] = 0;
		for (i = 0; i < nr; i++)
			if (!strcmp(bookmark[i].name, name))
				era[b] = bookmark[i].token.era;
	}
}

void model_passed(struct model *m, const struct erad_range *r, uint32_t era)
{
	model_ack_mark(m, r, 1, era);
}

void model_ack_clear(struct model *m)
{
	m->degraded = false;
}

void model_ack_era(struct model *m, uint32_t era)
{
	raise_to(&m->era_max, era);
	raise_to(&m->era_min, era);
}

void model_try_mark(struct model *m, const struct erad_range *r, unsigned int nr, uint32_t era)
{
	uint64_t b;

	for (; nr; nr--, r++)
		for (b = r->first; b < r->first + r->len; b++)
			raise_to(&m->max[b], era);
}

void model_ack_mark(struct model *m, const struct erad_range *r, unsigned int nr, uint32_t era)
{
	uint64_t b;

	for (; nr; nr--, r++) {
		for (b = r->first; b < r->first + r->len; b++) {
			raise_to(&m->max[b], era);
			raise_to(&m->min[b], era);
		}
	}
}

void model_try_resize(struct model *m, uint64_t nr)
{
	uint64_t b;

	m->other_size = nr;
	for (b = m->size; b < nr; b++) {
		m->min[b] = m->era_min;
		m->max[b] = m->era_max;
	}
}

void model_ack_resize(struct model *m, uint64_t nr)
{
	m->size = nr;
	m->other_size = nr;
}

void model_try_snapshot(struct model *m, uint32_t era, bool lasts)
{
	m->snap.may = true;
	m->snap.must = false;
	m->snap.lasts = lasts;
	m->snap.era = era;
	m->snap.size = m->size;
	copy_eras(m->snap.min, m->min, m->size);
	copy_eras(m->snap.max, m->max, m->size);
}

void model_ack_snapshot(struct model *m)
{
	m->snap.must = true;
}

void model_try_drop(struct model *m)
{
	m->snap.must = false;
}

void model_ack_drop(struct model *m)
{
	m->snap.may = false;
	m->snap.must = false;
}

struct reading {
	struct model *m;
	enum store_view view;
	uint64_t size;	/* size of the device in blocks */
	uint32_t since;
	uint64_t end;	/* end of the last extent */
	bool bad;
};

static int got_extent(void *ctx, uint64_t first, uint64_t len)
{
	struct reading *r = ctx;
	uint64_t b;

	/* Check that extents ascend, do not touch each other, and are on the device. */
	if (len == 0 || (r->end && first <= r->end) || first >= r->size ||
	    len > r->size - first) {
		r->bad = true;
		return -EBADMSG;
	}
	r->end = first + len;
	for (b = first; b < r->end; b++)
		r->m->got[b] = r->since;
	return 0;
}

/* Sets `got` to `since` for each block in the diff.  Other blocks keep their `got`. */
static int read_since(struct reading *r, struct store *s, uint32_t since, struct err *err)
{
	int ret;

	r->since = since;
	r->end = 0;
	ret = store_diff_view(s, r->view, since, got_extent, r, err);
	return r->bad ? err_set(err, -EBADMSG, "bad extents since era %" PRIu32, since) : ret;
}

static int read_eras(struct reading *r, struct store *s, uint32_t newest, struct err *err)
{
	uint32_t since;
	int ret = 0;

	memset(r->m->got, 0, r->m->nr_blocks * sizeof(*r->m->got));
	for (since = 1; since <= newest && !ret; since++)
		ret = read_since(r, s, since, err);
	return ret;
}

int model_read(struct model *m, struct store *s, uint32_t *era, struct err *err)
{
	struct reading r = { .m = m, .view = STORE_NOW };
	struct store_info info;

	store_info(s, &info);
	*era = info.era;
	r.size = info.nr_blocks;
	return read_eras(&r, s, info.era, err);
}

static int check_since(struct reading *r, struct store *s, uint32_t since, const uint32_t *min,
		       const uint32_t *max, struct err *err)
{
	const uint32_t *got = r->m->got;
	uint64_t b;
	int ret;

	memset(r->m->got, 0, r->m->nr_blocks * sizeof(*r->m->got));
	ret = read_since(r, s, since, err);
	for (b = 0; b < r->size && !ret; b++)
		if (got[b] ? max[b] < since : min[b] >= since)
			ret = err_set(err, -EBADMSG, "%sblock %" PRIu64 " is %sin the diff since era %"
				      PRIu32 ", but of era %" PRIu32 " to %" PRIu32,
				      r->view == STORE_SNAPSHOT ? "snapshot: " : "", b,
				      got[b] ? "" : "not ", since, min[b], max[b]);
	return ret;
}

/*
 * Checks the diffs since every era.  If rnd is not NULL, checks only the diff since the newest era,
 * and the diffs since about two random eras.
 */
static int check_view(struct reading *r, struct store *s, uint32_t newest, const uint32_t *min,
		      const uint32_t *max, uint64_t *rnd, struct err *err)
{
	uint32_t since;
	int ret = 0;

	for (since = newest; since > 0 && !ret; since--)
		if (!rnd || since == newest || rnd_below(rnd, newest) < 2)
			ret = check_since(r, s, since, min, max, err);
	return ret;
}

static int check_snapshot(struct model *m, struct store *s, const struct store_info *info,
			  uint64_t *rnd, struct err *err)
{
	struct reading r = { .m = m, .view = STORE_SNAPSHOT, .size = m->snap.size };

	if (!info->snapshot_era)
		return m->snap.must ? err_set(err, -EBADMSG, "the snapshot is lost") : 0;
	if (!m->snap.may || info->snapshot_era != m->snap.era ||
	    info->snapshot_lasts != m->snap.lasts ||
	    (info->snapshot_sectors + info->block_sectors - 1) / info->block_sectors !=
	    m->snap.size)
		return err_set(err, -EBADMSG, "there is a snapshot of era %" PRIu32 ", of %" PRIu64
			       " sectors, expected %s of era %" PRIu32 ", of %" PRIu64 " blocks",
			       info->snapshot_era, info->snapshot_sectors,
			       m->snap.may ? "one" : "none, or", m->snap.era, m->snap.size);
	return check_view(&r, s, m->snap.era, m->snap.min, m->snap.max, rnd, err);
}

int model_fix_snapshot(struct model *m, struct store *s, struct err *err)
{
	struct reading r = { .m = m, .view = STORE_SNAPSHOT, .size = m->snap.size };
	struct store_info info;
	int ret;

	store_info(s, &info);
	ret = check_snapshot(m, s, &info, NULL, err);
	if (!ret)
		ret = read_eras(&r, s, m->snap.era, err);
	if (ret)
		return ret;
	copy_eras(m->snap.min, m->got, m->snap.size);
	copy_eras(m->snap.max, m->got, m->snap.size);
	return 0;
}

void model_opening(struct model *m)
{
	if (!m->snap.lasts)
		m->snap.must = false;
}

void model_opened(struct model *m, const struct store_info *info)
{
	model_ack_era(m, info->era);
	model_ack_resize(m, info->nr_blocks);
	m->gaps_min = info->gaps;
	m->gaps_max = info->gaps;
	m->snap.must = info->snapshot_era;
	m->snap.may = m->snap.must;
}

void model_settle(struct model *m)
{
	memcpy(m->min, m->got, m->nr_blocks * sizeof(*m->min));
}

void model_note(uint8_t note[ERAD_HISTORY_ITEM], uint64_t timeline)
{
	memset(note, 0, ERAD_HISTORY_ITEM);
	memcpy(note, &timeline, sizeof(timeline));
}

/* Checks that the table note is the note that was written with the newest timeline. */
static int check_note(struct store *s, struct err *err)
{
	uint8_t got[ERAD_HISTORY_ITEM], expected[ERAD_HISTORY_ITEM];
	uint64_t number = 0;
	uint32_t nr;

	pthread_mutex_lock(&s->lock);
	nr = le32toh(s->history->nr_timelines);
	if (nr)
		number = le64toh(s->history->timeline[nr - 1].number);
	pthread_mutex_unlock(&s->lock);
	store_item(s, STORE_TABLE_NOTE, got);
	model_note(expected, number);
	return memcmp(got, expected, sizeof(got)) ?
		err_set(err, -EBADMSG, "the table note is not the one of the newest timeline") : 0;
}

/*
 * Checks that the witness is one of those that were tried last.  Also checks the condition on which
 * the proof in erad/volume/witness.h relies: if a write to a block was released in the era of the
 * witness or later, the metadata contains the block in this era or later.
 */
static int check_witness(struct model *m, struct store *s, const struct store_info *info, struct err *err)
{
	const uint32_t era = model_read_witness(s);
	uint64_t i, b;
	uint32_t newest;
	int ret;

	if (!m->witness[era_slot(era)] || era > info->era)
		return err_set(err, -EBADMSG, "the witness is of era %" PRIu32 ", which was not tried last", era);
	for (i = 0; i < 8 && era; i++) {
		b = (i * info->nr_blocks / 8 + info->era) % info->nr_blocks;
		ret = store_newest_era(s, b, 1, &newest, err);
		if (ret)
			return ret;
		if (newest < era && m->min[b] >= era)
			return err_set(err, -EBADMSG, "block %" PRIu64 " is compared with the witness of era %" PRIu32
				       ", but was written in era %" PRIu32, b, era, m->min[b]);
	}
	return 0;
}

/*
 * Checks that the seal is one that was tried last, and complete.  If a timeline has dropped the
 * seal, the metadata must contain no seal: the old seal would hide a write past erad from the next
 * open, or would report a write that erad has recorded.
 */
static int check_seal(struct model *m, struct store *s, struct err *err)
{
	const int seal = model_read_seal(s);

	if (seal < 0)
		return err_set(err, -EBADMSG, "the seal is not one that was made");
	return m->seal[seal] ? 0 : err_set(err, -EBADMSG, "the seal is %d, which was not tried last; 0: none", seal);
}

/* Checks that every floor has a gap, and that no known gap, timeline, item, seal or bookmark is lost. */
static int check_history(struct model *m, struct store *s, const struct store_info *info,
			 struct err *err)
{
	struct store_gap gap[ERAD_GAPS];
	const unsigned int nr = store_gaps(s, gap);
	uint8_t item[ERAD_HISTORY_ITEM];
	uint32_t era[MODEL_BOOKMARKS];
	unsigned int b;

	if (info->gaps < m->gaps_min || info->gaps > m->gaps_max)
		return err_set(err, -EBADMSG, "there are %" PRIu64 " gaps, expected %" PRIu64 " to %"
			       PRIu64, info->gaps, m->gaps_min, m->gaps_max);
	if (!info->degraded && info->floor_era != (nr ? gap[nr - 1].era : 0))
		return err_set(err, -EBADMSG, "the floor is %" PRIu32 ", the last of %u gaps is of era %"
			       PRIu32, info->floor_era, nr, nr ? gap[nr - 1].era : 0);
	if (m->timeline && store_moment(s, m->timeline, m->timeline_first) != MOMENT_KNOWN)
		return err_set(err, -EBADMSG, "the timeline of era %" PRIu32 " is lost",
			       m->timeline_first);
	store_item(s, STORE_IDENTITY, item);
	if (!m->item[item[0]])
		return err_set(err, -EBADMSG, "the item is %u, which was not tried last", item[0]);
	if (check_note(s, err) || check_witness(m, s, info, err) || check_seal(m, s, err))
		return -EBADMSG;
	model_read_bookmarks(s, era);
	for (b = 0; b < MODEL_BOOKMARKS; b++)
		if (!m->bookmark[b][era_slot(era[b])])
			return err_set(err, -EBADMSG, "bookmark %u is of era %" PRIu32 ", which was not tried last", b, era[b]);
	return 0;
}

int model_check(struct model *m, struct store *s, uint64_t *rnd, struct err *err)
{
	struct reading r = { .m = m, .view = STORE_NOW };
	struct store_info info;
	int ret;

	store_info(s, &info);
	if (info.era < m->era_min || info.era > m->era_max)
		return err_set(err, -EBADMSG, "the era is %" PRIu32 ", expected %" PRIu32 " to %"
			       PRIu32, info.era, m->era_min, m->era_max);
	if (info.nr_blocks != m->size && info.nr_blocks != m->other_size)
		return err_set(err, -EBADMSG, "there are %" PRIu64 " blocks, expected %" PRIu64
			       " or %" PRIu64, info.nr_blocks, m->size, m->other_size);
	r.size = info.nr_blocks;
	ret = check_view(&r, s, info.era, m->min, m->max, rnd, err);
	if (!ret)
		ret = check_history(m, s, &info, err);
	return ret ? ret : check_snapshot(m, s, &info, rnd, err);
}
