// SPDX-License-Identifier: GPL-2.0-only
/* The file descriptor of an instance's owner: ATTACH, and the ioctls on this fd. */

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "arg.h"
#include "degrade.h"
#include "detach.h"
#include "era.h"
#include "map.h"
#include "message.h"
#include "owner.h"

/* The state of an open instance fd. */
struct owner {
	struct erad_instance *ei;	/* the fd has a reference */
	int seen_events;		/* ei->events at the last INFO */
	bool attached;			/* this fd has set ei->owned */
};

static int owner_info(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_info info;
	int r = GET_ARG(info, arg);

	if (r)
		return r;
	/*
	 * Store the number of events before reading the state, so that poll() returns PRI again if
	 * the state changes in between.
	 */
	WRITE_ONCE(o->seen_events, atomic_read(&ei->events));
	mutex_lock(&ei->mutex);
	/*
	 * INFO also works for a removed target, because its owner needs the number of sectors
	 * written until the removal.
	 */
	erad_instance_info(ei, &info);
	if (ei->dead)
		r = -ENODEV;
	mutex_unlock(&ei->mutex);
	return PUT_ARG(info, arg) ?: r;
}

static int owner_ready(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_writeset *ws;
	u8 record[ERAD_RECORD_SIZE];
	struct erad_ready a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (a.pad)
		return -EINVAL;
	if (a.record && copy_from_user(record, u64_to_user_ptr(a.record), sizeof(record)))
		return -EFAULT;

	mutex_lock(&ei->mutex);
	ws = rcu_dereference_protected(ei->current_ws, lockdep_is_held(&ei->mutex));
	if (ei->dead)
		r = -ENODEV;
	else if (ei->state != ERAD_LOADING || !ws || ws->era != a.era || ei->passing)
		r = -EINVAL;
	else
		r = erad_record_set(ei, a.record ? record : NULL, a.record_sector);
	if (!r)
		erad_instance_set_state(ei, ERAD_ACTIVE);
	mutex_unlock(&ei->mutex);
	return r;
}

/*
 * Copies to user memory without ei->mutex, because user space can delay a page fault without limit.
 * If copying a batch fails, returns the batch to the queue, unless the batch is no longer
 * outstanding.
 */
static int owner_commit_fetch(struct owner *o, void __user *arg)
{
	struct bio_list failed = BIO_EMPTY_LIST;
	struct erad_instance *ei = o->ei;
	struct erad_xfer a;
	int r = GET_ARG(a, arg);

	lockdep_assert_held(&ei->fetch_mutex);

	if (r)
		return r;
	if (a.max > ERAD_MAX_RANGES || a.commit_status > MAX_ERRNO ||
	    (a.commit_status && !a.commit_batch))
		return -EINVAL;
	a.batch = 0;
	a.nr = 0;
	a.era = 0;

	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENODEV;
	else if (ei->state == ERAD_FAILED)
		r = -EIO;
	else if (ei->state == ERAD_DEGRADED)
		r = -ENOTCONN;
	else if (ei->state != ERAD_ACTIVE)
		r = -EINVAL;
	else if (a.commit_batch)
		r = erad_commit(ei, a.commit_batch, a.commit_status, &failed);
	else if (a.max && ei->batch_id)
		r = -EBUSY;
	if (!r && a.max && ei->state == ERAD_ACTIVE)
		a.nr = erad_fetch(ei, ei->fetched, a.max);
	if (a.nr) {
		a.batch = ei->batch_id;
		a.era = ei->batch_era;
	}
	spin_lock(&ei->lock);
	a.pending = ei->nr_queued;
	spin_unlock(&ei->lock);
	mutex_unlock(&ei->mutex);

	erad_bios_end(&failed, BLK_STS_IOERR);
	if (r)
		return r;

	if (copy_to_user(u64_to_user_ptr(a.buf), ei->fetched, a.nr * sizeof(ei->fetched[0])) ||
	    PUT_ARG(a, arg)) {
		mutex_lock(&ei->mutex);
		if (a.batch && ei->batch_id == a.batch)
			erad_batch_return(ei);
		mutex_unlock(&ei->mutex);
		return -EFAULT;
	}
	return 0;
}

static int owner_prepare_era(struct owner *o, void __user *arg)
{
	struct erad_prepare a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (a.pad || !a.to)
		return -EINVAL;
	return erad_era_prepare(o->ei, a.to);
}

static int owner_new_era(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_newera a;
	int r = GET_ARG(a, arg);
	long jiffies_left;

	if (r)
		return r;
	if (a.pad || !a.to)
		return -EINVAL;

	mutex_lock(&ei->mutex);
	r = ei->dead ? -ENODEV : erad_era_begin(ei, a.from, a.to);
	mutex_unlock(&ei->mutex);
	if (r)
		return r;

	jiffies_left = wait_event_interruptible_timeout(ei->wait, !READ_ONCE(ei->draining),
						msecs_to_jiffies(a.drain_ms));
	if (jiffies_left < 0)
		return jiffies_left;
	return jiffies_left ? 0 : -ETIMEDOUT;
}

static int owner_usage(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_usage a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	spin_lock(&ei->lock);
	ei->usage_used = a.used;
	ei->usage_total = a.total;
	ei->usage_root = a.held_root;
	spin_unlock(&ei->lock);
	return READ_ONCE(ei->dead) ? -ENODEV : 0;
}

static int owner_stats(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_stats a;
	int r = GET_ARG(a, arg);
	struct erad_writeset *ws;

	if (r)
		return r;
	mutex_lock(&ei->mutex);
	if (ei->dead) {
		mutex_unlock(&ei->mutex);
		return -ENODEV;
	}
	a.oldest_held_ns = erad_oldest_held(ei);
	ws = rcu_dereference_protected(ei->current_ws, lockdep_is_held(&ei->mutex));
	a.bitmap_bytes = erad_writeset_bytes(ei->prepared) + erad_writeset_bytes(ei->draining) +
		erad_writeset_bytes(ws);
	/*
	 * Subtract the released writes from the number of all writes that have begun.  Both numbers
	 * include each released write, because both change under ei->mutex.
	 */
	a.passed = ei->begun + erad_writeset_begun(ei->draining) + erad_writeset_begun(ws) -
		READ_ONCE(ei->released);
	spin_lock(&ei->lock);
	a.held_now = ei->nr_queued + ei->nr_batch;
	a.held = ei->held;
	a.released = ei->released;
	a.requeued = ei->requeued;
	a.failed = ei->failed;
	a.batches = ei->batches;
	spin_unlock(&ei->lock);
	mutex_unlock(&ei->mutex);
	return PUT_ARG(a, arg);
}

static int owner_message_get(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_message a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (a.pad)
		return -EINVAL;
	a.id = 0;
	a.type = 0;
	mutex_lock(&ei->mutex);
	if (ei->dead) {
		r = -ENODEV;
	} else if (erad_instance_has_message(ei)) {
		a.id = ei->message.id;
		a.type = ei->message.type;
		WRITE_ONCE(ei->message.taken, true);
	}
	mutex_unlock(&ei->mutex);
	if (r)
		return r;
	r = PUT_ARG(a, arg);
	if (r && a.id) {
		mutex_lock(&ei->mutex);
		if (ei->message.id == a.id)
			WRITE_ONCE(ei->message.taken, false);
		mutex_unlock(&ei->mutex);
		wake_up_interruptible_poll(&ei->wait, EPOLLPRI);
	}
	return r;
}

static int owner_message_reply(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_reply a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (!a.id || a.status > MAX_ERRNO)
		return -EINVAL;
	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENODEV;
	else if (ei->message.id != a.id || !ei->message.taken || ei->message.done)
		r = -ENOENT;
	else
		erad_message_end(ei, -(int)a.status, a.era);
	mutex_unlock(&ei->mutex);
	return r;
}

static long owner_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct owner *o = file->private_data;
	void __user *p = (void __user *)arg;
	unsigned int noio;
	long r;

	if (_IOC_TYPE(cmd) != ERAD_IOC_MAGIC)
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	noio = memalloc_noio_save();
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(ERAD_IOC_INFO):
		r = owner_info(o, p);
		break;
	case _IOC_NR(ERAD_IOC_READY):
		r = owner_ready(o, p);
		break;
	case _IOC_NR(ERAD_IOC_COMMIT_FETCH):
		r = mutex_lock_killable(&o->ei->fetch_mutex);
		if (r)
			break;
		r = owner_commit_fetch(o, p);
		mutex_unlock(&o->ei->fetch_mutex);
		break;
	case _IOC_NR(ERAD_IOC_PREPARE_ERA):
		r = owner_prepare_era(o, p);
		break;
	case _IOC_NR(ERAD_IOC_NEW_ERA):
		r = owner_new_era(o, p);
		break;
	case _IOC_NR(ERAD_IOC_USAGE):
		r = owner_usage(o, p);
		break;
	case _IOC_NR(ERAD_IOC_STATS):
		r = owner_stats(o, p);
		break;
	case _IOC_NR(ERAD_IOC_MESSAGE_GET):
		r = owner_message_get(o, p);
		break;
	case _IOC_NR(ERAD_IOC_MESSAGE_REPLY):
		r = owner_message_reply(o, p);
		break;
	default:
		r = -ENOTTY;
	}
	memalloc_noio_restore(noio);
	return r;
}

static __poll_t owner_poll(struct file *file, poll_table *wait)
{
	struct owner *o = file->private_data;
	struct erad_instance *ei = o->ei;
	__poll_t mask = 0;

	poll_wait(file, &ei->wait, wait);
	if (READ_ONCE(ei->dead))
		return EPOLLHUP | EPOLLERR;
	spin_lock(&ei->lock);
	if (ei->state == ERAD_ACTIVE && ei->nr_queued && !READ_ONCE(ei->batch_id))
		mask |= EPOLLIN | EPOLLRDNORM;
	spin_unlock(&ei->lock);
	if (atomic_read(&ei->events) != READ_ONCE(o->seen_events) || erad_instance_has_message(ei))
		mask |= EPOLLPRI;
	return mask;
}

static int owner_release(struct inode *inode, struct file *file)
{
	struct owner *o = file->private_data;
	struct erad_instance *ei = o->ei;

	if (o->attached) {
		mutex_lock(&ei->mutex);
		WRITE_ONCE(ei->owned, false);
		if (!ei->dead) {
			erad_batch_return(ei);
			if (ei->passing) {
				erad_instance_set_state(ei, ERAD_DEGRADED);
			} else if (ei->state != ERAD_FAILED) {
				erad_instance_set_state(ei, ERAD_DETACHED);
				erad_detached(ei);
			}
			erad_message_end(ei, -ENOTCONN, 0);
		}
		mutex_unlock(&ei->mutex);
		erad_instances_changed();
	}
	erad_instance_put(ei);
	kfree(o);
	return 0;
}

static const struct file_operations owner_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = owner_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = owner_poll,
	.release = owner_release,
};

int erad_owner_attach(void __user *arg)
{
	struct erad_instance *ei;
	struct erad_attach a;
	struct owner *o;
	struct file *file;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (a.pad)
		return -EINVAL;
	ei = erad_instance_get(a.instance_id);
	if (!ei)
		return -ENOENT;
	r = -ENOMEM;
	/*
	 * Allocate only little memory, because memory reclaim may wait for held writes, and they
	 * wait for this owner.  The large array of ranges belongs to the instance.
	 */
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		goto out_instance;
	o->ei = ei;
	o->seen_events = atomic_read(&ei->events) - 1;

	r = get_unused_fd_flags(O_CLOEXEC);
	if (r < 0)
		goto out_owner;
	a.fd = r;
	file = anon_inode_getfile("[erad]", &owner_fops, o, O_RDWR);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto out_fd;
	}

	/* From here on, fput() undoes all earlier steps. */
	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENOENT;
	else if (ei->owned)
		r = -EBUSY;
	else if (erad_degrade_busy(ei))
		r = -EAGAIN;
	else
		r = 0;
	if (!r) {
		WRITE_ONCE(ei->owned, true);
		o->attached = true;
		erad_instance_set_state(ei, ERAD_LOADING);
	}
	mutex_unlock(&ei->mutex);

	if (!r)
		r = PUT_ARG(a, arg);
	if (r) {
		put_unused_fd(a.fd);
		fput(file);
		return r;
	}
	fd_install(a.fd, file);
	return 0;

out_fd:
	put_unused_fd(a.fd);
out_owner:
	kfree(o);
out_instance:
	erad_instance_put(ei);
	return r;
}
