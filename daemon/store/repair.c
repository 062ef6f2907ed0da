// SPDX-License-Identifier: GPL-2.0-or-later
/* Repairs damaged metadata by marking too much: see repair.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/build.h"
#include "store/degrade.h"
#include "store/format.h"
#include "store/history.h"
#include "store/history_copy.h"
#include "store/repair.h"
#include "store/replay.h"
#include "store/state.h"

/* Pages of the array that are read at a time: 1 MiB, more than ARRAY_FOLD_PAGES. */
#define CHUNK_PAGES	256u

/*
 * An upper limit of the number of superblocks and of the number of journal pages that a repair
 * writes.
 */
#define MAX_STEPS	16u

#define JOURNAL_LOST	"a repair has emptied the journal, which was damaged"

struct repair {
	struct engine *e;
	void (*say)(void *ctx, const char *what);
	void *ctx;
	struct store_repaired *out;
	struct erad_disk_super sb;
	struct array array;
	struct journal journal;
	uint32_t era;			/* the newest era in any part of the metadata */
	bool raised;			/* the array has newer eras than the journal */
	struct bitset bad;		/* sectors of the array that must be rewritten */
	/* State of the degrade record.  An unreadable record is also damaged. */
	bool record_damaged, record_unreadable;
	/* Pages of the array that cannot be read.  All sectors of these pages are also in `bad`. */
	struct bitset unreadable;
	struct erad_disk_history *history;
	/* Why the history in force cannot be used.  "": it can be used. */
	struct err history_damaged;
	bool journal_lost;
	struct erad_disk_eras *buf;	/* buffer of CHUNK_PAGES pages */
};

static void say(struct repair *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct repair *r, const char *fmt, ...)
{
	char what[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r->out->repairs++;
	r->say(r->ctx, what);
}

static int no_memory(struct repair *r, struct err *err)
{
	return err_set(err, -ENOMEM, "%s: out of memory", r->e->name);
}

static uint64_t nr_sectors(const struct repair *r)
{
	return r->array.pages * ARRAY_PAGE_SECTORS;
}

/* Fills a page with garbage, so that none of its sectors is valid. */
static void fill_with_garbage(struct erad_disk_eras *page)
{
	memset(page, 0xff, ERAD_PAGE);
}

/*
 * Reads pages into r->buf.  Adds a page that cannot be read to r->unreadable, and fills its part of
 * the buffer with garbage.
 */
static int read_or_garble(struct repair *r, uint64_t page, uint64_t nr, struct err *err)
{
	struct err why;
	uint64_t i;
	int ret;

	if (!array_read(&r->array, ARRAY_MAIN, r->buf, page, nr, NULL))
		return 0;
	for (i = 0; i < nr; i++) {
		struct erad_disk_eras *buf = &r->buf[i * ARRAY_PAGE_SECTORS];

		ret = array_read(&r->array, ARRAY_MAIN, buf, page + i, 1, &why);
		if (ret && ret != -EIO)
			return err_set(err, ret, "%s", why.msg);
		if (!ret)
			continue;
		fill_with_garbage(buf);
		if (bitset_set(&r->unreadable, page + i, 1))
			return no_memory(r, err);
	}
	return 0;
}

/* Returns the newest era in a sector, or UINT32_MAX if the sector is not valid. */
static uint32_t newest_in(const struct repair *r, const struct erad_disk_eras *e, uint64_t index)
{
	uint32_t newest = 0;
	unsigned int i;

	if (!array_sector_valid(&r->array, e, index))
		return UINT32_MAX;
	for (i = 0; i < ERAD_ERAS_PER_SECTOR; i++)
		if (le32toh(e->era[i]) > newest)
			newest = le32toh(e->era[i]);
	return newest;
}

static int scan_array(struct repair *r, struct err *err)
{
	uint64_t page, nr, i;
	int ret = 0;

	for (page = 0; page < r->array.pages; page += nr) {
		nr = r->array.pages - page;
		if (nr > CHUNK_PAGES)
			nr = CHUNK_PAGES;
		if (array_hole(&r->array, ARRAY_MAIN, page, nr))
			continue;
		ret = read_or_garble(r, page, nr, err);
		if (ret)
			return ret;
		for (i = 0; i < nr * ARRAY_PAGE_SECTORS; i++) {
			const uint64_t index = page * ARRAY_PAGE_SECTORS + i;
			const uint32_t newest = newest_in(r, &r->buf[i], index);

			if (newest == UINT32_MAX) {
				if (bitset_set(&r->bad, index, 1))
					return no_memory(r, err);
			} else if (newest > r->era) {
				r->era = newest;
				r->raised = true;
			}
		}
	}
	return 0;
}

/* Marks all blocks of the sector as written now. */
static void rewrite_sector(struct repair *r, struct erad_disk_eras *e, uint64_t index)
{
	const bool known = newest_in(r, e, index) != UINT32_MAX;
	const uint64_t first = index * ERAD_ERAS_PER_SECTOR, end = array_sector_end(&r->array, index);
	uint64_t b;

	for (b = first; b < end; b++)
		if (!known || le32toh(e->era[b - first]) < r->era)
			r->out->over_marked++;
	memset(e, 0, sizeof(*e));
	for (b = first; b < end; b++)
		e->era[b - first] = htole32(r->era);
	if (first < end)
		array_seal(e, r->array.tag, index);
}

static void say_bad(struct repair *r, uint64_t from, uint64_t to)
{
	const uint64_t first = from * ERAD_ERAS_PER_SECTOR, end = array_sector_end(&r->array, to - 1);
	uint64_t one = 1;

	const uint64_t page = array_place(&r->array, ARRAY_MAIN, from / ARRAY_PAGE_SECTORS, &one);
	const uint64_t blocks = end > first ? end - first : 0;

	if (to - from == 1)
		say(r, "%s: era array sector %" PRIu64 " (page %" PRIu64 " of the metadata) was damaged: %"
		    PRIu64 " block%s from block %" PRIu64 " count as written in era %" PRIu32,
		    r->e->name, from, page, blocks, blocks == 1 ? "" : "s", first, r->era);
	else
		say(r, "%s: era array sectors %" PRIu64 " to %" PRIu64 " (from page %" PRIu64
		    " of the metadata) were damaged: %" PRIu64 " blocks from block %" PRIu64
		    " count as written in era %" PRIu32, r->e->name, from, to - 1, page, blocks, first,
		    r->era);
}

/*
 * Writes garbage to the unreadable pages.  A page that cannot be read can often be written, and can
 * be read after the write.  The repair replaces the garbage later.
 */
static int overwrite_unreadable(struct repair *r, struct err *err)
{
	uint64_t page;
	int ret = 0;

	fill_with_garbage(r->buf);
	for (page = bitset_find(&r->unreadable, 0, r->array.pages, true); page < r->array.pages && !ret;
	     page = bitset_find(&r->unreadable, page + 1, r->array.pages, true))
		ret = array_write(&r->array, ARRAY_MAIN, r->buf, page, 1, err);
	return ret;
}

/*
 * Saves the pages that change as copies for the snapshot, because the snapshot still shows the eras
 * that are not damaged.
 */
static int save_snapshot(struct repair *r, struct err *err)
{
	struct nodes nodes = { 0 };
	struct overlay o = { .nr_blocks = r->array.nr_blocks, .pool = &nodes };
	struct snapshot p;
	uint64_t i, b;
	bool wrote;
	int ret = 0;

	if (!r->sb.snap_era)
		return 0;
	snapshot_init(&p, &r->sb);
	for (i = bitset_find(&r->bad, 0, nr_sectors(r), true); i < nr_sectors(r) && !ret;
	     i = bitset_find(&r->bad, i + 1, nr_sectors(r), true)) {
		b = i * ERAD_ERAS_PER_SECTOR;
		if (b < r->array.nr_blocks && overlay_add_all(&o, 1, &(struct run){ b, 1 }, 1))
			ret = no_memory(r, err);
	}
	if (!ret)
		ret = snapshot_save(&p, &r->array, &o, r->buf, &wrote, err);
	overlay_destroy(&o, &nodes);
	snapshot_destroy(&p, &nodes);
	nodes_free(&nodes);
	if (!ret && r->e->ops->flush(r->e))
		ret = err_set(err, -EIO, "%s: flushing the snapshot's pages failed", r->e->name);
	return ret;
}

static int rewrite_bad(struct repair *r, struct err *err)
{
	const uint64_t end = nr_sectors(r);
	uint64_t i, page, nr, last;
	int ret = 0;

	for (i = bitset_find(&r->bad, 0, end, true); i < end && !ret;
	     i = bitset_find(&r->bad, last, end, true)) {
		page = i / ARRAY_PAGE_SECTORS;
		nr = r->array.pages - page;
		if (nr > CHUNK_PAGES)
			nr = CHUNK_PAGES;
		/* Handle several bad sectors at once only if no good sector is between them. */
		last = bitset_find(&r->bad, i, end, false);
		if (nr > (last - 1) / ARRAY_PAGE_SECTORS + 1 - page)
			nr = (last - 1) / ARRAY_PAGE_SECTORS + 1 - page;
		if (last > (page + nr) * ARRAY_PAGE_SECTORS)
			last = (page + nr) * ARRAY_PAGE_SECTORS;
		ret = array_read(&r->array, ARRAY_MAIN, r->buf, page, nr, err);
		for (; i < last && !ret; i++)
			rewrite_sector(r, &r->buf[i - page * ARRAY_PAGE_SECTORS], i);
		if (!ret)
			ret = array_write(&r->array, ARRAY_MAIN, r->buf, page, nr, err);
	}
	if (!ret && r->e->ops->flush(r->e))
		ret = err_set(err, -EIO, "%s: flushing the era array failed", r->e->name);
	return ret;
}

static int repair_array(struct repair *r, struct err *err)
{
	const uint64_t end = nr_sectors(r);
	uint64_t from, to;
	int ret;

	ret = overwrite_unreadable(r, err);
	if (!ret)
		ret = save_snapshot(r, err);
	if (!ret)
		ret = rewrite_bad(r, err);
	if (ret)
		return ret;
	for (from = bitset_find(&r->bad, 0, end, true); from < end;
	     from = bitset_find(&r->bad, to, end, true)) {
		to = bitset_find(&r->bad, from, end, false);
		say_bad(r, from, to);
	}
	return 0;
}

/*
 * Raises the floor to the newest era, and records a gap with the reason: the journal is lost, or
 * the history, or both.  If there is no room for a history, reopen_and_close() makes the room and
 * records the gap.  The change is valid when r->sb is durable.
 */
static int log_repair_gaps(struct repair *r, struct err *err)
{
	int ret;

	r->sb.floor_era = htole32(r->era);
	if (!history_there(&r->sb))
		return 0;
	if (r->history_damaged.msg[0]) {
		history_add_gap(r->history, ERAD_GAP_UNKNOWN, r->era, time(NULL),
				"the history was damaged and may have had gaps");
		r->sb.flags &= ~htole32(ERAD_SB_SEALED);
		/*
		 * Write the new copy over the damaged copy, because the other copy may be the only
		 * good one.
		 */
		r->sb.history_seq = htole64(le64toh(r->sb.history_seq) + 1);
	}
	if (r->journal_lost) {
		history_add_gap(r->history, ERAD_GAP_JOURNAL, r->era, time(NULL), JOURNAL_LOST);
		/*
		 * The journal may have begun the era of the witness, and may have recorded writes to
		 * its places.  Without these records, each of these writes would look like a write
		 * past erad.
		 */
		memset(r->history->item[STORE_WITNESS], 0, sizeof(r->history->item[STORE_WITNESS]));
	}
	ret = history_write(r->e, &r->sb, r->history);
	if (!ret)
		ret = r->e->ops->flush(r->e);
	return ret ? err_set(err, ret, "%s: writing the history: %s", r->e->name, strerror(-ret)) : 0;
}

/*
 * Replaces a damaged journal.  The content of the journal is not known, so every block counts as
 * written.  The new superblocks have an empty journal, which begins after all pages that are in the
 * ring.
 */
static int replace_journal(struct repair *r, uint64_t head, const char *why, struct err *err)
{
	int ret;

	if (head > le64toh(r->sb.journal_tail))
		r->sb.journal_tail = htole64(head);
	if (r->sb.era != htole32(r->era))
		r->sb.era_time = 0;
	r->sb.era = htole32(r->era);
	r->sb.flags |= htole32(ERAD_SB_CLEAN);
	ret = log_repair_gaps(r, err);
	if (!ret)
		ret = format_finish(r->e, &r->sb, err);
	/*
	 * Overwrite the unreadable pages last.  As long as they cannot be read, the journal is
	 * refused, so a crash before this step does no harm.
	 */
	if (!ret)
		ret = journal_overwrite_unreadable(&r->journal, err);
	if (ret)
		return ret;
	say(r, "%s: all %" PRIu64 " blocks count as written in era %" PRIu32, why,
	    r->array.nr_blocks, r->era);
	r->out->over_marked = r->array.nr_blocks;
	return 0;
}

/*
 * Replaces a damaged history by an older copy.  Records a gap, because the damaged copy may have
 * had more gaps.  If the journal was replaced, the gap is recorded already.  head: the sequence
 * number after the last page of the journal.
 */
static int replace_history(struct repair *r, uint64_t head, struct err *err)
{
	int ret = 0;

	if (!r->journal_lost) {
		if (r->raised) {
			/*
			 * The current era of the metadata must not be before the era of the floor,
			 * so begin the era here.  All blocks count as written, so no mark is
			 * missed.  An append may have failed, and its group may be after the head.
			 * So begin the journal after the place of this group.
			 */
			r->sb.era = htole32(r->era);
			r->sb.era_time = 0;
			r->sb.journal_tail = htole64(head + ERAD_GROUP_MAX);
		}
		ret = log_repair_gaps(r, err);
		if (!ret)
			ret = format_finish(r->e, &r->sb, err);
	}
	if (ret)
		return ret;
	say(r, "%s: all %" PRIu64 " blocks count as written in era %" PRIu32, r->history_damaged.msg,
	    r->array.nr_blocks, r->era);
	r->out->over_marked = r->array.nr_blocks;
	return 0;
}

static int hear_nothing(void *ctx, uint32_t era, const struct run *runs, unsigned int nr)
{
	(void)ctx;
	(void)era;
	(void)runs;
	(void)nr;
	return 0;
}

static void init_repair(struct repair *r)
{
	array_init(&r->array, r->e, &r->sb);
	r->journal = (struct journal){
		.e = r->e, .start = le64toh(r->sb.journal_start),
		.pages = le64toh(r->sb.journal_pages), .nr_blocks = r->array.nr_blocks,
	};
	memcpy(r->journal.uuid, r->sb.uuid, sizeof(r->journal.uuid));
	bitset_init(&r->bad, nr_sectors(r));
	bitset_init(&r->unreadable, r->array.pages);
	r->era = le32toh(r->sb.era);
}

/*
 * Repairs metadata without a valid superblock.  r->sb has the fields of the superblocks that are
 * not lost.
 */
static int repair_supers(struct repair *r, const uint8_t new_uuid[16], const char *why,
			 struct err *err)
{
	/* In metadata of an older version, the ring has pages in the place of the history. */
	const uint64_t ring = le64toh(r->sb.array_start) - ERAD_JOURNAL_START;
	const uint64_t journal_pages = le64toh(r->sb.array_start) >= ERAD_JOURNAL_START + ERAD_JOURNAL_MIN ? ring : 0;
	struct store_geometry g = {
		.nr_sectors = le64toh(r->sb.nr_sectors),
		.block_sectors = le32toh(r->sb.block_sectors),
		.journal_pages = journal_pages,
		.chunk_pages = le32toh(r->sb.array_chunk),
	};
	struct build *b;
	uint64_t head = 0;	/* no page in the ring is valid, because the metadata is new */
	int ret;

	memcpy(g.uuid, new_uuid, sizeof(g.uuid));
	init_repair(r);
	ret = journal_newest(&r->journal, &head, &r->era, err);
	if (ret)
		return ret;
	ret = scan_array(r, err);
	if (ret)
		return ret;
	if (!r->era)
		r->era = 1;
	ret = build_begin(r->e, &g, r->era, &b, err);
	if (ret)
		return ret;
	build_floor(b, r->era);
	ret = build_end(b, err);
	if (ret)
		return ret;
	r->out->over_marked = r->array.nr_blocks;
	r->out->new_uuid = true;
	say(r, "%s: new metadata, with a new UUID: all %" PRIu64
	    " blocks count as written in era %" PRIu32, why, r->array.nr_blocks, r->era);
	return 0;
}

static int look_at_history(struct repair *r, struct err *err)
{
	int ret;

	ret = history_read(r->e, &r->sb, r->history, &r->history_damaged);
	if (ret && ret != -EUCLEAN && ret != -EIO)
		return err_set(err, ret, "%s", r->history_damaged.msg);
	if (ret)
		history_salvage(r->e, &r->sb, r->history);
	return 0;
}

static int look_at_record(struct repair *r, struct err *err)
{
	int ret;

	ret = r->e->ops->read(r->e, r->buf, ERAD_DEGRADE * ERAD_PAGE, ERAD_PAGE);
	if (ret && ret != -EIO)
		return err_set(err, ret, "%s: reading the degrade record: %s", r->e->name,
			       strerror(-ret));
	r->record_unreadable = ret;
	r->record_damaged = ret || degrade_damaged(&r->sb, r->buf);
	return 0;
}

/*
 * Overwrites an unreadable degrade record with garbage.  The record may have been in force; garbage
 * in its place counts as a record in force.
 */
static int overwrite_unreadable_record(struct repair *r, struct err *err)
{
	int ret;

	if (!r->record_unreadable)
		return 0;
	fill_with_garbage(r->buf);
	ret = r->e->ops->write(r->e, r->buf, ERAD_DEGRADE * ERAD_PAGE, ERAD_PAGE);
	return ret ? err_set(err, ret, "%s: the degrade record can be neither read nor written: %s",
			     r->e->name, strerror(-ret)) : 0;
}

/*
 * Repairs metadata that has a valid superblock.  If this sets *reopen to true, the caller must open
 * the metadata to complete the repair.
 */
static int repair_rest(struct repair *r, bool *reopen, struct err *err)
{
	const unsigned int damaged = super_damaged(r->e);
	struct journal_end end;
	struct err why;
	uint64_t head = le64toh(r->sb.journal_tail);
	int lost, ret;
	bool bad;

	init_repair(r);
	lost = journal_replay(&r->journal, head, r->era, hear_nothing, NULL, &end, &why);
	if (!lost)
		lost = super_check_floor(&r->sb, r->e->name, end.era, &why);
	if (lost && lost != -EUCLEAN && lost != -EIO)
		return err_set(err, lost, "%s", why.msg);
	if (end.era > r->era)
		r->era = end.era;
	if (le32toh(r->sb.floor_era) > r->era)
		r->era = le32toh(r->sb.floor_era);
	if (!lost) {
		head = end.head;
	} else {
		ret = journal_newest(&r->journal, &head, &r->era, err);
		if (ret)
			return ret;
	}
	ret = scan_array(r, err);
	if (!ret)
		ret = look_at_record(r, err);
	if (!ret)
		ret = look_at_history(r, err);
	if (ret)
		return ret;
	bad = bitset_find(&r->bad, 0, nr_sectors(r), true) < nr_sectors(r);
	*reopen = bad || lost || r->raised || damaged || r->record_damaged ||
		r->history_damaged.msg[0];
	if (*reopen) {
		/*
		 * Make the checks of the later open now.  If the open would refuse the metadata,
		 * the repair must not change it.
		 */
		ret = super_check_writable(r->e, &r->sb, head, MAX_STEPS, err);
		if (!ret)
			ret = history_check_room(r->e, &r->sb, err);
		if (ret)
			return ret;
	}
	if ((bad || lost) && !r->era)
		r->era = 1;
	r->journal_lost = lost;
	if (bad)
		ret = repair_array(r, err);
	if (!ret && lost)
		ret = replace_journal(r, head, why.msg, err);
	if (!ret && r->history_damaged.msg[0])
		ret = replace_history(r, head, err);
	if (!ret)
		ret = overwrite_unreadable_record(r, err);
	if (ret)
		return ret;
	if (damaged)
		say(r, "%s: superblock %s was damaged and is written anew", r->e->name,
		    damaged & 1 ? "A" : "B");
	if (r->raised)
		say(r, "%s: blocks were written in era %" PRIu32 ", which had not begun: it is the current one now",
		    r->e->name, r->era);
	return 0;
}

/* Treats a damaged record as a record in force, because the record may have been in force. */
static int replace_record(struct repair *r, struct store *s, struct err *err)
{
	struct store_info info;
	int ret;

	ret = store_set_floor(s, err);
	if (!ret)
		ret = store_end_degrade(s, err);
	if (ret)
		return ret;
	store_info(s, &info);
	say(r, "%s: the degrade record was damaged: all %" PRIu64
	    " blocks count as written in era %" PRIu32, s->e->name, info.nr_blocks, info.era);
	r->out->over_marked = info.nr_blocks;
	return 0;
}

/* Opens and closes the metadata, which writes both superblocks.  Destroys r->e. */
static int reopen_and_close(struct repair *r, struct store_info *info, struct err *err)
{
	struct store *s;
	int ret, closed;

	ret = store_open(r->e, STORE_WRITE, &s, err);
	r->e = NULL;
	if (ret)
		return ret;
	store_info(s, info);
	if (info->era < r->era)
		ret = store_begin_era(s, r->era, err);
	if (!ret && r->journal_lost && !history_there(&r->sb))
		ret = store_gap(s, ERAD_GAP_JOURNAL, JOURNAL_LOST, err);
	if (!ret && r->out->new_uuid)
		ret = store_gap(s, ERAD_GAP_UNKNOWN, "both superblocks were damaged, so the metadata is new", err);
	if (!ret && r->record_damaged)
		ret = replace_record(r, s, err);
	if (!ret)
		ret = store_fold(s, err);
	store_info(s, info);
	info->clean = true;
	closed = store_close(s, !ret, ret ? NULL : err);
	return ret ? ret : closed;
}

static int read_repaired_info(struct repair *r, struct store_info *info, struct err *err)
{
	struct store *s;
	int ret;

	ret = store_open(r->e, STORE_READ, &s, err);
	r->e = NULL;
	if (ret)
		return ret;
	store_info(s, info);
	return store_close(s, false, NULL);
}

int store_repair(struct engine *e, const uint8_t new_uuid[16],
		 void (*on_repair)(void *ctx, const char *what), void *ctx,
		 struct store_repaired *out, struct store_info *info, struct err *err)
{
	struct repair r = { .e = e, .say = on_repair, .ctx = ctx, .out = out };
	bool reopen = false;
	struct err why = { "" };
	int ret;

	*out = (struct store_repaired){ };
	r.buf = aligned_alloc(ERAD_PAGE, CHUNK_PAGES * ERAD_PAGE);
	r.history = aligned_alloc(ERAD_PAGE, sizeof(*r.history));
	if (!r.buf || !r.history) {
		ret = no_memory(&r, err);
		goto out;
	}
	ret = super_read(e, &r.sb, &why);
	/*
	 * If one superblock is torn and the other unreadable, the metadata is as lost as with two
	 * torn superblocks.
	 */
	if ((ret == -EUCLEAN || ret == -EIO) && super_damaged(e) == 3) {
		ret = super_salvage(e, &r.sb, err);
		if (!ret)
			ret = repair_supers(&r, new_uuid, why.msg, err);
	} else if (ret) {
		err_set(err, ret, "%s", why.msg);
	} else {
		ret = repair_rest(&r, &reopen, err);
	}
	if (!ret)
		ret = reopen ? reopen_and_close(&r, info, err) : read_repaired_info(&r, info, err);
	bitset_destroy(&r.bad);
	bitset_destroy(&r.unreadable);
out:
	engine_destroy(r.e);
	free(r.buf);
	free(r.history);
	return ret;
}
