// SPDX-License-Identifier: GPL-2.0-only
/* The eras of an instance: prepares, begins and drains their writesets. */

#include "era.h"
#include "trace.h"

/*
 * The steps of a drain are work items of ei->wq, so that the owner can commit during the drain.
 * One writeset drains at a time, so one work item for each step is enough.
 */
static void count_remaining(struct work_struct *work)
{
	struct erad_instance *ei = container_of(work, struct erad_instance, count_work);

	erad_writeset_add_remaining(READ_ONCE(ei->draining));
}

static void reap_draining(struct work_struct *work)
{
	struct erad_instance *ei = container_of(work, struct erad_instance, reap_work);
	struct erad_writeset *ws;

	mutex_lock(&ei->mutex);
	ws = ei->draining;
	/* Clear the counts, because the next writeset that uses them expects zeros. */
	ei->begun += erad_writeset_take_begun(ws);
	WRITE_ONCE(ei->draining, NULL);
	mutex_unlock(&ei->mutex);
	/* After erad_instance_event(), dtr may go on, but it waits for this work item. */
	erad_instance_event(ei);

	/*
	 * No RCU reader can have ws now: the grace period of the drain began after the swap of the
	 * pointer.
	 */
	erad_writeset_free(ws);
}

static void on_drained(struct erad_writeset *ws)
{
	struct erad_instance *ei = ws->data;

	queue_work(ei->wq, &ei->reap_work);
}

void erad_era_init(struct erad_instance *ei)
{
	INIT_WORK(&ei->count_work, count_remaining);
	INIT_WORK(&ei->reap_work, reap_draining);
}

int erad_era_prepare(struct erad_instance *ei, u32 to)
{
	struct erad_writeset *ws, *old;
	int r = 0;

	mutex_lock(&ei->mutex);
	if (!ei->dead && ei->prepared && ei->prepared->era == to) {
		mutex_unlock(&ei->mutex);
		return 0;
	}
	mutex_unlock(&ei->mutex);

	/*
	 * Allocate without a lock.  The allocation may sleep, and commits, ABORT and suspends must
	 * not wait for it.
	 */
	ws = erad_writeset_alloc(ei->nr_blocks, to, on_drained, ei);
	if (!ws)
		return -ENOMEM;
	mutex_lock(&ei->mutex);
	if (ei->dead) {
		old = ws;
		r = -ENODEV;
	} else {
		old = ei->prepared;
		ei->prepared = ws;
	}
	mutex_unlock(&ei->mutex);
	erad_writeset_free(old);
	return r;
}

int erad_era_begin(struct erad_instance *ei, u32 from, u32 to)
{
	struct erad_writeset *ws, *next = ei->prepared;
	u32 era;

	lockdep_assert_held(&ei->mutex);

	ws = rcu_dereference_protected(ei->current_ws, lockdep_is_held(&ei->mutex));
	era = ws ? ws->era : 0;
	if (ei->state != ERAD_ACTIVE && ei->state != ERAD_LOADING)
		return ei->state == ERAD_FAILED ? -EIO : -EINVAL;
	if (era == to)
		return 0;		/* the era has begun already */
	if (era != from || to <= from || !next || next->era != to)
		return -EINVAL;
	if (ei->draining)
		return -EBUSY;

	/*
	 * There are two sets of counts.  Take the set that the current writeset does not use.  This
	 * set is zero, because no writeset is draining.
	 */
	next->counts = ei->counts + (ws && ws->counts == ei->counts ? 1 : 0);
	/*
	 * Clear `passing` before the swap.  The new writeset is empty, and ->map must hold the
	 * writes to blocks that the new writeset does not contain.
	 */
	spin_lock(&ei->lock);
	ei->passing = false;
	spin_unlock(&ei->lock);
	rcu_assign_pointer(ei->current_ws, next);
	ei->prepared = NULL;
	if (ws) {
		WRITE_ONCE(ei->draining, ws);
		erad_writeset_retire(ws);
		queue_work(ei->wq, &ei->count_work);
	}
	trace_erad_rollover(ei->dev, from, to);
	erad_instance_event(ei);
	return 0;
}
