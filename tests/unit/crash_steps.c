// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Implements the steps of the crash simulator's histories: see crash_steps.h.  This file contains
 * the steps that close the store or make its I/O fail; crash_ops.c contains the others.
 */
#include <errno.h>
#include <string.h>

#include "crash_ops.h"
#include "crash_sim.h"
#include "crash_steps.h"
#include "rnd.h"
#include "store/history.h"
#include "store/store.h"

/*
 * Closes the store with a seal, as after the end of a target. In some cases, kills the process
 * during the close. Returns the result of the close.
 */
static int close_sealed(struct sim *s, uint64_t seed)
{
	const uint8_t seal = 1 + rnd_below(&seed, 255);
	uint8_t page[ERAD_HISTORY_SEAL];
	int ret;

	model_make_seal(page, seal);
	model_try_seal(&s->model, seal);
	if (s->c->kinds & SIM_KILL && rnd_below(&seed, 3) == 0) {
		s->killed = true;
		s->disk.rnd = rnd(&seed);
		s->disk.fail_torn = rnd_below(&seed, 2);
		s->disk.fail_from = s->disk.ops + rnd_below(&seed, 12);
		s->disk.fail_to = UINT64_MAX;
	}
	ret = store_close_sealed(s->store, page, &s->err);
	if (!ret)
		model_ack_seal(&s->model, seal);
	return ret;
}

/*
 * Closes the store, cleanly or not, with a seal or without, and opens it.  how: a random number,
 * which chooses one of these ways.
 */
static void reopen_store(struct sim *s, uint64_t how)
{
	const bool clean = how & 1, sealed = clean && how & 2 && s->c->kinds & SIM_GAP;
	int ret = sealed ? close_sealed(s, how) : store_close(s->store, clean, &s->err);

	s->store = NULL;
	sim_expect(s, ret, "close");
	s->disk.fail_to = 0;
	if (s->failed)
		return;
	if (!sim_open(s))
		sim_fail(s, "open");
	else if (sim_settle(s))
		sim_attach(s);
}

/*
 * The target degrades while a daemon opens the store.  The target then has a record that the store
 * may not have read.
 */
static void degrade_within_open(struct sim *s, uint64_t at)
{
	store_close(s->store, false, NULL);
	s->store = NULL;
	s->target.degrade_at = at;
	if (!sim_open(s)) {
		sim_fail(s, "open while writes are let pass");
		return;
	}
	sim_attach(s);
	s->target.degrade_at = 0;
	if (!s->failed)
		sim_settle(s);
}

/* Lets the target degrade, because no daemon attaches for a long time. */
static void do_degrade(struct sim *s, uint64_t seed)
{
	s->target.rnd = rnd(&seed);
	if (rnd_below(&seed, 3) == 0) {
		degrade_within_open(s, s->disk.ops + rnd_below(&seed, 12));
		return;
	}
	if (rnd_below(&seed, 4) == 0) {
		/* Degrades as `eractl abort --degrade` does. */
		sim_degrade(s);
		sim_attach(s);
		return;
	}
	store_close(s->store, false, NULL);
	s->store = NULL;
	sim_degrade(s);
	if (s->failed)
		return;
	if (!sim_open(s)) {
		sim_fail(s, "open of a target that lets writes pass");
		return;
	}
	if (!sim_settle(s))
		return;
	if (s->c->kinds & SIM_KILL && rnd_below(&seed, 2)) {
		/* Kill this daemon while it ends the degrade record. */
		s->killed = true;
		s->disk.rnd = rnd(&seed);
		s->disk.fail_torn = rnd_below(&seed, 2);
		s->disk.fail_from = s->disk.ops + rnd_below(&seed, 7);
		s->disk.fail_to = UINT64_MAX;
	}
	if (sim_attach(s) || s->failed) {
		s->disk.fail_to = 0;
		return;
	}
	s->disk.fail_to = 0;
	reopen_store(s, 0);
}

/*
 * From some point on, all I/O fails, as if the process were killed.  The disk's cache still
 * contains the earlier writes.
 */
static void do_kill(struct sim *s, uint64_t seed)
{
	s->killed = true;
	s->disk.rnd = rnd(&seed);
	s->disk.fail_torn = rnd_below(&seed, 2);
	s->disk.fail_from = s->disk.ops + rnd_below(&seed, 6);
	s->disk.fail_to = UINT64_MAX;
	sim_random_op(s, rnd(&seed));
	store_close(s->store, false, NULL);
	s->store = NULL;

	/* In some cases, kill the next process while it opens the store. */
	s->disk.fail_from = s->disk.ops + rnd_below(&seed, 12);
	if (!s->failed && !sim_open(s)) {
		sim_expect(s, -EIO, "open");
		s->disk.fail_to = 0;
		if (!s->failed && !sim_open(s))
			sim_fail(s, "open after a kill");
	}
	s->disk.fail_to = 0;
	if (!s->failed && sim_settle(s))
		sim_attach(s);
}

static void do_fault(struct sim *s, uint64_t seed)
{
	const uint64_t what = rnd(&seed);
	unsigned int tries = rnd_below(&seed, 3);

	s->disk.rnd = rnd(&seed);
	s->disk.fail_torn = rnd_below(&seed, 2);
	s->disk.fail_lossy = rnd_below(&seed, 2);
	s->killed = true;
	s->disk.fail_from = s->disk.ops + rnd_below(&seed, 6);
	s->disk.fail_to = s->disk.fail_from + 1 + rnd_below(&seed, 3);
	sim_random_op(s, what);
	while (tries-- && !s->failed)
		sim_random_op(s, rnd_below(&seed, 2) ? what : rnd(&seed));
	s->disk.fail_to = 0;
}

static int take_image(void *ctx, uint8_t *image)
{
	struct sim *s = ctx;

	memcpy(s->disk.visible, image, s->disk.size);
	return 1;
}

static void do_power(struct sim *s)
{
	store_close(s->store, false, NULL);
	s->store = NULL;
	sim_explore(s);
	disk_crash(&s->disk, 1, rnd(&s->rnd), take_image, s);
	memcpy(s->disk.durable, s->disk.visible, s->disk.size);
	s->disk.nr_cached = 0;
	s->killed = false;
	memset(&s->target, 0, sizeof(s->target));
	if (s->failed)
		return;
	if (!sim_open(s))
		sim_fail(s, "open after a power failure");
	else if (sim_settle(s))
		sim_attach(s);
}

void sim_step(struct sim *s, const struct step *step)
{
	/* Fills the pool, as the fold thread of a volume does from time to time. */
	if (step->seed % 3 == 0)
		store_fill_pool(s->store);
	switch (step->kind) {
	case SIM_REOPEN:
		reopen_store(s, step->seed);
		break;
	case SIM_KILL:
		do_kill(s, step->seed);
		break;
	case SIM_FAULT:
		do_fault(s, step->seed);
		break;
	case SIM_DEGRADE:
		do_degrade(s, step->seed);
		break;
	case SIM_POWER:
		do_power(s);
		break;
	default:
		sim_op(s, step);
	}
}
