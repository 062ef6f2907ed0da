// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads and writes the copies of the history on the disk, chooses between them, and makes room for
 * them in old metadata: see history_copy.h.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/bookmark.h"
#include "common/failpoint.h"
#include "common/size.h"
#include "store/crc32c.h"
#include "store/fold.h"
#include "store/history_copy.h"

#define HISTORY_BYTES	(ERAD_HISTORY_PAGES * ERAD_PAGE)

bool history_there(const struct erad_disk_super *sb)
{
	return sb->incompat & htole64(ERAD_INCOMPAT_HISTORY);
}

static uint64_t place_of(uint64_t seq)
{
	return (ERAD_HISTORY + (seq & 1) * ERAD_HISTORY_PAGES) * (uint64_t)ERAD_PAGE;
}

static uint32_t history_csum(const struct erad_disk_history *h)
{
	return crc32c(0, (const char *)h + sizeof(h->csum), sizeof(*h) - sizeof(h->csum));
}

static const char *wrong_bookmarks(const struct erad_disk_history *h)
{
	char name[ERAD_BOOKMARK_NAME + 1] = "", last[sizeof(name)] = "";
	const uint32_t nr = le32toh(h->nr_bookmarks);
	uint32_t i;

	if (nr > ERAD_BOOKMARKS)
		return "it has too many bookmarks";
	for (i = 0; i < nr; i++) {
		memcpy(name, h->bookmark[i].name, ERAD_BOOKMARK_NAME);
		if (bookmark_check_name(name, NULL))
			return "the name of a bookmark is not valid";
		if (strcmp(name, last) <= 0)
			return "the bookmarks are not in order";
		if (!h->bookmark[i].timeline || h->bookmark[i].era == htole32(UINT32_MAX))
			return "a bookmark names no moment";
		strcpy(last, name);
	}
	return NULL;
}

/* Returns what is wrong with the content, or NULL if it is valid. */
static const char *wrong_content(const struct erad_disk_history *h, uint32_t floor)
{
	const uint32_t gaps = le32toh(h->nr_gaps), timelines = le32toh(h->nr_timelines);
	uint32_t i, last = 0;

	if (gaps > ERAD_GAPS)
		return "it has too many gaps";
	if (timelines > ERAD_TIMELINES)
		return "it has too many timelines";
	for (i = 0; i < gaps; i++) {
		if (le32toh(h->gap[i].era) > floor)
			return "a gap is newer than the floor";
		if (le32toh(h->gap[i].era) < last)
			return "the gaps are not in order";
		last = le32toh(h->gap[i].era);
	}
	for (i = 0, last = 1; i < timelines; i++) {
		const uint32_t era = le32toh(h->timeline[i].first_era);

		if (!h->timeline[i].number || era < last || era == UINT32_MAX)
			return "the timelines are not in order";
		last = era + 1;
	}
	return wrong_bookmarks(h);
}

int history_read(struct engine *e, const struct erad_disk_super *sb, struct erad_disk_history *h,
		 struct err *err)
{
	const uint64_t seq = le64toh(sb->history_seq);
	const char *what;
	int ret;

	if (!history_there(sb) || !seq) {
		memset(h, 0, sizeof(*h));
		return 0;
	}
	ret = e->ops->read(e, h, place_of(seq), HISTORY_BYTES);
	if (ret)
		return err_set(err, ret, "%s: cannot read the history from page %" PRIu64 ": %s", e->name,
			       place_of(seq) / ERAD_PAGE, strerror(-ret));
	if (le32toh(h->csum) != history_csum(h))
		what = "the checksum is wrong";
	else if (le64toh(h->seq) != seq)
		what = "the superblock names another copy";
	else
		what = wrong_content(h, le32toh(sb->floor_era));
	return what ? err_set(err, -EUCLEAN, "%s: the history at page %" PRIu64 " is damaged: %s (without 'eractl repair', the metadata cannot be opened)",
			      e->name, place_of(seq) / ERAD_PAGE, what) : 0;
}

void history_salvage(struct engine *e, const struct erad_disk_super *sb,
		     struct erad_disk_history *h)
{
	const uint32_t floor = le32toh(sb->floor_era);
	uint64_t best = 0;
	unsigned int i;
	uint32_t gap;

	for (i = 0; i < 4 && history_there(sb); i++) {
		/* Read both copies to compare them, then read the better copy again. */
		const uint64_t place = place_of(i < 2 ? i : best);

		if (i == 2 && !best)
			break;
		if (e->ops->read(e, h, place, HISTORY_BYTES) || le32toh(h->csum) != history_csum(h) ||
		    (le64toh(h->seq) & 1) != (i < 2 ? i : best & 1) || wrong_content(h, UINT32_MAX))
			continue;
		if (i >= 2) {
			for (gap = 0; gap < le32toh(h->nr_gaps); gap++)
				if (le32toh(h->gap[gap].era) > floor)
					h->gap[gap].era = sb->floor_era;
			return;
		}
		if (le64toh(h->seq) > best)
			best = le64toh(h->seq);
	}
	memset(h, 0, sizeof(*h));
}

int history_write(struct engine *e, struct erad_disk_super *sb, struct erad_disk_history *h)
{
	const uint64_t seq = le64toh(sb->history_seq) + 1;
	int ret;

	h->seq = htole64(seq);
	h->csum = htole32(history_csum(h));
	ret = e->ops->write(e, h, place_of(seq), HISTORY_BYTES);
	if (!ret)
		sb->history_seq = htole64(seq);
	return ret;
}

void history_add_gap(struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era,
		     uint64_t time, const char *detail)
{
	uint32_t nr = le32toh(h->nr_gaps), i;
	struct erad_disk_gap *g = NULL;

	for (i = 0; i < nr && !g; i++)
		if (h->gap[i].kind == htole32(kind) && h->gap[i].era == htole32(era))
			g = &h->gap[i];
	if (!g) {
		if (nr == ERAD_GAPS)
			memmove(&h->gap[0], &h->gap[1], --nr * sizeof(h->gap[0]));
		g = &h->gap[nr];
		h->nr_gaps = htole32(nr + 1);
		h->gaps_total[kind] = htole64(le64toh(h->gaps_total[kind]) + 1);
	}
	memset(g, 0, sizeof(*g));
	g->kind = htole32(kind);
	g->era = htole32(era);
	g->time = htole64(time);
	memcpy(g->detail, detail, strnlen(detail, sizeof(g->detail)));
}

/* Returns whether gap i has this kind and this detail. */
static bool same_gap(const struct erad_disk_history *h, uint32_t i, enum erad_gap_kind kind, const char *detail)
{
	const struct erad_disk_gap *g = &h->gap[i];
	const size_t n = strnlen(detail, sizeof(g->detail));

	return g->kind == htole32(kind) && !memcmp(g->detail, detail, n) && (n == sizeof(g->detail) || !g->detail[n]);
}

bool history_gap_is_newest(const struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era, const char *detail)
{
	const uint32_t nr = le32toh(h->nr_gaps);

	return nr && h->gap[nr - 1].era == htole32(era) && same_gap(h, nr - 1, kind, detail);
}

void history_renew_gap(struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era, const char *detail,
		       uint32_t snapshot)
{
	const uint32_t nr = le32toh(h->nr_gaps);

	if (!nr || !same_gap(h, nr - 1, kind, detail))
		return;
	if (snapshot && le32toh(h->gap[nr - 1].era) <= snapshot) {
		/*
		 * The snapshot shows the newest gap, so this gap must stay.  If the gap before it
		 * has the same kind and detail, overwrite that gap with the newest gap, and renew
		 * the last entry.
		 */
		if (nr < 2 || !same_gap(h, nr - 2, kind, detail))
			return;
		h->gap[nr - 2] = h->gap[nr - 1];
	}
	h->gap[nr - 1].era = htole32(era);
}

struct erad_disk_history *history_edit(struct store *s)
{
	memcpy(s->history_new, s->history, sizeof(*s->history));
	return s->history_new;
}

/*
 * Before the copy that is not in force is written again, ensures that no superblock on the disk
 * names this copy.  A superblock whose write has failed may be on the disk nevertheless, and may
 * name the copy.  So a superblock that names the copy in force must durably replace it.
 */
static int settle_supers(struct store *s)
{
	struct erad_disk_super sb = s->super;

	return s->history_unsettled ? store_next_super(s, &sb) : 0;
}

int history_commit(struct store *s, struct erad_disk_super *sb)
{
	unsigned long lost;
	int ret;

	ret = settle_supers(s);
	if (ret)
		return ret;
	lost = store_lost_writes(s);
	ret = history_write(s->e, sb, s->history_new);
	failpoint(FAILPOINT_HISTORY_WRITTEN);
	if (!ret)
		ret = store_flush(s, lost);
	failpoint(FAILPOINT_HISTORY_FLUSHED);
	if (ret)
		return ret;
	s->history_unsettled = true;
	ret = store_next_super(s, sb);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->lock);
	memcpy(s->history, s->history_new, sizeof(*s->history));
	pthread_mutex_unlock(&s->lock);
	return 0;
}

int history_commit_both(struct store *s, struct erad_disk_super *sb)
{
	struct erad_disk_super other;
	int ret;

	ret = history_commit(s, sb);
	if (ret)
		return ret;
	other = s->super;
	/* The change is durable already.  If this write fails, only the second superblock is missing. */
	store_next_super(s, &other);
	return 0;
}

int history_check_room(const struct engine *e, const struct erad_disk_super *sb, struct err *err)
{
	const uint64_t least = ERAD_JOURNAL_MIN + ERAD_JOURNAL_START - ERAD_JOURNAL_START_OLD;

	if (history_there(sb) || le64toh(sb->journal_pages) >= least)
		return 0;
	return err_set(err, -EOVERFLOW, "%s: it can only be read: it was made by an older version with a journal of %"
		       PRIu64 " pages, expected at least %" PRIu64
		       " to have room for the history; make new metadata from it with 'eractl dump' and 'eractl restore'",
		       e->name, le64toh(sb->journal_pages), least);
}

int history_upgrade(struct store *s, struct err *err)
{
	const uint64_t pages = ERAD_JOURNAL_START - ERAD_JOURNAL_START_OLD;
	struct erad_disk_super sb;
	int ret;

	if (history_there(&s->super))
		return 0;
	pthread_mutex_lock(&s->fold_lock);
	ret = store_fold_locked(s, err);
	if (ret)
		goto out;
	sb = s->super;
	sb.incompat |= htole64(ERAD_INCOMPAT_HISTORY);
	sb.history_seq = 0;
	sb.journal_start = htole64(ERAD_JOURNAL_START);
	sb.journal_pages = htole64(le64toh(sb.journal_pages) - pages);
	/*
	 * An append may have failed, and its group may still be in the ring.  Begin the journal
	 * after the place of this group.
	 */
	sb.journal_tail = htole64(s->head + ERAD_GROUP_MAX);
	ret = store_next_super(s, &sb);
	if (!ret)
		ret = store_next_super(s, &sb);
	if (ret) {
		store_io_error(s, err, ret, "cannot make room for the history");
		goto out;
	}
	pthread_mutex_lock(&s->lock);
	s->journal.start = le64toh(sb.journal_start);
	s->journal.pages = le64toh(sb.journal_pages);
	s->head = s->tail = le64toh(sb.journal_tail);
	pthread_mutex_unlock(&s->lock);
out:
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}
