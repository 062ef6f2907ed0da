// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the journal ring: finds the end of the journal, and checks that the pages after the end can
 * be the result of a crash.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal_page.h"
#include "store/replay.h"

#define WINDOW_PAGES	256u	/* pages that are read at a time: 1 MiB */

/*
 * Size of the buffer for the runs of one page, in pages.  Each run in a page takes two bytes or
 * more.
 */
#define RUN_PAGES	8u

_Static_assert(sizeof(((struct erad_disk_journal *)0)->payload) / 2 * sizeof(struct run) <=
	       RUN_PAGES * ERAD_PAGE, "the runs of a page fit into the buffer");

/* The part of the ring that is in memory, and a copy of the current group. */
struct window {
	struct journal *j;
	struct erad_disk_journal *pages;
	/*
	 * first: position in the ring of the first page in memory.  nr: number of pages in memory.
	 * max: limit of nr.
	 */
	uint64_t first, nr, max;
	struct erad_disk_journal *group;
	struct run *runs;		/* the runs of one page */
	journal_mark_fn mark;
	void *ctx;
};

static int read_page(struct window *w, uint64_t place, const struct erad_disk_journal **page,
		     struct err *err)
{
	struct journal *j = w->j;

	if (place < w->first || place - w->first >= w->nr) {
		const uint64_t n = j->pages - place;
		int ret;

		w->first = place;
		w->nr = n < w->max ? n : w->max;
		ret = j->e->ops->read(j->e, w->pages, (j->start + place) * ERAD_PAGE,
				      w->nr * ERAD_PAGE);
		if (ret) {
			w->nr = 0;
			return err_set(err, ret, "%s: cannot read the journal from page %" PRIu64 ": %s",
				       j->e->name, j->start + place, strerror(-ret));
		}
	}
	*page = &w->pages[place - w->first];
	return 0;
}

/* Returns whether the page is valid, belongs to this volume, and is at its place in the ring. */
static bool page_valid(const struct journal *j, const struct erad_disk_journal *page,
		       uint64_t place)
{
	const uint64_t seq = le64toh(page->seq);

	/*
	 * Compare the checksum last, because most pages of a ring were never written and fail the
	 * first comparison.
	 */
	return !memcmp(page->uuid, j->uuid, sizeof(j->uuid)) && seq % j->pages == place &&
	       page->count <= ERAD_GROUP_MAX && page->index < page->count &&
	       seq >= page->index && le64toh(page->durable) == seq - page->index &&
	       le32toh(page->csum) == journal_page_csum(page);
}

static bool same_group(const struct erad_disk_journal *a, const struct erad_disk_journal *b)
{
	return a->group == b->group && a->durable == b->durable && a->era == b->era &&
	       a->type == b->type && a->count == b->count;
}

/*
 * Copies the group at seq to w->group.  Sets *count to the number of its pages, or to 0 if there is
 * no complete group.
 */
static int read_group(struct window *w, uint64_t seq, unsigned int *count, struct err *err)
{
	const struct erad_disk_journal *page = NULL;
	unsigned int i;
	int ret;

	*count = 0;
	i = 0;
	do {
		const uint64_t place = (seq + i) % w->j->pages;

		ret = read_page(w, place, &page, err);
		if (ret)
			return ret;
		if (!page_valid(w->j, page, place) || le64toh(page->seq) != seq + i ||
		    page->index != i || !same_group(page, i ? w->group : page))
			return 0;
		memcpy(&w->group[i], page, sizeof(*page));
	} while (++i < w->group[0].count);

	if (le32toh(w->group[0].group) == journal_group_csum(w->group, i))
		*count = i;
	return 0;
}

/*
 * Decodes the number at p into *v.  Returns a pointer to the byte after the number.  Returns NULL
 * if the payload, which ends before `end`, has no complete number there, or if the number does not
 * fit into 64 bits.
 */
static __attribute__((noinline)) const uint8_t *get_long_varint(const uint8_t *p, const uint8_t *end,
								uint64_t *v)
{
	unsigned int shift;

	*v = 0;
	for (shift = 0; shift < 7 * VARINT_MAX && p < end; shift += 7) {
		const uint64_t byte = *p++;

		if (shift == 63 && byte > 1)
			return NULL;
		*v |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return p;
	}
	return NULL;
}

/*
 * As get_long_varint(), with a fast path for numbers of one or two bytes.  An open after a crash
 * may decode more than a million numbers while writes wait, and most of the numbers are that short.
 */
static inline const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	if (end - p >= 2) {
		const uint64_t low = p[0], high = p[1];

		if (low < 0x80) {
			*v = low;
			return p + 1;
		}
		if (high < 0x80) {
			*v = (low & 0x7f) | high << 7;
			return p + 2;
		}
	}
	return get_long_varint(p, end, v);
}

/*
 * Decodes all runs of a MARK page, and passes them to w->mark.  Returns the result of w->mark.  If
 * the page is wrong, does not call w->mark, sets *why to the reason, and returns 0.
 */
static int visit_runs(const struct window *w, const struct erad_disk_journal *page,
		      const char **why)
{
	const uint64_t nr_blocks = w->j->nr_blocks;
	const unsigned int bytes = le16toh(page->bytes), nr = le16toh(page->nr_runs);
	const uint8_t *p = page->payload, *stop;
	uint64_t gap, len, pos = 0;
	unsigned int i;

	*why = NULL;
	if (bytes > sizeof(page->payload)) {
		*why = "has more payload than fits into a page";
		return 0;
	}
	stop = p + bytes;
	for (i = 0; i < nr; i++) {
		p = get_varint(p, stop, &gap);
		if (p)
			p = get_varint(p, stop, &len);
		if (!p) {
			*why = "has fewer runs than its header says";
			return 0;
		}
		if (gap >= nr_blocks - pos || len == 0 || len > nr_blocks - pos - gap) {
			*why = "contains a run that is not on the device";
			return 0;
		}
		w->runs[i] = (struct run){ pos + gap, len };
		pos += gap + len;
	}
	if (i == 0 || p != stop) {
		*why = "has no runs, or has payload after its last run";
		return 0;
	}
	return w->mark(w->ctx, le32toh(page->era), w->runs, i);
}

/*
 * Processes a group whose checksums are valid: updates *end, and passes the runs to w->mark.  No
 * crash can cause wrong content with valid checksums, so wrong content is an error.
 */
static int visit_group(const struct window *w, unsigned int count, struct journal_end *end,
		       struct err *err)
{
	const struct erad_disk_journal *page = w->group;
	const uint32_t era = le32toh(page->era);
	const char *why = NULL;
	unsigned int i;
	int ret = 0;

	switch (le16toh(page->type)) {
	case ERAD_J_ERA_BEGIN:
		if (era <= end->era || era == UINT32_MAX)
			why = "begins an era that is not newer";
		else if (count != 1 || page->nr_runs || page->bytes)
			why = "begins an era and has runs";
		if (!why) {
			end->era = era;
			era_times_add(&end->times, page);
		}
		break;
	case ERAD_J_MARK:
		if (era != end->era || era == 0)
			why = "has marks of another era";
		for (i = 0; i < count && !why && !ret; i++)
			ret = visit_runs(w, &page[i], &why);
		break;
	default:
		why = "is of an unknown type";
	}
	if (why)
		return err_set(err, -EUCLEAN,
			       "%s: journal page %" PRIu64 " %s (type %u, era %" PRIu32
			       ", expected era %" PRIu32 ")", w->j->e->name, le64toh(page->seq), why,
			       le16toh(page->type), era, end->era);
	if (ret)
		return err_set(err, ret, "%s: cannot replay journal page %" PRIu64 ": %s",
			       w->j->e->name, le64toh(page->seq), strerror(-ret));
	return 0;
}

/*
 * Checks that replay has not ended too early.  Replay has ended at head because the page at head is
 * not valid.  Each page has a field `durable`: all pages before this sequence number were durable
 * when the page was written.  If a valid page shows that the page at head was durable, the page at
 * head is lost.
 *
 * The pages from tail to head - 1 need no check: replay has read them, and their sequence numbers
 * are below head, so their fields `durable` are below head, too.
 */
static int check_not_lost(struct window *w, uint64_t tail, uint64_t head, struct err *err)
{
	const struct erad_disk_journal *page;
	uint64_t left, place = head % w->j->pages;
	int ret;

	for (left = w->j->pages - (head - tail); left; left--, place = (place + 1) % w->j->pages) {
		ret = read_page(w, place, &page, err);
		if (ret)
			return ret;
		if (page_valid(w->j, page, place) && le64toh(page->durable) > head)
			return err_set(err, -EUCLEAN,
				       "%s: journal page %" PRIu64 " (at page %" PRIu64
				       ") is lost: it was durable before journal page %" PRIu64
				       " was written", w->j->e->name, head,
				       w->j->start + head % w->j->pages, le64toh(page->seq));
	}
	return 0;
}

static int window_init(struct window *w, struct journal *j, struct err *err)
{
	*w = (struct window){ .j = j };
	w->max = j->pages < WINDOW_PAGES ? j->pages : WINDOW_PAGES;
	w->pages = aligned_alloc(ERAD_PAGE, (w->max + ERAD_GROUP_MAX + RUN_PAGES) * ERAD_PAGE);
	if (!w->pages)
		return err_set(err, -ENOMEM, "%s: out of memory", j->e->name);
	w->group = w->pages + w->max;
	w->runs = (void *)(w->group + ERAD_GROUP_MAX);
	return 0;
}

/* Reads a page as read_page() does.  If the page cannot be read, sets *page to NULL. */
static int read_page_or_none(struct window *w, uint64_t place,
			     const struct erad_disk_journal **page, struct err *err)
{
	struct err why;
	int ret;

	ret = read_page(w, place, page, &why);
	if (ret == -EIO && w->max > 1) {
		/* A page of the window cannot be read.  Read one page at a time from here on. */
		w->max = 1;
		ret = read_page(w, place, page, &why);
	}
	if (ret == -EIO) {
		*page = NULL;
		return 0;
	}
	return ret ? err_set(err, ret, "%s", why.msg) : 0;
}

int journal_overwrite_unreadable(struct journal *j, struct err *err)
{
	const struct erad_disk_journal *page;
	struct window w;
	uint64_t place;
	int ret;

	ret = window_init(&w, j, err);
	for (place = 0; place < j->pages && !ret; place++) {
		ret = read_page_or_none(&w, place, &page, err);
		if (ret || page)
			continue;
		memset(w.group, 0, ERAD_PAGE);
		ret = j->e->ops->write(j->e, w.group, (j->start + place) * ERAD_PAGE, ERAD_PAGE);
		if (ret)
			err_set(err, ret, "%s: page %" PRIu64
				" of the journal can be neither read nor written: %s", j->e->name,
				j->start + place, strerror(-ret));
	}
	free(w.pages);
	if (!ret && j->e->ops->flush(j->e))
		ret = err_set(err, -EIO, "%s: cannot flush the journal", j->e->name);
	return ret;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a < UINT64_MAX - b ? a + b : UINT64_MAX;
}

int journal_newest(struct journal *j, uint64_t *head, uint32_t *era, struct err *err)
{
	const struct erad_disk_journal *page;
	uint64_t place, unreadable = 0, rings = 2, newest;
	struct window w;
	int ret;

	ret = window_init(&w, j, err);
	for (place = 0; place < j->pages && !ret; place++) {
		ret = read_page_or_none(&w, place, &page, err);
		unreadable += !ret && !page;
		if (ret || !page || !page_valid(j, page, place))
			continue;
		rings = 1;
		if (le64toh(page->seq) >= *head)
			*head = add_capped(le64toh(page->seq), 1);
		if (le32toh(page->era) > *era && page->era != htole32(UINT32_MAX))
			*era = le32toh(page->era);
	}
	free(w.pages);
	if (unreadable) {
		*head = add_capped(*head, rings * j->pages);
		newest = *era + rings * unreadable;
		*era = newest < UINT32_MAX ? newest : UINT32_MAX - 1;
	}
	return ret;
}

int journal_replay(struct journal *j, uint64_t tail, uint32_t era,
		   journal_mark_fn mark, void *ctx, struct journal_end *end, struct err *err)
{
	unsigned int count;
	struct window w;
	int ret;

	*end = (struct journal_end){ .head = tail, .last = tail, .era = era };
	ret = window_init(&w, j, err);
	if (ret)
		return ret;
	w.mark = mark;
	w.ctx = ctx;

	for (;;) {
		ret = read_group(&w, end->head, &count, err);
		if (ret || count == 0 || end->head - tail + count > j->pages)
			break;
		ret = visit_group(&w, count, end, err);
		if (ret)
			break;
		end->last = end->head;
		end->head += count;
	}
	if (!ret)
		ret = check_not_lost(&w, tail, end->head, err);
	free(w.pages);
	return ret;
}
