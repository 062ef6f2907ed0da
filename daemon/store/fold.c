// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fold: moves the content of the journal into the era array, and then moves the tail.  If a
 * snapshot was requested, the fold also makes the snapshot.
 */
#include <endian.h>

#include "common/failpoint.h"
#include "store/fold.h"
#include "store/pool.h"

/* If the marks need more bytes than this, a fold begins even if the ring has much free space. */
#define OVERLAY_BYTES	(256u << 20)

int store_save_pages(struct store *s, struct array *a, const struct overlay *o, struct err *err)
{
	const unsigned long lost = store_lost_writes(s);
	struct nodes nodes = { 0 };
	bool wrote;
	int ret;

	if (!s->snapshot.era)
		return 0;
	ret = snapshot_save(&s->snapshot, a, o, s->fold_buf, &wrote, err);
	if (ret || !wrote)
		return ret;
	ret = store_flush(s, lost);
	if (ret)
		return store_io_error(s, err, ret, "cannot flush the snapshot's pages");
	store_borrow_nodes(s, &nodes);
	snapshot_saved(&s->snapshot, a, o, &nodes);
	store_return_nodes(s, &nodes);
	return 0;
}

/*
 * Returns the floor for the snapshot that begins.  The snapshot shows no era after fold_era, so a
 * later floor counts as fold_era.
 */
static uint32_t snapshot_floor(struct store *s)
{
	uint32_t ret;

	pthread_mutex_lock(&s->lock);
	ret = store_floor(s);
	pthread_mutex_unlock(&s->lock);
	return ret < s->fold_era ? ret : s->fold_era;
}

/*
 * Moves the frozen marks into the array.  On failure, the marks stay frozen, and the next fold
 * moves all of them again.  Context: fold_lock; s->folding is true.
 */
static int finish_fold(struct store *s, struct err *err)
{
	struct erad_disk_super sb = s->super;
	uint64_t over_marked = 0;
	unsigned long lost;
	struct nodes nodes = { 0 };
	struct overlay done;
	int ret;

	failpoint(FAILPOINT_FOLD_FROZEN);
	/*
	 * Check first that the file was not truncated.  A write near its former end would extend
	 * the file again, and would hide that content is lost.
	 */
	ret = engine_find(s->e, false, err);
	if (ret)
		return ret;
	/*
	 * Copy the pages that a snapshot shows.  A copy must be durable before its page is
	 * overwritten.
	 */
	ret = store_save_pages(s, &s->array, &s->frozen, err);
	if (ret)
		return ret;
	lost = store_lost_writes(s);
	ret = array_fold(&s->array, &s->frozen, s->fold_era, s->fold_buf, &over_marked, err);
	pthread_mutex_lock(&s->lock);
	s->over_marked += over_marked;
	pthread_mutex_unlock(&s->lock);
	if (ret)
		return ret;
	failpoint(FAILPOINT_FOLD_WRITTEN);
	/*
	 * The array must be durable before the tail moves.  Otherwise, a crash between the two
	 * would lose marks.
	 */
	ret = store_flush(s, lost);
	if (ret)
		return store_io_error(s, err, ret, "cannot flush the era array");
	failpoint(FAILPOINT_FOLD_FLUSHED);

	sb.era = htole32(s->fold_era);
	sb.era_time = htole64(s->fold_times.era);
	sb.checkpoint_time = htole64(s->fold_times.checkpoint);
	sb.journal_tail = htole64(s->fold_to);
	if (s->fold_snapshot) {
		sb.snap_era = sb.era;
		sb.snap_floor_era = htole32(snapshot_floor(s));
		sb.snap_nr_sectors = sb.nr_sectors;
		sb.flags &= ~htole32(ERAD_SB_SNAP_LASTS);
		sb.flags |= htole32(s->fold_snapshot == SNAPSHOT_LASTS ? ERAD_SB_SNAP_LASTS : 0);
	}
	ret = store_next_super(s, &sb);
	if (ret)
		return store_io_error(s, err, ret, "cannot move the journal's tail");

	/*
	 * The superblock is durable.  From now on, the ring's pages before the tail may be used
	 * again.
	 */
	failpoint(FAILPOINT_FOLD_DONE);
	if (s->fold_snapshot)
		store_set_snapshot(s);
	pthread_mutex_lock(&s->lock);
	done = s->frozen;
	s->frozen.newest = NULL;
	s->tail = s->fold_to;
	s->folds++;
	s->fold_snapshot = SNAPSHOT_NONE;
	pthread_mutex_unlock(&s->lock);
	s->folding = false;
	overlay_destroy(&done, &nodes);
	/*
	 * Return the nodes before fold_lock is released, because a mark that waits for this lock
	 * needs them.
	 */
	store_return_nodes(s, &nodes);
	return 0;
}

/*
 * Freezes the active marks.  Context: fold_lock; s->folding is false.
 *
 * The marks of a group become active before head moves past the group.  So the frozen marks include
 * all marks of the groups before fold_to.  They may also include marks of an append that is under
 * way or has failed.  A fold writes the marks of a failed append even if the journal is empty,
 * because other marks may need their memory.
 *
 * If a snapshot was requested, freezes only the marks from before the snapshot, and returns true:
 * the caller must fold again.
 */
static bool freeze_overlay(struct store *s)
{
	bool to_snapshot;

	pthread_mutex_lock(&s->lock);
	to_snapshot = s->begin.kind;
	if (to_snapshot) {
		overlay_split(&s->active, s->begin.era, &s->frozen);
		s->fold_to = s->begin.seq;
		s->fold_era = s->begin.era;
		s->fold_times = s->begin.times;
		s->fold_snapshot = s->begin.kind;
		s->begin.kind = SNAPSHOT_NONE;
		s->folding = true;
	} else if (s->head != s->tail || s->active.newest) {
		s->frozen = s->active;
		s->active.newest = NULL;
		s->fold_to = s->head;
		s->fold_era = s->era;
		s->fold_times = s->times;
		s->folding = true;
	}
	pthread_mutex_unlock(&s->lock);
	return to_snapshot;
}

int store_fold_locked(struct store *s, struct err *err)
{
	bool more = true;
	int ret = 0;

	if (s->folding)		/* an earlier fold has failed, so repeat it */
		ret = finish_fold(s, err);
	while (more && !ret) {
		more = freeze_overlay(s);
		if (s->folding)
			ret = finish_fold(s, err);
	}
	return ret;
}

int store_fold(struct store *s, struct err *err)
{
	int ret;

	ret = store_check_writable(s, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->fold_lock);
	ret = store_fold_locked(s, err);
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}

bool store_wants_fold(struct store *s)
{
	bool ret;

	pthread_mutex_lock(&s->lock);
	ret = s->head - s->tail >= s->journal.pages / 2 ||
	      overlay_bytes(&s->active) > OVERLAY_BYTES;
	pthread_mutex_unlock(&s->lock);
	return ret;
}
