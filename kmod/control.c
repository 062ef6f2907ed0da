// SPDX-License-Identifier: GPL-2.0-only
/* /dev/erad-control: the ioctls of include/erad_uapi.h that need no instance fd. */

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "arg.h"
#include "control.h"
#include "degrade.h"
#include "map.h"
#include "owner.h"

/* The state of an open /dev/erad-control. */
struct control {
	u64 seen_gen;			/* gen at the last LIST */
};

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

/* Number of instances copied at a time, so that their infos fit on the stack. */
#define LIST_STEP	4u

/*
 * Lists the instances without allocating memory.  erad calls LIST to find a target that replaces
 * another target.  Writes to the replaced target may be held at this time, so memory reclaim may
 * wait for this call.
 */
static int control_list(struct control *c, void __user *arg)
{
	struct erad_info infos[LIST_STEP];
	u32 done = 0, room, size, i;
	struct erad_list a;
	int r = GET_ARG(a, arg);
	u64 after;

	if (r)
		return r;
	if (a.pad || a.entry_size < sizeof(struct erad_hdr))
		return -EINVAL;
	size = min_t(u32, a.entry_size, sizeof(infos[0]));
	after = a.after;
	/*
	 * Store gen before reading the list, so that poll() returns IN again if the list changes in
	 * between.
	 */
	a.gen = erad_instances_gen();
	WRITE_ONCE(c->seen_gen, a.gen);
	do {
		room = min(a.cap - done, LIST_STEP);
		a.nr = done + erad_instances_list(after, infos, room);
		for (i = 0; i < room && done < a.nr; i++, done++) {
			after = infos[i].instance_id;
			infos[i].h.size = size;
			if (copy_to_user(u64_to_user_ptr(a.buf + (u64)done * a.entry_size), &infos[i], size))
				return -EFAULT;
		}
	} while (done < min(a.cap, a.nr));
	return PUT_ARG(a, arg);
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
	if (ei->dead) {
		r = -ENOENT;
	} else if (!ei->passing) {
		erad_degrade_cancel(ei);
		erad_instance_fail(ei, &failed);
	}
	mutex_unlock(&ei->mutex);
	a.failed = bio_list_size(&failed);
	erad_bios_end(&failed, BLK_STS_IOERR);
	erad_instance_put(ei);
	return r ?: PUT_ARG(a, arg);
}

static int control_degrade(void __user *arg)
{
	struct erad_instance *ei;
	struct erad_degrade a;
	int r = GET_ARG(a, arg);

	if (r)
		return r;
	ei = erad_instance_get(a.instance_id);
	if (!ei)
		return -ENOENT;
	r = erad_degrade_now(ei);
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
		r = erad_owner_attach(p);
		break;
	case _IOC_NR(ERAD_IOC_ABORT):
		r = control_abort(p);
		break;
	case _IOC_NR(ERAD_IOC_DEGRADE):
		r = control_degrade(p);
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
