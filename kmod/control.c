// SPDX-License-Identifier: GPL-2.0-only
/* /dev/erad-control and the instance file descriptors: the ioctls of include/erad_uapi.h. */

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "erad.h"
#include "trace.h"

/* An open /dev/erad-control. */
struct control {
	u64 seen_gen;			/* of the last LIST */
};

/* An open instance fd. */
struct owner {
	struct erad_instance *ei;	/* a reference */
	struct mutex mutex;		/* one ioctl at a time: ranges */
	int seen_events;		/* of the last INFO */
	bool attached;			/* ei->owned is ours */
	struct erad_range ranges[ERAD_MAX_RANGES];
};

/* Copies a struct in that may be older or newer than ours; v1 is the smallest there ever was. */
static int get_arg(void *dst, size_t ksize, size_t v1, void __user *arg)
{
	struct erad_hdr *h = dst;
	u32 size;
	int r;

	if (get_user(size, (u32 __user *)arg))
		return -EFAULT;
	if (size < v1)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	r = copy_struct_from_user(dst, ksize, arg, size);
	if (r)
		return r;
	h->size = size;			/* it may have changed since */
	return h->flags ? -EINVAL : 0;
}

static int put_arg(void __user *arg, const void *src, size_t ksize)
{
	const struct erad_hdr *h = src;

	return copy_to_user(arg, src, min_t(size_t, h->size, ksize)) ? -EFAULT : 0;
}

#define GET_ARG(x, arg)	get_arg(&(x), sizeof(x), sizeof(x), arg)
#define PUT_ARG(x, arg)	put_arg(arg, &(x), sizeof(x))

/* ---- instance fd ---- */

static int owner_info(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_info info;
	int r = GET_ARG(info, arg);

	if (r)
		return r;
	/* before the look, so that a change meanwhile is told again */
	WRITE_ONCE(o->seen_events, atomic_read(&ei->events));
	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENODEV;
	else
		erad_instance_info(ei, &info);
	mutex_unlock(&ei->mutex);
	return r ?: PUT_ARG(info, arg);
}

static int owner_ready(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_writeset *ws;
	struct erad_ready a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (a.pad)
		return -EINVAL;

	mutex_lock(&ei->mutex);
	ws = rcu_dereference_protected(ei->current_ws, lockdep_is_held(&ei->mutex));
	if (ei->dead)
		r = -ENODEV;
	else if (ei->state != ERAD_LOADING || !ws || ws->era != a.era)
		r = -EINVAL;
	else
		erad_instance_set_state(ei, ERAD_ACTIVE, NULL);
	mutex_unlock(&ei->mutex);
	return r;
}

/*
 * User memory is touched only with ei->mutex dropped, because a page fault
 * can take as long as user space likes.  A batch that could not be handed
 * over goes back, unless something else has taken it meanwhile.
 */
static int owner_commit_fetch(struct owner *o, void __user *arg)
{
	struct bio_list failed = BIO_EMPTY_LIST;
	struct erad_instance *ei = o->ei;
	struct erad_xfer a;
	int r = GET_ARG(a, arg);

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
	else if (ei->state != ERAD_ACTIVE)
		r = -EINVAL;
	else if (a.commit_batch)
		r = erad_commit(ei, a.commit_batch, a.commit_status, &failed);
	else if (a.max && ei->batch_id)
		r = -EBUSY;
	if (!r && a.max && ei->state == ERAD_ACTIVE)
		a.nr = erad_fetch(ei, o->ranges, a.max);
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

	if (copy_to_user(u64_to_user_ptr(a.buf), o->ranges, a.nr * sizeof(o->ranges[0])) ||
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
	struct erad_instance *ei = o->ei;
	struct erad_writeset *ws, *old = NULL;
	struct erad_prepare a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	if (a.pad || !a.to)
		return -EINVAL;

	mutex_lock(&ei->mutex);
	if (!ei->dead && ei->prepared && ei->prepared->era == a.to) {
		mutex_unlock(&ei->mutex);
		return 0;
	}
	mutex_unlock(&ei->mutex);

	/* Outside the mutex: this allocation may wait, and nothing waits for it. */
	ws = erad_writeset_alloc(ei, ei->nr_blocks, a.to);
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

/* Under ei->mutex. */
static int rollover(struct erad_instance *ei, u32 from, u32 to)
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

	rcu_assign_pointer(ei->current_ws, next);
	ei->prepared = NULL;
	if (ws) {
		WRITE_ONCE(ei->draining, ws);
		percpu_ref_kill(&ws->ref);
	}
	trace_erad_rollover(ei->dev, from, to);
	erad_instance_event(ei);
	return 0;
}

static int owner_new_era(struct owner *o, void __user *arg)
{
	struct erad_instance *ei = o->ei;
	struct erad_newera a;
	int r = GET_ARG(a, arg);
	long left;

	if (r)
		return r;
	if (a.pad || !a.to)
		return -EINVAL;

	mutex_lock(&ei->mutex);
	r = ei->dead ? -ENODEV : rollover(ei, a.from, a.to);
	mutex_unlock(&ei->mutex);
	if (r)
		return r;

	left = wait_event_interruptible_timeout(ei->wait, !READ_ONCE(ei->draining),
						msecs_to_jiffies(a.drain_ms));
	if (left < 0)
		return left;
	return left ? 0 : -ETIMEDOUT;
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

	if (r)
		return r;
	mutex_lock(&ei->mutex);
	if (ei->dead) {
		mutex_unlock(&ei->mutex);
		return -ENODEV;
	}
	a.oldest_held_ns = erad_oldest_held(ei);
	a.bitmap_bytes = erad_writeset_bytes(ei->prepared) + erad_writeset_bytes(ei->draining) +
		erad_writeset_bytes(rcu_dereference_protected(ei->current_ws,
							      lockdep_is_held(&ei->mutex)));
	mutex_unlock(&ei->mutex);
	spin_lock(&ei->lock);
	a.held_now = ei->nr_queued + ei->nr_batch;
	a.held = ei->held;
	a.released = ei->released;
	a.requeued = ei->requeued;
	a.failed = ei->failed;
	a.batches = ei->batches;
	spin_unlock(&ei->lock);
	return PUT_ARG(a, arg);
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
	/* The drain may take long, and must not keep batches from being committed. */
	if (_IOC_NR(cmd) == _IOC_NR(ERAD_IOC_NEW_ERA)) {
		r = owner_new_era(o, p);
		goto out_noio;
	}
	r = mutex_lock_killable(&o->mutex);
	if (r)
		goto out_noio;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(ERAD_IOC_INFO):
		r = owner_info(o, p);
		break;
	case _IOC_NR(ERAD_IOC_READY):
		r = owner_ready(o, p);
		break;
	case _IOC_NR(ERAD_IOC_COMMIT_FETCH):
		r = owner_commit_fetch(o, p);
		break;
	case _IOC_NR(ERAD_IOC_PREPARE_ERA):
		r = owner_prepare_era(o, p);
		break;
	case _IOC_NR(ERAD_IOC_USAGE):
		r = owner_usage(o, p);
		break;
	case _IOC_NR(ERAD_IOC_STATS):
		r = owner_stats(o, p);
		break;
	default:
		r = -ENOTTY;
	}
	mutex_unlock(&o->mutex);
out_noio:
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
	if (ei->state == ERAD_ACTIVE && !bio_list_empty(&ei->queue) && !READ_ONCE(ei->batch_id))
		mask |= EPOLLIN | EPOLLRDNORM;
	spin_unlock(&ei->lock);
	if (atomic_read(&ei->events) != READ_ONCE(o->seen_events))
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
			if (ei->state != ERAD_FAILED)
				erad_instance_set_state(ei, ERAD_DETACHED, NULL);
		}
		mutex_unlock(&ei->mutex);
		erad_instances_changed();
	}
	erad_instance_put(ei);
	mutex_destroy(&o->mutex);
	kvfree(o);
	return 0;
}

static const struct file_operations owner_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = owner_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = owner_poll,
	.release = owner_release,
};

/* ---- control node ---- */

static int control_version(void __user *arg)
{
	struct erad_version a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	a.abi = ERAD_ABI;
	a.pad = 0;
	a.features = 0;
	return PUT_ARG(a, arg);
}

static int control_list(struct control *c, void __user *arg)
{
	struct erad_info *infos = NULL;
	struct erad_list a;
	int r = GET_ARG(a, arg);
	u32 cap, size, i;

	if (r)
		return r;
	if (a.pad || a.entry_size < sizeof(struct erad_hdr))
		return -EINVAL;
	size = min_t(u32, a.entry_size, sizeof(*infos));
	cap = min_t(u32, a.cap, 65536);
	if (cap) {
		infos = kvcalloc(cap, sizeof(*infos), GFP_KERNEL | __GFP_NOWARN);
		if (!infos)
			return -ENOMEM;
	}
	/* before the look, so that a change meanwhile is told again */
	a.gen = erad_instances_gen();
	WRITE_ONCE(c->seen_gen, a.gen);
	a.nr = erad_instances_list(infos, cap);
	for (i = 0; i < min(cap, a.nr) && !r; i++) {
		infos[i].h.size = size;
		if (copy_to_user(u64_to_user_ptr(a.buf + (u64)i * a.entry_size), &infos[i], size))
			r = -EFAULT;
	}
	kvfree(infos);
	return r ?: PUT_ARG(a, arg);
}

static int control_attach(void __user *arg)
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
	o = kvzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		goto out_instance;
	mutex_init(&o->mutex);
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

	/* From here on fput() undoes everything. */
	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENOENT;
	else if (ei->owned)
		r = -EBUSY;
	else
		r = 0;
	if (!r) {
		WRITE_ONCE(ei->owned, true);
		o->attached = true;
		erad_instance_set_state(ei, ERAD_LOADING, NULL);
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
	kvfree(o);
out_instance:
	erad_instance_put(ei);
	return r;
}

static int control_abort(void __user *arg)
{
	struct bio_list failed = BIO_EMPTY_LIST;
	struct erad_instance *ei;
	struct erad_abort a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	ei = erad_instance_get(a.instance_id);
	if (!ei)
		return -ENOENT;
	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENOENT;
	else
		erad_instance_set_state(ei, ERAD_FAILED, &failed);
	mutex_unlock(&ei->mutex);
	erad_bios_end(&failed, BLK_STS_IOERR);
	erad_instance_put(ei);
	return r;
}

static long control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;
	unsigned int noio;
	long r;

	if (_IOC_TYPE(cmd) != ERAD_IOC_MAGIC)
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	noio = memalloc_noio_save();
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(ERAD_IOC_VERSION):
		r = control_version(p);
		break;
	case _IOC_NR(ERAD_IOC_LIST):
		r = control_list(file->private_data, p);
		break;
	case _IOC_NR(ERAD_IOC_ATTACH):
		r = control_attach(p);
		break;
	case _IOC_NR(ERAD_IOC_ABORT):
		r = control_abort(p);
		break;
	default:
		r = -ENOTTY;
	}
	memalloc_noio_restore(noio);
	return r;
}

static __poll_t control_poll(struct file *file, poll_table *wait)
{
	struct control *c = file->private_data;

	poll_wait(file, &erad_instances_wait, wait);
	return erad_instances_gen() != READ_ONCE(c->seen_gen) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	struct control *c;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	file->private_data = c;
	return nonseekable_open(inode, file);
}

static int control_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.release = control_release,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = control_poll,
};

static struct miscdevice control_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = ERAD_CONTROL_NAME,
	.mode = 0600,
	.fops = &control_fops,
};

int erad_control_init(void)
{
	return misc_register(&control_misc);
}

void erad_control_exit(void)
{
	misc_deregister(&control_misc);
}
