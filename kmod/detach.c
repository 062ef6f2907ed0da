// SPDX-License-Identifier: GPL-2.0-only
/* detach_policy: what happens to held writes while there is no owner. */

#include <linux/ktime.h>

#include "degrade.h"
#include "detach.h"
#include "map.h"

/*
 * For detach_policy degrade.  Does nothing if no write is held, or if the degrade record cannot be
 * written now.  If a write has been held for detach_timeout seconds in which no batch was
 * committed, begins to write the record.  If this time has not passed yet, schedules
 * ei->detach_work for its end.
 */
static void degrade_if_due(struct erad_instance *ei)
{
	u64 timeout = (u64)ei->detach_timeout * NSEC_PER_SEC, waited;
	bool held;

	lockdep_assert_held(&ei->mutex);

	if (ei->policy != ERAD_DEGRADE_WRITES || ei->state != ERAD_DETACHED || ei->dead ||
	    ei->passing || !ei->has_record || erad_degrade_busy(ei))
		return;
	spin_lock(&ei->lock);
	held = !bio_list_empty(&ei->queue);
	spin_unlock(&ei->lock);
	if (!held)
		return;		/* the time starts with the first write that ->map holds */
	waited = min(erad_oldest_held(ei), ktime_get_ns() - ei->last_commit_ns);
	if (waited >= timeout)
		erad_degrade_start(ei);
	else
		mod_delayed_work(ei->wq, &ei->detach_work, nsecs_to_jiffies(timeout - waited) + 1);
}

void erad_detached(struct erad_instance *ei)
{
	lockdep_assert_held(&ei->mutex);

	if (erad_oldest_held(ei))
		erad_warn_detached(ei);
	if (ei->policy == ERAD_FAIL_WRITES)
		mod_delayed_work(ei->wq, &ei->detach_work, ei->detach_timeout * HZ);
	else
		degrade_if_due(ei);
}

void erad_detach_work(struct work_struct *work)
{
	struct erad_instance *ei = container_of(to_delayed_work(work), struct erad_instance,
						detach_work);
	struct bio_list failed = BIO_EMPTY_LIST;

	mutex_lock(&ei->mutex);
	/* The time starts at the resume, so before the resume nothing is due. */
	if (!ei->dead && READ_ONCE(ei->resumed) && ei->state == ERAD_DETACHED) {
		if (ei->policy == ERAD_FAIL_WRITES)
			erad_instance_fail(ei, &failed);
		else
			degrade_if_due(ei);
	}
	mutex_unlock(&ei->mutex);
	erad_bios_end(&failed, BLK_STS_IOERR);
}
