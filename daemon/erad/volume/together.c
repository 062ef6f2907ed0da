// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The points at which the volume threads of a checkpoint of several volumes wait for each other:
 * see together.h.  The threads do not block here.  A thread that must wait goes on with its other
 * work, and is kicked when the stage changes.
 */
#include <errno.h>

#include "erad/base/thread.h"
#include "erad/volume/together.h"
#include "erad/volume/volume.h"

/*
 * How long the volumes may take to become ready.  Writes are served meanwhile, but other
 * checkpoints of these volumes wait.
 */
#define GATHER_MS	10000u
/* How long writes may be held without a commit. */
#define HOLD_MS		5000u

void together_init(struct together *t, struct together_member *member, unsigned int nr)
{
	*t = (struct together){ .nr = nr, .member = member, .deadline = thread_now_ms() + GATHER_MS };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->one_ended, NULL);
}

void together_free(struct together *t)
{
	pthread_cond_destroy(&t->one_ended);
	pthread_mutex_destroy(&t->lock);
}

/* Begins a stage.  Kicks all volumes that have not ended, except `me`.  Context: t->lock. */
static void begin_stage(struct together *t, unsigned int me, enum together_stage stage)
{
	t->stage = stage;
	t->deadline = stage == TOGETHER_FLIP ? thread_now_ms() + HOLD_MS : UINT64_MAX;
	for (unsigned int i = 0; i < t->nr; i++) {
		t->member[i].there = false;
		if (i != me && !t->member[i].ended)
			volume_kick(t->member[i].volume);
	}
}

/* Context: t->lock. */
static void fail_for(struct together *t, unsigned int who, int code, const char *why)
{
	if (!t->result)
		t->result = err_set(&t->err, code, "volume %s: %s", t->member[who].volume->name, why);
	if (t->stage == TOGETHER_GATHER || t->stage == TOGETHER_FLIP)
		begin_stage(t, t->nr, TOGETHER_FAILED);
}

/* Fails the checkpoint if the stage has taken too long.  Context: t->lock. */
static void check_deadline(struct together *t)
{
	struct err why;
	unsigned int i = 0;

	if (thread_now_ms() < t->deadline)
		return;
	while (i + 1 < t->nr && t->member[i].there)
		i++;
	if (t->stage == TOGETHER_GATHER)
		err_set(&why, -ETIMEDOUT, "it was not ready for the checkpoint within %u seconds: writes of an earlier era are in flight, or its metadata is slow; run 'eractl status %s'",
			GATHER_MS / 1000, t->member[i].volume->name);
	else
		err_set(&why, -ETIMEDOUT, "it has not begun its new era within %u seconds, because its metadata is slow, hangs, or needs writes to one of the other volumes, so the other volumes did not wait any longer; run 'eractl status %s'",
			HOLD_MS / 1000, t->member[i].volume->name);
	fail_for(t, i, -ETIMEDOUT, why.msg);
}

enum together_stage together_arrive(struct together *t, unsigned int me, enum together_stage stage,
				    uint64_t *until)
{
	enum together_stage now;
	unsigned int nr_there = 0;

	pthread_mutex_lock(&t->lock);
	check_deadline(t);
	if (t->stage == stage) {
		t->member[me].there = true;
		for (unsigned int i = 0; i < t->nr; i++)
			nr_there += t->member[i].there;
		if (nr_there == t->nr)
			begin_stage(t, me, stage + 1);
	}
	now = t->stage;
	*until = t->deadline;
	pthread_mutex_unlock(&t->lock);
	return now;
}

enum together_stage together_look(struct together *t)
{
	enum together_stage now;

	pthread_mutex_lock(&t->lock);
	check_deadline(t);
	now = t->stage;
	pthread_mutex_unlock(&t->lock);
	return now;
}

void together_fail(struct together *t, unsigned int me, int code, const struct err *err)
{
	pthread_mutex_lock(&t->lock);
	fail_for(t, me, code, err ? err->msg : "the checkpoint was cancelled");
	pthread_mutex_unlock(&t->lock);
}

void together_ended(struct together *t, unsigned int me)
{
	pthread_mutex_lock(&t->lock);
	t->member[me].ended = true;
	pthread_cond_signal(&t->one_ended);
	pthread_mutex_unlock(&t->lock);
}

unsigned int together_wait(struct together *t)
{
	unsigned int i = t->nr;

	pthread_mutex_lock(&t->lock);
	while (i == t->nr) {
		for (i = 0; i < t->nr && !(t->member[i].ended && !t->member[i].taken); i++)
			;
		if (i == t->nr)
			pthread_cond_wait(&t->one_ended, &t->lock);
	}
	t->member[i].taken = true;
	pthread_mutex_unlock(&t->lock);
	return i;
}
