// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of `dmsetup message`: passes each message to the owner, and waits for the owner's
 * answer.
 */

#include <linux/sched/signal.h>
#include <linux/string.h>

#include "message.h"

/*
 * How long to wait for an owner.  After a reload, or a restart of erad, an owner attaches much
 * sooner.
 */
#define OWNER_WAIT	(HZ / 2)

/* Limit for the time in which a sender waits for the messages before its own and for the answer. */
#define ANSWER_WAIT	(30 * HZ)

void erad_message_end(struct erad_instance *ei, int result, u32 era)
{
	lockdep_assert_held(&ei->mutex);

	if (!ei->message.id || ei->message.done)
		return;
	ei->message.result = result;
	ei->message.era = era;
	WRITE_ONCE(ei->message.done, true);
	wake_up_all(&ei->wait);
}

/*
 * Returns 0 if the owner can carry out a message, EAGAIN if it may soon be able to, or another
 * negative errno.
 */
static int owner_can_serve(struct erad_instance *ei)
{
	if (READ_ONCE(ei->suspending) || !READ_ONCE(ei->resumed))
		return -EBUSY;
	switch (READ_ONCE(ei->state)) {
	case ERAD_ACTIVE:
		return 0;
	case ERAD_FAILED:
		return -EIO;
	default:
		return -EAGAIN;
	}
}

/* Makes the message visible to MESSAGE_GET.  Context: message_mutex. */
static int message_begin(struct erad_instance *ei, enum erad_message_type type)
{
	int r;

	mutex_lock(&ei->mutex);
	r = owner_can_serve(ei);
	if (!r) {
		ei->message.type = type;
		WRITE_ONCE(ei->message.taken, false);
		WRITE_ONCE(ei->message.done, false);
		WRITE_ONCE(ei->message.id, ++ei->last_message_id);
	}
	mutex_unlock(&ei->mutex);
	return r == -EAGAIN ? -ENOTCONN : r;
}

/*
 * Waits at most `wait` jiffies for the owner's answer.  Returns the result in the answer; after the
 * result 0, *era is the era in the answer.  Returns ETIME if there was no answer in time.  Returns
 * EINTR or ERESTARTSYS after a signal: the wait is interruptible, because the freezer may have
 * frozen the owner already.  Context: message_mutex.
 */
static int message_wait(struct erad_instance *ei, long wait, u32 *era)
{
	int r;

	wait = wait_event_interruptible_timeout(ei->wait, READ_ONCE(ei->message.done), wait);
	mutex_lock(&ei->mutex);
	if (ei->message.done)
		r = ei->message.result;
	else if (!wait)
		r = -ETIME;
	else
		r = ei->message.taken ? -EINTR : -ERESTARTSYS;
	*era = ei->message.era;
	WRITE_ONCE(ei->message.id, 0);
	mutex_unlock(&ei->mutex);
	return r;
}

/*
 * dm calls this function in an SRCU read section for the table.  Two kinds of tasks wait for the
 * end of this section.  A suspend waits only after presuspend has ended the message.  A task that
 * replaces, clears or removes an inactive table of the device waits in uninterruptible sleep, and
 * nothing ends the message for this task.  So the wait for the owner must be bounded.  dm holds no
 * lock that an ioctl of the owner takes, so the owner can answer.
 */
int erad_target_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		 unsigned int maxlen)
{
	struct erad_instance *ei = ti->private;
	enum erad_message_type type;
	unsigned int sz = 0;
	long wait;
	u32 era;
	int r;

	if (argc != 1)
		return -EINVAL;
	if (!strcasecmp(argv[0], "checkpoint"))
		type = ERAD_MESSAGE_CHECKPOINT;
	else if (!strcasecmp(argv[0], "take_metadata_snap"))
		type = ERAD_MESSAGE_TAKE_SNAPSHOT;
	else if (!strcasecmp(argv[0], "drop_metadata_snap"))
		type = ERAD_MESSAGE_DROP_SNAPSHOT;
	else
		return -EINVAL;

	/* Poll the mutex, because a mutex has no lock function with a timeout. */
	wait = wait_event_interruptible_timeout(ei->wait, mutex_trylock(&ei->message_mutex),
						ANSWER_WAIT);
	if (wait <= 0)
		return wait ? -ERESTARTSYS : -ETIME;
	r = wait_event_interruptible_timeout(ei->wait, owner_can_serve(ei) != -EAGAIN, OWNER_WAIT);
	if (r >= 0)
		r = message_begin(ei, type);
	if (!r) {
		wake_up_interruptible_poll(&ei->wait, EPOLLPRI);
		/*
		 * Also wake the pollers of the control node, because a busy owner may not poll its
		 * own fd for a long time.
		 */
		erad_instances_changed();
		r = message_wait(ei, wait, &era);
	}
	mutex_unlock(&ei->message_mutex);
	wake_up_all(&ei->wait);			/* wakes the next sender */
	if (!r && type == ERAD_MESSAGE_CHECKPOINT) {
		DMEMIT("%u", era);
		r = 1;
	}
	return r;
}
