// SPDX-License-Identifier: GPL-2.0-or-later
/* The functions with which tests control the stand-in for the module: see instance_sim.h. */
#include <stdlib.h>
#include <string.h>

#include "instance_sim.h"
#include "target_sim.h"
#include "writers_sim.h"

void sim_start(const uint8_t id[16])
{
	pthread_mutex_lock(&module.lock);
	memcpy(module.uuid, id, sizeof(module.uuid));
	memset(module.target, 0, sizeof(module.target));
	memset(module.calls, 0, sizeof(module.calls));
	sim_writers_reset();
	for (unsigned int i = 0; i < TARGETS; i++)
		module.target[i].peer = -1;
	module.target[0].exists = true;
	module.target[0].state = ERAD_DETACHED;
	module.newest = 0;
	module.count = (struct sim_count){ 0 };
	module.load_end = UINT64_MAX;
	module.prepare_commits = 0;
	pthread_mutex_unlock(&module.lock);
}

/*
 * Removes the target, and wakes its owner if `wake` is true.  The caller has dropped the writes of
 * the batch, or holds them again.  Context: lock.
 */
static void remove_target(struct target *t, bool wake)
{
	t->exists = false;
	t->batch = 0;
	if (wake)
		target_wake_owner(t);
}

void sim_reload(void)
{
	pthread_mutex_lock(&module.lock);
	if (module.newest + 1 == TARGETS)
		abort();
	target_give_back(&module.target[module.newest]);
	remove_target(&module.target[module.newest], true);
	module.target[++module.newest] = (struct target){ .exists = true, .state = ERAD_DETACHED, .peer = -1 };
	pthread_mutex_unlock(&module.lock);
}

static void remove_all(bool wake)
{
	pthread_mutex_lock(&module.lock);
	sim_writers_drop();
	for (unsigned int i = 0; i < TARGETS; i++)
		if (module.target[i].exists)
			remove_target(&module.target[i], wake);
	pthread_mutex_unlock(&module.lock);
}

void sim_remove(void)
{
	remove_all(true);
}

void sim_remove_unnoticed(void)
{
	remove_all(false);
}

void sim_load(unsigned int nr, unsigned int origin, unsigned int metadata)
{
	pthread_mutex_lock(&module.lock);
	module.load_end = UINT64_MAX;
	sim_writers_begin(nr, module.target[module.newest].era, origin, metadata);
	target_wake_owner(&module.target[module.newest]);
	pthread_mutex_unlock(&module.lock);
}

void sim_stuck_write(void)
{
	pthread_mutex_lock(&module.lock);
	sim_writers_submit_stuck();
	target_wake_owner(&module.target[module.newest]);
	pthread_mutex_unlock(&module.lock);
}

void sim_unstick(void)
{
	pthread_mutex_lock(&module.lock);
	sim_writers_complete_stuck();
	target_end_drain();
	target_wake_owner(&module.target[module.newest]);
	pthread_mutex_unlock(&module.lock);
}

void sim_abort(void)
{
	struct target *t = &module.target[module.newest];

	pthread_mutex_lock(&module.lock);
	t->state = ERAD_FAILED;
	t->event = true;
	target_wake_owner(t);
	pthread_mutex_unlock(&module.lock);
}

void sim_pass_all(void)
{
	struct target *t = &module.target[module.newest];

	pthread_mutex_lock(&module.lock);
	t->batch = 0;
	sim_writers_pass(t->era);
	t->passing = t->event = true;
	t->state = ERAD_DEGRADED;
	target_wake_owner(t);
	pthread_mutex_unlock(&module.lock);
}

void sim_pause(void)
{
	pthread_mutex_lock(&module.lock);
	module.pause_state = PAUSE_WANTED;
	while (module.pause_state != PAUSED)
		pthread_cond_wait(&module.changed, &module.lock);
	pthread_mutex_unlock(&module.lock);
}

void sim_go(void)
{
	pthread_mutex_lock(&module.lock);
	module.pause_state = RUN;
	pthread_cond_broadcast(&module.changed);
	pthread_mutex_unlock(&module.lock);
}

void sim_fail_calls(enum sim_call call, int error, unsigned int times)
{
	pthread_mutex_lock(&module.lock);
	module.calls[call].error = error;
	module.calls[call].times = times;
	pthread_mutex_unlock(&module.lock);
}

void sim_slow_prepare(unsigned int commits)
{
	pthread_mutex_lock(&module.lock);
	module.prepare_commits = commits;
	pthread_cond_broadcast(&module.changed);
	pthread_mutex_unlock(&module.lock);
}

unsigned int sim_calls(enum sim_call call)
{
	unsigned int nr;

	pthread_mutex_lock(&module.lock);
	nr = module.calls[call].calls;
	pthread_mutex_unlock(&module.lock);
	return nr;
}

void sim_message(enum erad_message_type type)
{
	pthread_mutex_lock(&module.lock);
	module.target[module.newest].message = ++module.last_message;
	module.target[module.newest].message_type = type;
	module.replied = false;
	target_wake_owner(&module.target[module.newest]);
	pthread_mutex_unlock(&module.lock);
}

int sim_reply(uint32_t *era)
{
	int r;

	pthread_mutex_lock(&module.lock);
	while (!module.replied)
		pthread_cond_wait(&module.changed, &module.lock);
	r = module.reply_result;
	*era = module.reply_era;
	pthread_mutex_unlock(&module.lock);
	return r;
}

struct sim_count sim_count(void)
{
	struct sim_count c;

	pthread_mutex_lock(&module.lock);
	c = module.count;
	pthread_mutex_unlock(&module.lock);
	return c;
}

bool sim_released(uint64_t block)
{
	bool r;

	pthread_mutex_lock(&module.lock);
	r = sim_writers_released(block);
	pthread_mutex_unlock(&module.lock);
	return r;
}
