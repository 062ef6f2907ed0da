// SPDX-License-Identifier: GPL-2.0-or-later
/* Repairs damaged metadata by marking too much: see repair.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/build.h"
#include "store/degrade.h"
#include "store/format.h"
#include "store/history.h"
#include "store/history_copy.h"
#include "store/repair.h"
#include "store/repair_array.h"
#include "store/repair_state.h"
#include "store/replay.h"
#include "store/state.h"

/* A repair writes at most this many superblocks, and at most this many pages of the journal. */
#define MAX_STEPS	16u

#define JOURNAL_LOST	"a repair has emptied the journal, which was damaged"

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
		 * The journal may have begun the era of the witness, and may have recorded writes
		 * to the places of the witness.  Without these records, each of these writes would
		 * look like a write past erad.
		 */
		memset(r->history->item[STORE_WITNESS], 0, sizeof(r->history->item[STORE_WITNESS]));
	}
	ret = history_write(r->e, &r->sb, r->history);
	if (!ret)
		ret = r->e->ops->flush(r->e);
	return ret ? err_set(err, ret, "%s: cannot write the history: %s", r->e->name, strerror(-ret)) : 0;
}

/*
 * Replaces a damaged journal.  The content of the journal is not known, so every block counts as
 * written.  The new superblocks name an empty journal, which begins after all pages that are in the
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
	repair_say(r, "%s: all %" PRIu64 " blocks count as written in era %" PRIu32, why,
	    r->array.nr_blocks, r->era);
	r->out->over_marked = r->array.nr_blocks;
	return 0;
}

/*
 * Replaces a damaged history by an older copy.  Records a gap, because the damaged copy may have
 * contained more gaps.  If the journal was replaced, the gap is recorded already.  head: the
 * sequence number after the last page of the journal.
 */
static int replace_history(struct repair *r, uint64_t head, struct err *err)
{
	int ret = 0;

	if (!r->journal_lost) {
		if (r->raised) {
			/*
			 * The current era of the metadata must not be before the era of the floor,
			 * so begin the floor's era here.  All blocks count as written, so no mark
			 * is missed.  The group of an append that failed may be on the disk after
			 * the head.  So begin the journal after the place of this group.
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
	repair_say(r, "%s: all %" PRIu64 " blocks count as written in era %" PRIu32, r->history_damaged.msg,
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

/*
 * Repairs metadata without a valid superblock.  r->sb: the superblock that super_salvage() has put
 * together.  why: what is wrong with the superblocks, for the report.
 */
static int repair_supers(struct repair *r, const uint8_t new_uuid[16], const char *why,
			 struct err *err)
{
	/* In metadata of an older version, pages of the ring are in the place of the history. */
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
	repair_init(r);
	ret = journal_newest(&r->journal, &head, &r->era, err);
	if (ret)
		return ret;
	ret = repair_scan_array(r, err);
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
	repair_say(r, "%s: new metadata, with a new UUID: all %" PRIu64
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
		return err_set(err, ret, "%s: cannot read the degrade record: %s", r->e->name,
			       strerror(-ret));
	r->record_unreadable = ret;
	r->record_damaged = ret || degrade_damaged(&r->sb, r->buf);
	return 0;
}

/*
 * Overwrites an unreadable degrade record with garbage.  Garbage counts as a record in force, which
 * the lost record may have been.
 */
static int overwrite_unreadable_record(struct repair *r, struct err *err)
{
	int ret;

	if (!r->record_unreadable)
		return 0;
	repair_fill_garbage(r->buf);
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

	repair_init(r);
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
	ret = repair_scan_array(r, err);
	if (!ret)
		ret = look_at_record(r, err);
	if (!ret)
		ret = look_at_history(r, err);
	if (ret)
		return ret;
	bad = bitset_find(&r->bad, 0, repair_sectors(r), true) < repair_sectors(r);
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
		repair_say(r, "%s: superblock %s was damaged and is written anew", r->e->name,
		    damaged & 1 ? "A" : "B");
	if (r->raised)
		repair_say(r, "%s: blocks were written in era %" PRIu32 ", which had not begun: this era is the current one now",
		    r->e->name, r->era);
	return 0;
}

/*
 * Replaces a damaged degrade record by the floor: all blocks count as written, because the record
 * may have been in force.
 */
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
	repair_say(r, "%s: the degrade record was damaged: all %" PRIu64
	    " blocks count as written in era %" PRIu32, s->e->name, info.nr_blocks, info.era);
	r->out->over_marked = info.nr_blocks;
	return 0;
}

/*
 * Opens the metadata, completes the repair, and closes the metadata.  The open and the close write
 * both superblocks.  Destroys r->e.
 */
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
	r.buf = aligned_alloc(ERAD_PAGE, REPAIR_CHUNK * ERAD_PAGE);
	r.history = aligned_alloc(ERAD_PAGE, sizeof(*r.history));
	if (!r.buf || !r.history) {
		ret = repair_no_memory(&r, err);
		goto out;
	}
	ret = super_read(e, &r.sb, &why);
	/*
	 * If one superblock is torn and the other is unreadable, the metadata has no valid
	 * superblock, just as if both were torn.
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
