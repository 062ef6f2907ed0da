// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What erad does when the target has let writes pass unrecorded: because no erad was there
 * (kmod/degrade.c), or because of `eractl abort --degrade`.  Each step is durable, or done, before
 * the next begins:
 *
 *	1. the floor: every block counts as written in the current era;
 *	2. a new era begins in the metadata, if the target lets all writes pass;
 *	3. NEW_ERA, in the same case: the target holds the writes to unrecorded blocks again;
 *	4. READY: the target has the next degrade record;
 *	5. all writes that the target had let pass have completed;
 *	6. the last degrade record is no longer in force.
 *
 * degraded_take_up() takes the steps 1 and 2, attach.c the steps 3 and 4 as for every target, and
 * degraded_step() the steps 5 and 6.  A crash in between leaves the record in force, or the target
 * passing all writes, or both, and the next erad begins with step 1 again.
 *
 * The steps 2 and 3 are left out if the target does not pass all writes.  Then either an erad that
 * was killed after step 3 has taken these steps, or DEGRADE has failed though its record is
 * durable.  In the second case erad may have been attached all the time: a reader of the metadata
 * finds the record and wakes the volume thread, which attaches again (degraded_unseen()).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/failpoint.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/degraded.h"
#include "erad/volume/link.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"

#define DRAIN_LOOK_MS	1000	/* pause between two checks for the end of the drain, in case the target does not report the end */

int degraded_take_up(struct volume *v, struct err *err)
{
	const bool passing = v->info.status & ERAD_PASSES_ALL;
	struct store_info s;
	int r;

	/*
	 * Returns whether a degrade record of this target, or of a former one, was written since
	 * the metadata was opened.
	 */
	r = store_find_degraded(v->store, err);
	if (r || (!passing && !store_degraded(v->store)))
		return r;
	r = store_set_floor(v->store, err);
	if (r)
		return r;
	failpoint(FAILPOINT_DEGRADE_FLOOR);
	store_info(v->store, &s);
	/*
	 * Only NEW_ERA makes a target that lets all writes pass hold writes again.  A new target
	 * begins its first era anyway.  An era that is durable but not begun by the target is used,
	 * too.
	 */
	if (!passing || !v->info.era || s.era != v->info.era)
		return 0;
	if (s.era >= UINT32_MAX - 1)
		return err_set(err, -EOVERFLOW,
			       "metadata %s is in era %" PRIu32 ", there is no further one; create the volume anew",
			       v->metadata, s.era);
	return store_begin_era(v->store, s.era + 1, err);
}

bool degraded_unseen(struct volume *v)
{
	bool preparing;

	/*
	 * While a checkpoint is under way or the target is FAILED, wait for the next wake-up.  A
	 * checkpoint that prepares an era has a duplicate of the fd.  The duplicate would keep the
	 * instance owned after this thread has let go of it.
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
	/* A table that was made by hand may name the metadata device "-". */
	have = !r && v->info.meta_major;
	r = instance_ready(v->fd, era, have ? record : NULL, have ? sector : 0);
	if (r)
		return err_set(err, r, "the target cannot become active in era %" PRIu32 ": %s", era,
			       strerror(-r));
	v->degraded_at = UINT64_MAX;
	if (store_degraded(v->store)) {
		v->degraded_at = 0;
		store_info(v->store, &s);
		log_warn("volume %s: writes went on while no erad recorded them; every block counts as written in era %"
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
		/* A reader has found another record since the attach, so the thread must attach again. */
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
