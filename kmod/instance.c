// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instances, one for each loaded target: their list, their state, and the wake-ups after a
 * change.
 */

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "instance.h"
#include "trace.h"

#define DM_MSG_PREFIX "erad"

static LIST_HEAD(instances);
static DEFINE_MUTEX(instances_lock);
static u64 last_id;
static atomic64_t instances_gen = ATOMIC64_INIT(1);
DECLARE_WAIT_QUEUE_HEAD(erad_instances_wait);

void erad_instances_changed(void)
{
	atomic64_inc(&instances_gen);
	wake_up_interruptible_poll(&erad_instances_wait, EPOLLIN | EPOLLRDNORM);
}

u64 erad_instances_gen(void)
{
	return atomic64_read(&instances_gen);
}

static void instance_free(struct kref *ref)
{
	struct erad_instance *ei = container_of(ref, struct erad_instance, ref);

	mutex_destroy(&ei->fetch_mutex);
	mutex_destroy(&ei->message_mutex);
	mutex_destroy(&ei->mutex);
	kfree(ei->record);
	kvfree(ei->fetched);
	kfree(ei);
}

void erad_instance_put(struct erad_instance *ei)
{
	kref_put(&ei->ref, instance_free);
}

struct erad_instance *erad_instance_get(u64 id)
{
	struct erad_instance *ei, *found = NULL;

	mutex_lock(&instances_lock);
	list_for_each_entry(ei, &instances, list) {
		if (ei->id == id) {
			kref_get(&ei->ref);
			found = ei;
			break;
		}
	}
	mutex_unlock(&instances_lock);
	return found;
}

u32 erad_instance_era(struct erad_instance *ei)
{
	struct erad_writeset *ws;
	u32 era;

	rcu_read_lock();
	ws = rcu_dereference(ei->current_ws);
	era = ws ? ws->era : 0;
	rcu_read_unlock();
	return era;
}

void erad_instance_info(struct erad_instance *ei, struct erad_info *info)
{
	struct erad_hdr h = info->h;
	struct erad_info i = {
		.instance_id = ei->id,
		.nr_blocks = ei->nr_blocks,
		.nr_sectors = ei->nr_sectors,
		.block_sectors = ei->block_sectors,
		.era = erad_instance_era(ei),
		.dev_major = MAJOR(ei->dev),
		.dev_minor = MINOR(ei->dev),
		.meta_major = MAJOR(ei->meta_dev),
		.meta_minor = MINOR(ei->meta_dev),
		.origin_major = MAJOR(ei->origin_dev),
		.origin_minor = MINOR(ei->origin_dev),
		.detach_timeout = ei->detach_timeout,
	};

	memcpy(i.uuid, ei->uuid, sizeof(i.uuid));
	if (ei->policy == ERAD_FAIL_WRITES)
		i.status |= ERAD_POLICY_FAIL;
	if (ei->policy == ERAD_DEGRADE_WRITES)
		i.status |= ERAD_POLICY_DEGRADE;
	if (READ_ONCE(ei->has_record))
		i.status |= ERAD_HAS_RECORD;
	if (READ_ONCE(ei->owned))
		i.status |= ERAD_OWNED;
	if (READ_ONCE(ei->draining))
		i.status |= ERAD_DRAINING;
	if (erad_instance_has_message(ei))
		i.status |= ERAD_MESSAGE;
	spin_lock(&ei->lock);
	i.state = ei->state;
	if (ei->resumed)
		i.status |= ERAD_RESUMED;
	if (ei->passing)
		i.status |= ERAD_PASSES_ALL;
	i.written_resumed = ei->written_resumed;
	i.written_suspended = ei->written_suspended;
	i.since_id = ei->since_id;
	spin_unlock(&ei->lock);
	i.h = h;
	*info = i;
}

u32 erad_instances_list(u64 after, struct erad_info *infos, u32 cap)
{
	struct erad_instance *ei;
	u32 nr = 0;

	mutex_lock(&instances_lock);
	list_for_each_entry(ei, &instances, list) {
		if (ei->id <= after)
			continue;
		if (nr < cap) {
			infos[nr].h = (struct erad_hdr){ .size = sizeof(infos[nr]) };
			erad_instance_info(ei, &infos[nr]);
		}
		nr++;
	}
	mutex_unlock(&instances_lock);
	return nr;
}

u64 erad_instances_unbroken_since(const struct erad_instance *ei, u64 written)
{
	struct erad_instance *other;
	u64 id = ei->id;

	if (written == ERAD_WRITTEN_UNKNOWN)
		return id;
	mutex_lock(&instances_lock);
	list_for_each_entry(other, &instances, list) {
		if (other->md != ei->md || other->ti->table == ei->ti->table || other->origin_dev != ei->origin_dev)
			continue;
		/*
		 * Ignore instances with other metadata: writes that went through them are not in
		 * this instance's metadata.
		 */
		if (other->meta_dev != ei->meta_dev || memcmp(other->uuid, ei->uuid, sizeof(ei->uuid)))
			continue;
		spin_lock(&other->lock);
		/* The list is sorted by id, so the newest of the suspended instances decides. */
		if (other->since_id && !other->resumed)
			id = other->written_suspended == written ? other->since_id : ei->id;
		spin_unlock(&other->lock);
	}
	mutex_unlock(&instances_lock);
	return id;
}

void erad_warn_detached(struct erad_instance *ei)
{
	DMWARN_LIMIT("%s: no erad is attached: writes to blocks not yet recorded wait until erad attaches",
		     dm_table_device_name(ei->ti->table));
}

void erad_instance_set_state(struct erad_instance *ei, enum erad_state state)
{
	const enum erad_state old = ei->state;

	lockdep_assert_held(&ei->mutex);

	if (old == state)
		return;
	spin_lock(&ei->lock);
	WRITE_ONCE(ei->state, state);
	spin_unlock(&ei->lock);
	trace_erad_state(ei->dev, old, state);
	erad_instance_event(ei);
	erad_instances_changed();
}

/*
 * Calls dm_table_event(), in a work item of the system's workqueue, because dm_table_event() takes
 * a global mutex of device-mapper.  Other targets allocate memory with GFP_KERNEL under this mutex.
 * Callers of erad_instance_event(), for example ABORT, must not wait for the mutex.  ei->wq must
 * not wait for it either: ei->wq submits released writes, and when memory is short its only thread
 * may be its rescuer.
 */
static void tell_dm(struct work_struct *work)
{
	struct erad_instance *ei = container_of(work, struct erad_instance, event_work);

	dm_table_event(ei->ti->table);
}

void erad_instance_event(struct erad_instance *ei)
{
	atomic_inc(&ei->events);
	wake_up_all(&ei->wait);
	schedule_work(&ei->event_work);
}

/*
 * Returns why the two instances cannot both exist, or NULL if they can.  There are three conflicts:
 *
 * - both would use the same metadata;
 * - one writes to the device that contains the metadata of the other;
 * - both track the same data device, and each would miss the writes of the other.
 *
 * Two tables of one mapped device may use the same devices, because this is a reload.
 */
static char *conflict_reason(const struct erad_instance *ei, const struct erad_instance *other)
{
	if (ei->meta_dev == other->origin_dev)
		return "Metadata device is the data device of another erad target";
	if (ei->origin_dev == other->meta_dev)
		return "Data device holds the metadata of another erad target";
	if (ei->md == other->md && ei->ti->table != other->ti->table)
		return NULL;
	if (ei->origin_dev == other->origin_dev)
		return "Data device is the data device of another erad target";
	if (ei->meta_dev && ei->meta_dev == other->meta_dev)
		return "Metadata device is in use by another erad target";
	if (memchr_inv(ei->uuid, 0, sizeof(ei->uuid)) &&
	    !memcmp(ei->uuid, other->uuid, sizeof(ei->uuid)))
		return "UUID is in use by another erad target";
	return NULL;
}

int erad_instance_register(struct erad_instance *ei, char **error)
{
	struct erad_instance *other;
	char *why = NULL;

	mutex_lock(&instances_lock);
	list_for_each_entry(other, &instances, list) {
		why = conflict_reason(ei, other);
		if (why)
			break;
	}
	if (!why) {
		/*
		 * Begin with the boot time, so that ids are not used again after rmmod: user space
		 * may have noted them.
		 */
		if (!last_id)
			last_id = ktime_get_boottime_ns();
		ei->id = ++last_id;
		list_add_tail(&ei->list, &instances);
	}
	mutex_unlock(&instances_lock);
	if (why) {
		*error = why;
		return -EBUSY;
	}
	erad_instances_changed();
	return 0;
}

void erad_instance_unregister(struct erad_instance *ei)
{
	mutex_lock(&instances_lock);
	list_del(&ei->list);
	mutex_unlock(&instances_lock);
}

struct erad_instance *erad_instance_alloc(struct dm_target *ti)
{
	struct erad_instance *ei;

	ei = kzalloc(sizeof(*ei), GFP_KERNEL);
	if (!ei)
		return NULL;
	ei->fetched = kvmalloc_array(ERAD_MAX_RANGES, sizeof(*ei->fetched), GFP_KERNEL);
	if (!ei->fetched) {
		kfree(ei);
		return NULL;
	}
	kref_init(&ei->ref);
	ei->ti = ti;
	ei->md = dm_table_get_md(ti->table);
	ei->dev = disk_devt(dm_disk(ei->md));
	ei->state = ERAD_DETACHED;
	ei->written_resumed = ERAD_WRITTEN_UNKNOWN;
	ei->written_suspended = ERAD_WRITTEN_UNKNOWN;
	mutex_init(&ei->mutex);
	mutex_init(&ei->message_mutex);
	mutex_init(&ei->fetch_mutex);
	spin_lock_init(&ei->lock);
	init_waitqueue_head(&ei->wait);
	INIT_WORK(&ei->event_work, tell_dm);
	return ei;
}
