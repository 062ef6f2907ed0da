// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Models the target for the crash simulator: the target degrades when no daemon attaches, and holds
 * writes again when a daemon has attached.
 */
#include <errno.h>
#include <string.h>

#include "crash_ops.h"
#include "crash_sim.h"
#include "crash_steps.h"
#include "rnd.h"

void sim_pass(struct sim *s)
{
	uint64_t size = s->model.size < s->model.other_size ? s->model.size : s->model.other_size;
	struct erad_range r = { .first = rnd_below(&s->target.rnd, size), .len = 1 };

	model_passed(&s->model, &r, s->target.era);
}

void sim_degrade(struct sim *s)
{
	struct target *t = &s->target;

	t->degrade_at = 0;
	if (!t->ready || t->degraded)
		return;
	model_try_degrade(&s->model);
	disk_foreign_write(&s->disk, t->sector, t->record);
	sim_explore(s);
	disk_persist(&s->disk, t->sector);
	t->degraded = true;
	sim_pass(s);
	sim_explore(s);
}

/*
 * Makes a degraded target hold writes again, by the steps of erad_format.h in their order. Returns
 * 0 or a negative errno.
 */
static int take_back(struct sim *s)
{
	struct store_info info;
	int ret;

	model_try_degrade(&s->model);
	s->model.gaps_max++;
	ret = store_set_floor(s->store, &s->err);
	sim_expect(s, ret, "floor");
	if (ret)
		return ret;
	store_info(s->store, &info);
	model_ack_gap(&s->model, &info);
	model_try_era(&s->model, info.era + 1);
	ret = store_begin_era(s->store, info.era + 1, &s->err);
	sim_expect(s, ret, "era after the floor");
	if (ret)
		return ret;
	s->target.degraded = false;
	/* Acknowledge the era only now, because only now all unrecorded writes have completed. */
	model_ack_era(&s->model, info.era + 1);
	return 0;
}

/* Makes the target ready, and then ends the last degrade record. Returns 0 or a negative errno. */
static int make_ready(struct sim *s)
{
	struct target *t = &s->target;
	struct store_info info;
	int ret;

	store_info(s->store, &info);
	if (!info.era)
		return 0;
	ret = store_degrade_record(s->store, &t->sector, t->record);
	sim_expect(s, ret, "degrade record");
	t->era = info.era;
	t->ready = true;
	ret = store_clear_degraded(s->store, &s->err);
	sim_expect(s, ret, "clear");
	return ret;
}

bool sim_attach(struct sim *s)
{
	int ret = 0;

	if (!(s->c->kinds & SIM_DEGRADE))
		return true;
	do {
		if (s->target.degraded || store_degraded(s->store))
			ret = take_back(s);
		/*
		 * The target may have degraded meanwhile. Then make it hold writes again first, in
		 * the next round of this loop.
		 */
		if (!ret && !s->failed && !s->target.degraded)
			ret = make_ready(s);
	} while (!ret && !s->failed && s->target.degraded);
	if (!ret)
		model_ack_clear(&s->model);
	return !ret;
}
