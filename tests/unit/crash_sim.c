// SPDX-License-Identifier: GPL-2.0-or-later
/* Simulates crashes: see crash_sim.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_ops.h"
#include "crash_sim.h"
#include "crash_steps.h"
#include "erad_format.h"
#include "rnd.h"
#include "store/history.h"

#define MAX_STEPS	256

static const char *const kind_name[] = {
	"mark", "era", "fold", "fold with a step inside", "diff with a step inside", "reopen",
	"kill", "fault", "power failure", "mark with a step inside", "resize", "snapshot",
	"degrade", "gap",
};

bool sim_fail(struct sim *s, const char *when)
{
	if (!s->failed)
		err_set(&s->found, 0, "%s: %s", when, s->err.msg);
	s->failed = true;
	return false;
}

static void run_steps(struct sim *s, const struct step *steps, unsigned int nr);

bool sim_open(struct sim *s)
{
	model_opening(&s->model);
	return !store_open(disk_engine(&s->disk), STORE_WRITE, &s->store, &s->err);
}

/*
 * After an open, checks the store's content against the model, and then copies this content to the
 * model. After a kill, the array may show marks that were never acknowledged, and may lose them
 * later.
 */
bool sim_settle(struct sim *s)
{
	uint8_t item[ERAD_HISTORY_ITEM];
	uint32_t bookmark[MODEL_BOOKMARKS];
	struct store_info info;
	uint32_t era;

	if (model_check(&s->model, s->store, NULL, &s->err))
		return sim_fail(s, "after open");
	s->unsettled = false;
	store_info(s->store, &info);
	model_opened(&s->model, &info);
	store_item(s->store, STORE_IDENTITY, item);
	model_ack_item(&s->model, item[0]);
	model_ack_witness(&s->model, model_read_witness(s->store));
	model_ack_seal(&s->model, model_read_seal(s->store));
	model_read_bookmarks(s->store, bookmark);
	for (unsigned int i = 0; i < MODEL_BOOKMARKS; i++)
		model_ack_bookmark(&s->model, i, bookmark[i]);
	if (!info.degraded && !s->target.degraded)
		model_ack_clear(&s->model);
	if (info.snapshot_era && !info.snapshot_lasts)
		return sim_fail(s, "a snapshot outlived its reader");
	if (info.snapshot_era && model_fix_snapshot(&s->model, s->store, &s->err))
		return sim_fail(s, "after open");
	if (model_read(&s->model, s->store, &era, &s->err))
		return sim_fail(s, "after open");
	if (!s->killed)
		model_settle(&s->model);
	return true;
}

static unsigned int recovery_kind(struct sim *s)
{
	static const unsigned int kinds[] = {
		SIM_MARK, SIM_MARK, SIM_ERA, SIM_FOLD, SIM_FOLD, SIM_RESIZE, SIM_SNAPSHOT, SIM_DEGRADE, SIM_GAP,
	};
	const unsigned int kind = kinds[rnd_below(&s->rnd, sizeof(kinds) / sizeof(kinds[0]))];

	return kind & s->c->kinds ? kind : SIM_MARK;
}

/* Runs another short history on a state that a power failure may leave. */
static void run_recovery(struct sim *from, uint8_t *image)
{
	struct step steps[4];
	struct sim s = {
		.c = from->c, .stats = from->stats, .depth = from->depth - 1,
		.rnd = rnd(&from->rnd), .small = from->small,
	};
	unsigned int i;

	from->stats->recoveries++;
	disk_init_copy(&s.disk, image, from->disk.size);
	s.disk.tear_below = from->disk.tear_below;
	s.disk.fua = from->disk.fua;
	model_copy(&s.model, &from->model);
	for (i = 0; i < 4; i++)
		steps[i] = (struct step){ recovery_kind(from), rnd(&from->rnd) };
	run_steps(&s, steps, 1 + rnd_below(&from->rnd, 4));
	if (s.failed) {
		from->err = s.found;
		sim_fail(from, "recovery");
	}
	model_destroy(&s.model);
	disk_destroy(&s.disk);
}

/* Checks one state that a power failure may leave. Returns whether the history has failed. */
static int check_power_cut(void *ctx, uint8_t *image)
{
	struct sim *s = ctx;
	struct store *store;
	struct disk d;

	s->stats->states++;
	disk_init_shared(&d, image, s->disk.size);
	if (store_open(disk_engine(&d), STORE_READ, &store, &s->err)) {
		sim_fail(s, "open after a power failure");
	} else {
		if (model_check(&s->model, store, &s->rnd, &s->err))
			sim_fail(s, "after a power failure");
		store_close(store, false, NULL);
	}
	disk_destroy(&d);
	if (!s->failed && s->depth && rnd_below(&s->rnd, s->c->rate) == 0)
		run_recovery(s, image);
	return s->failed;
}

void sim_explore(struct sim *s)
{
	if (s->failed)
		return;
	s->stats->flushes++;
	disk_crash(&s->disk, s->depth == s->c->depth ? s->c->limit : 16, rnd(&s->rnd), check_power_cut, s);
}

static void explore_hook(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct sim *s = ctx;

	if (after && s->target.degrade_at && d->ops >= s->target.degrade_at && !s->failed)
		sim_degrade(s);
	if (after && s->target.degraded && !s->failed && rnd_below(&s->target.rnd, 3) == 0)
		sim_pass(s);
	/*
	 * Explore only the moments just before data becomes durable.  The states that a power
	 * failure can leave earlier are among the states that it can leave just before the next
	 * flush or DISK_PERSIST.
	 */
	if ((op == DISK_FLUSH || op == DISK_PERSIST) && !after)
		sim_explore(s);
	else if (s->nest_at && !s->nested && !s->failed && after && d->ops >= s->nest_at &&
		 op != DISK_FLUSH && op != DISK_WRITE_DURABLE && op != DISK_PERSIST)
		sim_nest(s);
}

/*
 * Opens the metadata, runs the steps and closes the metadata. Before the call, the model must allow
 * the content of the disk.
 */
static void run_steps(struct sim *s, const struct step *steps, unsigned int nr)
{
	unsigned int i;

	s->disk.hook = explore_hook;
	s->disk.hook_ctx = s;
	if (!sim_open(s)) {
		sim_fail(s, "open");
		return;
	}
	if (sim_settle(s))
		sim_attach(s);
	for (i = 0; i < nr && !s->failed; i++)
		sim_step(s, &steps[i]);
	if (s->store && !s->failed && model_check(&s->model, s->store, NULL, &s->err))
		sim_fail(s, "at the end");
	if (s->store)
		sim_expect(s, store_close(s->store, nr % 2, &s->err), "close");
	sim_explore(s);
}

/* Runs the history.  Returns true if it finds no error. */
static bool run_history(const struct sim_config *c, uint64_t seed, const struct step *steps,
			unsigned int nr, struct sim_stats *stats, struct err *err)
{
	const struct store_geometry g = {
		.uuid = { 1, 2, 3 }, .nr_sectors = c->nr_blocks * 8, .block_sectors = 8,
		.journal_pages = c->journal_pages, .chunk_pages = 2,
	};
	struct sim s = { .c = c, .stats = stats, .depth = c->depth, .rnd = seed };
	uint64_t r = seed;
	struct engine *e;

	disk_init(&s.disk, store_size(&g, NULL));
	s.disk.tear_below = ERAD_JOURNAL_START * ERAD_PAGE / ERAD_SECTOR;
	model_init(&s.model, c->nr_blocks);
	s.small = c->nr_blocks - 1 - rnd_below(&r, c->nr_blocks / 2);
	s.disk.fua = rnd_below(&r, 2);
	e = disk_engine(&s.disk);
	if (store_format(e, &g, NULL, NULL, &s.err))
		sim_fail(&s, "format");
	engine_destroy(e);
	if (!s.failed)
		run_steps(&s, steps, nr);
	*err = s.found;
	model_destroy(&s.model);
	disk_destroy(&s.disk);
	return !s.failed;
}

/*
 * Shortens a history that finds an error: removes each step without which the history still finds
 * an error. Returns how many steps are left.
 */
static unsigned int shrink_history(const struct sim_config *c, uint64_t seed, struct step *steps,
			   unsigned int nr)
{
	struct step shorter[MAX_STEPS];
	struct sim_stats stats = { 0 };
	bool shrunk = true;
	struct err err;
	unsigned int i;

	while (shrunk) {
		shrunk = false;
		for (i = nr; i-- > 0;) {
			memcpy(shorter, steps, i * sizeof(*steps));
			memcpy(shorter + i, steps + i + 1, (nr - i - 1) * sizeof(*steps));
			if (run_history(c, seed, shorter, nr - 1, &stats, &err))
				continue;
			memcpy(steps, shorter, --nr * sizeof(*steps));
			shrunk = true;
		}
	}
	return nr;
}

bool sim_run(const struct sim_config *c, uint64_t seed, struct sim_stats *stats)
{
	struct step steps[MAX_STEPS];
	uint64_t r = seed;
	unsigned int i, nr;
	struct err err;

	for (nr = 0; nr < c->steps && nr < MAX_STEPS; nr++) {
		/* The first step is an era. A mark replaces a kind that is not in c->kinds. */
		unsigned int kind = 1u << rnd_below(&r, 19);

		if (!(kind & c->kinds) || nr == 0)
			kind = nr ? SIM_MARK : SIM_ERA;
		steps[nr] = (struct step){ kind, rnd(&r) };
	}
	stats->histories++;
	if (run_history(c, seed, steps, nr, stats, &err))
		return true;
	fprintf(stderr, "seed %" PRIu64 ", %u steps: %s\n", seed, nr, err.msg);
	nr = shrink_history(c, seed, steps, nr);
	run_history(c, seed, steps, nr, stats, &err);
	fprintf(stderr, "the same after %u steps: %s\n", nr, err.msg);
	for (i = 0; i < nr; i++)
		fprintf(stderr, "  %u. %s (%" PRIx64 ")\n", i + 1,
			kind_name[__builtin_ctz(steps[i].kind)], steps[i].seed);
	return false;
}
