// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What erad does when the target has let writes pass unrecorded.  The reason is either that no erad
 * was running (kmod/degrade.c), or `eractl abort --degrade`.  There are six steps.  Each step is
 * complete before the next step begins; a step that writes metadata is complete when the metadata
 * is durable.
 *
 * 1. the floor: every block counts as written in the current era;
 * 2. a new era begins in the metadata, if the target lets all writes pass;
 * 3. NEW_ERA, also only if the target lets all writes pass: the target holds the writes to
 *    unrecorded blocks again;
 * 4. READY passes the next degrade record to the target;
 * 5. all writes that the target had let pass have completed;
 * 6. the last degrade record is no longer in force.
 *
 * degraded_take_up() takes steps 1 and 2.  attach.c takes steps 3 and 4, as for every target.
 * degraded_step() takes steps 5 and 6.  After a crash between two steps, the record is in force, or
 * the target lets all writes pass, or both are true.  In all three cases, the next erad begins with
 * step 1 again.
 *
 * Steps 2 and 3 are left out if the target does not let all writes pass.  There are two cases:
 *
 * - An erad that was killed after step 3 has already taken these steps.
 * - DEGRADE has failed although its record is durable.  In this case, erad may have been attached
 *   all the time.  If so, a reader of the metadata finds the record and wakes the volume thread.
 *   The thread attaches again (degraded_unseen()).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/failpoint.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/degraded.h"
#include "erad/volume/link.h"
#include "erad/volume/origin.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"

/* How often to check whether the drain has ended, in case the target does not report the end. */
#define DRAIN_LOOK_MS	1000

int degraded_take_up(struct volume *v, struct err *err)
{
	const bool passing = v->info.status & ERAD_PASSES_ALL;
	struct store_info s;
	int r;

	/*
	 * Look for a degrade record again: this target or a former one may have written a record
	 * since the metadata was opened.
	 */
	r = store_find_degraded(v->store, err);
	if (r || (!passing && !store_degraded(v->store)))
		return r;
	r = origin_refuse_gap(v, ERAD_GAP_DEGRADED, "the kernel has let writes pass that no erad recorded", err);
	if (r)
		return r;
	r = store_set_floor(v->store, err);
	if (r)
		return r;
	failpoint(FAILPOINT_DEGRADE_FLOOR);
	store_info(v->store, &s);
	/*
	 * If the target lets all writes pass, begin an era, because only NEW_ERA makes the target
	 * hold writes again.  For a new target, the caller begins the first era.  If the metadata
	 * has already begun an era that the target has not begun, use this era.
	 */
	if (!passing || !v->info.era || s.era != v->info.era)
		return 0;
	if (s.era >= UINT32_MAX - 1)
		return err_set(err, -EOVERFLOW,
			       "metadata %s is in era %" PRIu32 ", and no further era is possible; create the volume anew",
			       v->metadata, s.era);
	return store_begin_era(v->store, s.era + 1, err);
}

bool degraded_unseen(struct volume *v)
{
	bool preparing;

	/*
	 * Do not detach while a checkpoint is under way, or while the target is FAILED; a later
	 * wake-up comes here again.  A checkpoint that prepares an era has a duplicate of the fd.
	 * If this thread closed its own fd now, the instance would stay owned through the
	 * duplicate, and ATTACH would fail.
	 */
	pthread_mutex_lock(&v->lock);
	preparing = v->preparing;
	pthread_mutex_unlock(&v->lock);
	if (v->fd < 0 || v->failed || v->mark_trouble.since_ms || preparing || rollover_wanted(v))
		return false;
	return store_wants_floor(v->store);
}

int degraded_ready(struct volume *v, uint32_t era, struct err *err)
{
	uint8_t record[ERAD_SECTOR];
	struct store_info s;
	uint64_t sector;
	bool have;
	int r;

	r = store_degrade_record(v->store, &sector, record);
	if (r && r != -ENOTSUP)
		return err_set(err, r, "cannot make a degrade record: %s", strerror(-r));
	/*
	 * A table that was made by hand may have "-" for the metadata device.  If so, there is no
	 * degrade record.
	 */
	have = !r && v->info.meta_major;
	r = instance_ready(v->fd, era, have ? record : NULL, have ? sector : 0);
	if (r)
		return err_set(err, r, "the target cannot become active in era %" PRIu32 ": %s", era,
			       strerror(-r));
	v->degraded_at = UINT64_MAX;
	if (store_degraded(v->store)) {
		v->degraded_at = 0;
		store_info(v->store, &s);
		log_event(LOG_GAP, SD_WARNING,
			  "volume %s: writes went on while no erad recorded them; every block counts as written in era %"
			  PRIu32 ", so the next increment is a full one", v->name, s.floor_era);
	}
	return 0;
}

void degraded_step(struct volume *v)
{
	struct err err;
	int r;

	v->degraded_at = UINT64_MAX;
	r = link_refresh(v);
	if (r || v->info.state != ERAD_ACTIVE)
		return;
	if (v->info.status & ERAD_DRAINING) {
		v->degraded_at = thread_now_ms() + DRAIN_LOOK_MS;
		return;
	}
	failpoint(FAILPOINT_DEGRADE_DRAINED);
	r = store_clear_degraded(v->store, &err);
	if (r && store_wants_floor(v->store)) {
		/* A reader has found another record since the attach, so attach again. */
		volume_kick(v);
		return;
	}
	if (r) {
		v->degraded_at = thread_now_ms() +
			trouble_says(&v->degrade_trouble, "the degrade record stays in force", &err);
		return;
	}
	failpoint(FAILPOINT_DEGRADE_CLEARED);
	trouble_over(&v->degrade_trouble, "ending the degrade record");
	log_notice("volume %s: new writes are recorded again", v->name);
}
