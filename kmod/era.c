// SPDX-License-Identifier: GPL-2.0-only
/* The eras of an instance: from one writeset to the next. */

#include "era.h"
#include "trace.h"

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
		return 0;		/* begun already */
	if (era != from || to <= from || !next || next->era != to)
		return -EINVAL;
	if (ei->draining)
		return -EBUSY;

	erad_writeset_begin(next, ws);
	/* Before the swap: with the new writeset a write that is not recorded is held. */
	spin_lock(&ei->lock);
	ei->passing = false;
	spin_unlock(&ei->lock);
	rcu_assign_pointer(ei->current_ws, next);
	ei->prepared = NULL;
	if (ws)
		erad_writeset_drain(ws);
	trace_erad_rollover(ei->dev, from, to);
	erad_instance_event(ei);
	return 0;
}
