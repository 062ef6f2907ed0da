// SPDX-License-Identifier: GPL-2.0-or-later
/* The message thread of a volume: carries out the messages of `dmsetup message`, as dm-era does. */
#include <errno.h>
#include <string.h>

#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/message.h"
#include "erad/volume/snapshot.h"
#include "erad/volume/volume.h"

void message_look(struct volume *v)
{
	struct erad_message m;

	if (v->fd < 0 || instance_message_get(v->fd, &m) || !m.id)
		return;
	/* Keep only the newest message, because the sender of an older message no longer waits. */
	pthread_mutex_lock(&v->lock);
	v->message = (struct message){
		.instance_id = v->info.instance_id, .id = m.id, .type = m.type,
	};
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
}

/* Waits for a message.  Returns false if the thread must stop. */
static bool next_message(struct volume *v, struct message *m)
{
	bool go_on;

	pthread_mutex_lock(&v->lock);
	while (!v->message_stop && !v->message.id)
		pthread_cond_wait(&v->changed, &v->lock);
	*m = v->message;
	v->message.id = 0;
	go_on = !v->message_stop;
	pthread_mutex_unlock(&v->lock);
	return go_on;
}

static int serve_message(struct volume *v, const struct message *m, uint32_t *era, struct err *err)
{
	int r;

	switch (m->type) {
	case ERAD_MESSAGE_CHECKPOINT:
		return volume_checkpoint(v, era, err);
	case ERAD_MESSAGE_TAKE_SNAPSHOT:
		r = volume_snapshot_take(v, true, era, err);
		break;
	case ERAD_MESSAGE_DROP_SNAPSHOT:
		r = volume_snapshot_drop(v, err);
		break;
	default:
		return err_set(err, -EINVAL, "message %u is not known", m->type);
	}
	/*
	 * As dm-era does, return EINVAL if a snapshot exists already, or if there is none to drop.
	 */
	return r == -EEXIST || r == -ENOENT ? -EINVAL : r;
}

static void reply_to_message(struct volume *v, const struct message *m, int result, uint32_t era)
{
	/* Call the ioctl under the lock, so that the fd stays open.  The ioctl does not wait. */
	pthread_mutex_lock(&v->lock);
	if (v->fd >= 0 && v->info.instance_id == m->instance_id)
		instance_message_reply(v->fd, m->id, result, era);
	pthread_mutex_unlock(&v->lock);
}

static void *message_thread(void *arg)
{
	struct volume *v = arg;
	struct message m;

	thread_name("erad-message");
	thread_usual();
	while (next_message(v, &m)) {
		uint32_t era = 0;
		struct err err;
		int r;

		r = serve_message(v, &m, &era, &err);
		if (r)
			log_warn("volume %s: a message to its device failed: %s", v->name, err.msg);
		reply_to_message(v, &m, r, era);
	}
	return NULL;
}

int message_start(struct volume *v, struct err *err)
{
	int r;

	r = thread_start(&v->message_thread, message_thread, v);
	if (r)
		return err_set(err, r, "cannot start a thread: %s", strerror(-r));
	v->message_running = true;
	return 0;
}

void message_stop(struct volume *v)
{
	if (!v->message_running)
		return;
	pthread_mutex_lock(&v->lock);
	v->message_stop = true;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->message_thread, NULL);
	v->message_running = false;
}
