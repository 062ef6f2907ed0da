// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes and drops the snapshot of a volume's metadata: see snapshot.h. */
#include <errno.h>
#include <inttypes.h>

#include "common/failpoint.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/past.h"
#include "erad/volume/snapshot.h"
#include "erad/volume/volume.h"

/*
 * Drops a snapshot that is not a lasting one and has no reader.  There are two cases.  The metadata
 * failed when the reader wanted to drop the snapshot.  Or the fold that began the snapshot returned
 * an error.  Context: snapshot_lock.
 */
static int drop_orphan(struct volume *v, struct store *s, struct err *err)
{
	struct store_info info;
	int r;

	store_info(s, &info);
	if (v->pinned || info.snapshot_lasts)
		return 0;
	/*
	 * Drop the snapshot even if the info shows none, because the next fold may begin a
	 * requested snapshot.
	 */
	r = store_drop_snapshot(s, err);
	return r == -ENOENT ? 0 : r;
}

/* Checks whether a snapshot can begin.  Context: snapshot_lock. */
static int check_free(struct volume *v, struct store *s, struct err *err)
{
	struct store_info info;
	int r = drop_orphan(v, s, err);

	if (r)
		return r;

	store_info(s, &info);
	if (!info.snapshot_era)
		return 0;
	if (info.snapshot_lasts)
		return err_set(err, -EEXIST, "a snapshot of era %" PRIu32 " is held; run 'eractl snapshot drop' to drop the snapshot",
			       info.snapshot_era);
	return err_set(err, -EBUSY,
		       "a dump or check of the volume is under way and holds the only snapshot that is possible; try again when the dump or check has ended");
}

/*
 * Requests the snapshot with a checkpoint, and folds, so that the snapshot begins.  Context:
 * snapshot_lock.
 */
static int take_snapshot(struct volume *v, struct store *s, bool lasts, uint32_t *era, struct err *err)
{
	const struct checkpoint how = { .snapshot = true, .lasts = lasts };
	int r;

	r = check_free(v, s, err);
	if (r)
		return r;
	r = volume_roll(v, &how, era, err);
	if (!r) {
		failpoint(FAILPOINT_SNAP_ASKED);
		/*
		 * Another device may have come after the look of volume_roll(), and may have written before
		 * the new era began.  A gap that is recorded before the fold is in the snapshot.
		 */
		r = past_look(v, s, err);
	}
	if (!r)
		r = store_fold(s, err);
	/*
	 * After a failure, drop the snapshot: the next fold may still begin it, and nobody would
	 * read it.
	 */
	if (r)
		store_drop_snapshot(s, NULL);
	v->pinned = !r && !lasts;
	return r;
}

int volume_snapshot_take(struct volume *v, bool lasts, uint32_t *era, struct err *err)
{
	struct store *s;
	int r;

	r = volume_may_wait(v, err);
	if (r)
		return r;
	pthread_mutex_lock(&v->snapshot_lock);
	s = volume_store_get(v);
	if (s) {
		r = take_snapshot(v, s, lasts, era, err);
		volume_store_put(v);
	} else {
		r = volume_store_missing(err);
	}
	if (!r)
		failpoint(FAILPOINT_SNAP_HELD);
	pthread_mutex_unlock(&v->snapshot_lock);
	volume_has_waited(v);
	if (!r)
		volume_usage(v);
	return r;
}

static int drop_snapshot(struct store *s, bool lasts, struct err *err)
{
	struct store_info info;

	store_info(s, &info);
	if (info.snapshot_era && info.snapshot_lasts != lasts)
		return err_set(err, -ENOENT, lasts ?
			       "the only snapshot belongs to a dump or check that is under way and will drop the snapshot" :
			       "the reader's snapshot is gone");
	return store_drop_snapshot(s, err);
}

int volume_snapshot_unpin(struct volume *v, struct store *s, struct err *err)
{
	int r;

	pthread_mutex_lock(&v->snapshot_lock);
	r = drop_snapshot(s, false, err);
	/* After a failure, the next request for a snapshot drops this one in drop_orphan(). */
	v->pinned = false;
	pthread_mutex_unlock(&v->snapshot_lock);
	if (!r)
		volume_usage(v);
	return r;
}

int volume_snapshot_drop(struct volume *v, struct err *err)
{
	struct store *s;
	int r;

	pthread_mutex_lock(&v->snapshot_lock);
	s = volume_store_get(v);
	if (s) {
		r = drop_orphan(v, s, err);
		if (!r)
			r = drop_snapshot(s, true, err);
		volume_store_put(v);
	} else {
		r = volume_store_missing(err);
	}
	if (!r)
		failpoint(FAILPOINT_SNAP_DROPPED);
	pthread_mutex_unlock(&v->snapshot_lock);
	if (!r)
		volume_usage(v);
	return r;
}
