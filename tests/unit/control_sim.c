// SPDX-License-Identifier: GPL-2.0-or-later
/* Replaces the functions of erad/module/control.h by functions on the targets of target_sim.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap.h"
#include "target_sim.h"
#include "writers_sim.h"

#define LOAD_AFTER_GO	2000u	/* the load ends this many commits after sim_go() */

int control_open(int *fd, struct err *err)
{
	(void)err;
	*fd = -1;
	return 0;
}

int control_each(int control, void (*fn)(void *ctx, const struct erad_info *i), void *ctx)
{
	(void)control;
	for (unsigned int i = 0; i < TARGETS; i++) {
		struct erad_info info;
		bool exists;

		pthread_mutex_lock(&module.lock);
		target_detach_closed_owner(&module.target[i]);
		exists = module.target[i].exists;
		target_info(&module.target[i], &info);
		pthread_mutex_unlock(&module.lock);
		if (exists)
			fn(ctx, &info);
	}
	return 0;
}

static void add_to_list(void *ctx, const struct erad_info *i)
{
	struct instances *l = ctx;

	l->info[l->nr++] = *i;
}

int control_list(int control, struct instances *l)
{
	if (!l->info) {
		l->cap = TARGETS;
		l->info = calloc(l->cap, sizeof(*l->info));
	}
	l->nr = 0;
	return control_each(control, add_to_list, l);
}

void instances_free(struct instances *l)
{
	free(l->info);
	*l = (struct instances){ 0 };
}

int control_attach(int control, uint64_t instance_id, int *fd)
{
	struct target *t = &module.target[instance_id - 1];
	struct stat st;
	int pair[2], r;

	(void)control;
	heap_forbid(false);
	pthread_mutex_lock(&module.lock);
	r = target_call_fails(SIM_ATTACH);
	target_detach_closed_owner(t);
	if (!r && !t->exists)
		r = -ENOENT;
	if (!r && t->peer >= 0)
		r = -EBUSY;
	if (!r && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || fstat(pair[0], &st)))
		r = -errno;
	if (!r) {
		*fd = pair[0];
		t->owner = st.st_ino;
		t->peer = pair[1];
		t->state = ERAD_LOADING;
		t->event = true;
	}
	return target_leave(r);
}

int control_abort(int control, uint64_t instance_id)
{
	(void)control;
	(void)instance_id;
	return 0;
}

int instance_info(int fd, struct erad_info *info)
{
	struct target *t = target_enter(fd);

	/* The counters are 0, because no other table has ever let a write pass. */
	*info = (struct erad_info){ .h.size = sizeof(*info) };
	if (!t)
		return -ENODEV;
	t->event = false;
	target_info(t, info);
	return target_leave(0);
}

int instance_ready(int fd, uint32_t era, const void *record, uint64_t sector)
{
	struct target *t = target_enter(fd);

	(void)record;
	(void)sector;
	if (!t)
		return -ENODEV;
	if (t->era != era || t->passing)
		return target_leave(-EINVAL);
	t->state = ERAD_ACTIVE;
	return target_leave(0);
}

int instance_prepare_era(int fd, uint32_t to)
{
	struct target *t = target_enter(fd);
	uint64_t before;
	int r;

	if (!t)
		return -ENODEV;
	r = target_call_fails(SIM_PREPARE_ERA);
	before = module.count.commits;
	while (module.count.commits < before + module.prepare_commits)
		pthread_cond_wait(&module.changed, &module.lock);
	if (!r)
		t->prepared = to;
	return target_leave(r);
}

int instance_new_era(int fd, uint32_t from, uint32_t to, uint32_t drain_ms)
{
	struct target *t = target_enter(fd);
	int r;

	(void)drain_ms;
	if (!t)
		return -ENODEV;
	r = target_call_fails(SIM_NEW_ERA);
	if (r)
		return target_leave(r);
	if (t->state != ERAD_ACTIVE && t->state != ERAD_LOADING)
		return target_leave(t->state == ERAD_FAILED ? -EIO : -EINVAL);
	if (t->era != to) {
		if (t->era != from || t->prepared != to)
			return target_leave(-EINVAL);
		if (t->draining)
			return target_leave(-EBUSY);
		t->era = to;
		t->passing = false;
		t->prepared = 0;
		t->draining = true;
		module.count.flipped = module.count.commits;
		target_end_drain();
	}
	if (t->draining)
		return target_leave(-ETIMEDOUT);
	module.count.begun = module.count.commits;
	return target_leave(0);
}

/* Commits the batch that x names.  Returns 0 or a negative errno.  Context: the caller holds the lock. */
static int commit_batch(struct target *t, struct erad_xfer *x)
{
	int r;

	if (module.pause_state == PAUSE_WANTED) {
		module.pause_state = PAUSED;
		pthread_cond_broadcast(&module.changed);
		while (module.pause_state == PAUSED)
			pthread_cond_wait(&module.changed, &module.lock);
		module.load_end = module.count.commits + LOAD_AFTER_GO;
	}
	r = target_call_fails(SIM_COMMIT);
	if (!r && x->commit_batch != t->batch)
		r = -EINVAL;
	if (!r && t->batch_era != t->era)
		r = -ESTALE;
	if (r == -ESTALE)
		target_give_back(t);
	if (r)
		return r;
	sim_writers_commit_time(target_load_goes_on());
	target_end_drain();
	t->batch = 0;
	sim_writers_release(t->era, x->commit_status);
	if (x->commit_status)
		t->state = ERAD_FAILED;
	else
		module.count.commits++;
	pthread_cond_broadcast(&module.changed);
	return 0;
}

int instance_commit_fetch(int fd, struct erad_xfer *x)
{
	struct target *t = target_enter(fd);
	int r;

	if (!t)
		return -ENODEV;
	x->batch = x->nr = 0;
	r = t->state == ERAD_ACTIVE ? 0 : t->state == ERAD_FAILED ? -EIO :
		t->state == ERAD_DEGRADED ? -ENOTCONN : -EINVAL;
	if (!r && x->commit_batch)
		r = commit_batch(t, x);
	/* Look again: the target may have been removed while erad waited. */
	if (!r && !t->exists)
		r = -ENODEV;
	if (!r && t->state == ERAD_ACTIVE)
		target_fetch(t, x);
	heap_forbid(!r);
	return target_leave(r);
}

int instance_usage(int fd, uint64_t used, uint64_t total, uint32_t snapshot_era)
{
	(void)fd;
	(void)used;
	(void)total;
	(void)snapshot_era;
	return 0;
}

int instance_stats(int fd, struct erad_stats *stats)
{
	(void)fd;
	memset(stats, 0, sizeof(*stats));
	return 0;
}

int instance_message_get(int fd, struct erad_message *m)
{
	struct target *t = target_enter(fd);

	*m = (struct erad_message){ 0 };
	if (!t)
		return -ENODEV;
	m->id = t->message;
	m->type = t->message_type;
	if (m->id)
		module.count.message = module.count.commits;
	t->message = 0;
	return target_leave(0);
}

int instance_message_reply(int fd, uint64_t id, int result, uint32_t era)
{
	struct target *t = target_enter(fd);

	if (!t)
		return -ENODEV;
	if (id == module.last_message) {
		module.replied = true;
		module.reply_result = result;
		module.reply_era = era;
		pthread_cond_broadcast(&module.changed);
	}
	return target_leave(0);
}
