// SPDX-License-Identifier: GPL-2.0-or-later
/* The crash simulator: see crash_sim.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_sim.h"
#include "disk.h"
#include "erad_format.h"
#include "model.h"
#include "rnd.h"

#define MAX_STEPS	256

struct step {
	unsigned int kind;
	uint64_t seed;
};

/* A store on a disk, and what it should say. */
struct sim {
	const struct sim_config *c;
	struct sim_stats *stats;
	struct disk disk;
	struct store *store;
	struct model model;
	uint64_t small;			/* blocks of the device when it is not of its full size */
	uint64_t rnd;			/* for the crashes */
	unsigned int depth;		/* of recoveries that may be looked at below this one */
	/* A step within the I/O of another. */
	uint64_t nest_at, nest_rnd;	/* operation number; 0: none */
	unsigned int nest_kinds;
	bool nested;
	bool unsettled;			/* a resize has failed: the next mark or era writes superblocks */
	bool killed;			/* what is in the array may not be on the disk */
	struct err err;			/* of the call that was made last */
	struct err found;
	bool failed;
};

static const char *const kind_name[] = {
	"mark", "era", "fold", "fold with a step inside", "diff with a step inside", "reopen",
	"kill", "fault", "power failure", "mark with a step inside", "resize", "snapshot",
};

static bool fail(struct sim *s, const char *when)
{
	if (!s->failed)
		err_set(&s->found, 0, "%s: %s", when, s->err.msg);
	s->failed = true;
	return false;
}

static void run_steps(struct sim *s, const struct step *steps, unsigned int nr);
static void do_nest(struct sim *s, const struct step *step);

static bool open_store(struct sim *s)
{
	model_opening(&s->model);
	return !store_open(disk_engine(&s->disk), STORE_WRITE, &s->store, &s->err);
}

/*
 * Takes what the store says after an open, once it is within what it may say.
 * After a kill the array may show marks that nobody was told of, and lose them.
 */
static bool settle(struct sim *s)
{
	struct store_info info;
	uint32_t era;

	if (model_check(&s->model, s->store, NULL, &s->err))
		return fail(s, "after open");
	s->unsettled = false;
	store_info(s->store, &info);
	model_opened(&s->model, &info);
	if (info.snapshot_era && !info.snapshot_lasts)
		return fail(s, "a snapshot outlived its reader");
	if (info.snapshot_era && model_fix_snapshot(&s->model, s->store, &s->err))
		return fail(s, "after open");
	if (model_read(&s->model, s->store, &era, &s->err))
		return fail(s, "after open");
	if (!s->killed)
		model_settle(&s->model);
	return true;
}

static unsigned int recovery_kind(struct sim *s)
{
	static const unsigned int kinds[] = {
		SIM_MARK, SIM_MARK, SIM_ERA, SIM_FOLD, SIM_FOLD, SIM_RESIZE, SIM_SNAPSHOT,
	};
	const unsigned int kind = kinds[rnd_below(&s->rnd, sizeof(kinds) / sizeof(kinds[0]))];

	return kind & s->c->kinds ? kind : SIM_MARK;
}

/* Goes on from a state after a power failure, with a short history of its own. */
static void recover(struct sim *from, uint8_t *image)
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
	model_copy(&s.model, &from->model);
	for (i = 0; i < 4; i++)
		steps[i] = (struct step){ recovery_kind(from), rnd(&from->rnd) };
	run_steps(&s, steps, 1 + rnd_below(&from->rnd, 4));
	if (s.failed) {
		from->err = s.found;
		fail(from, "recovery");
	}
	model_destroy(&s.model);
	disk_destroy(&s.disk);
}

/* One state that a power failure may leave. */
static int look(void *ctx, uint8_t *image)
{
	struct sim *s = ctx;
	struct store *store;
	struct disk d;

	s->stats->states++;
	disk_init_shared(&d, image, s->disk.size);
	if (store_open(disk_engine(&d), STORE_READ, &store, &s->err)) {
		fail(s, "open after a power failure");
	} else {
		if (model_check(&s->model, store, &s->rnd, &s->err))
			fail(s, "after a power failure");
		store_close(store, false, NULL);
	}
	disk_destroy(&d);
	if (!s->failed && s->depth && rnd_below(&s->rnd, s->c->rate) == 0)
		recover(s, image);
	return s->failed;
}

static void explore(struct sim *s)
{
	if (s->failed)
		return;
	s->stats->flushes++;
	disk_crash(&s->disk, s->depth == s->c->depth ? s->c->limit : 16, rnd(&s->rnd), look, s);
}

/* A step that has returned 0, with none around it, leaves nothing to a power failure. */
static void expect_durable(struct sim *s, int ret)
{
	const struct erad_disk_super *sb = (const void *)s->disk.durable;
	const uint64_t a = sb->seq, b = sb[ERAD_PAGE / ERAD_SECTOR].seq;

	if (ret || s->nested || s->failed || s->c->kinds & (SIM_KILL | SIM_FAULT))
		return;
	if (s->disk.nr_cached) {
		err_set(&s->err, 0, "%zu sectors are not durable", s->disk.nr_cached);
		fail(s, "at the end of a step");
	}
	if (a != b + 1 && b != a + 1) {
		err_set(&s->err, 0, "the superblocks' seq are %" PRIu64 " and %" PRIu64, a, b);
		fail(s, "at the end of a step");
	}
}

/* -EIO of an operation that was made to fail is no finding. */
static void expect(struct sim *s, int ret, const char *what)
{
	if (ret && (ret != -EIO || s->disk.ops <= s->disk.fail_from))
		fail(s, what);
	expect_durable(s, ret);
}

/* As many as the group can take, and far enough from each other not to be joined. */
static unsigned int spread_ranges(const struct sim *s, uint64_t *r, struct erad_range *range)
{
	const uint64_t stride = s->model.size / s->c->big_marks;
	unsigned int i;

	for (i = 0; i < s->c->big_marks; i++) {
		range[i] = (struct erad_range){ .first = i * stride };
		range[i].len = 1 + stride / 4 + rnd_below(r, 1 + stride / 4);
	}
	return i;
}

static unsigned int random_ranges(const struct sim *s, uint64_t *r, struct erad_range *range)
{
	const uint64_t nr_blocks = s->model.size;
	unsigned int nr = 1 + rnd_below(r, 4), i;
	uint64_t max = 1 + rnd_below(r, 8);

	if (rnd_below(r, 10) == 0)
		max = nr_blocks;
	if (rnd_below(r, 8) == 0)
		return spread_ranges(s, r, range);
	for (i = 0; i < nr; i++) {
		range[i] = (struct erad_range){ .first = rnd_below(r, nr_blocks) };
		range[i].len = 1 + rnd_below(r, max);
		if (range[i].len > nr_blocks - range[i].first)
			range[i].len = nr_blocks - range[i].first;
	}
	return nr;
}

static int do_mark(struct sim *s, uint64_t seed)
{
	struct erad_range range[ERAD_MAX_RANGES];
	struct store_info info;
	unsigned int nr;
	int ret;

	store_info(s->store, &info);
	if (info.era == 0)
		return 0;
	nr = random_ranges(s, &seed, range);
	model_try_mark(&s->model, range, nr, info.era);
	ret = store_mark(s->store, range, nr, &s->err);
	if (!ret)
		model_ack_mark(&s->model, range, nr, info.era);
	s->unsettled = s->unsettled && ret;
	expect(s, ret, "mark");
	return ret;
}

static int do_era(struct sim *s, uint64_t seed)
{
	struct store_info info;
	uint32_t era;
	int ret;

	store_info(s->store, &info);
	era = info.era + 1 + rnd_below(&seed, 2);
	model_try_era(&s->model, era);
	ret = store_begin_era(s->store, era, &s->err);
	if (!ret)
		model_ack_era(&s->model, era);
	expect(s, ret, "era");
	return ret;
}

static int do_fold(struct sim *s)
{
	int ret = store_fold(s->store, &s->err);

	expect(s, ret, "fold");
	return ret;
}

static void do_diff(struct sim *s)
{
	struct model m;
	uint32_t era;
	uint64_t b;
	int ret;

	/* What was acknowledged before it; what is marked meanwhile may be in it too. */
	model_copy(&m, &s->model);
	ret = model_read(&m, s->store, &era, &s->err);
	expect(s, ret, "diff");
	for (b = 0; b < m.size && !ret && !s->failed; b++) {
		if (m.got[b] >= m.min[b] && m.got[b] <= s->model.max[b])
			continue;
		err_set(&s->err, 0, "block %" PRIu64 " is of era %" PRIu32 ", expected %" PRIu32
			" to %" PRIu32, b, m.got[b], m.min[b], s->model.max[b]);
		fail(s, "diff");
	}
	if (!ret && m.snap.must)
		expect(s, model_fix_snapshot(&m, s->store, &s->err), "diff of the snapshot");
	model_destroy(&m);
}

static void do_resize(struct sim *s)
{
	const uint64_t nr = s->model.size == s->small ? s->c->nr_blocks : s->small;
	struct store_info info;
	int ret;

	model_try_resize(&s->model, nr);
	ret = store_resize(s->store, nr * 8, &s->err);
	if (!ret)
		model_ack_resize(&s->model, nr);
	expect(s, ret, "resize");
	s->unsettled = ret;
	/* It fails before or after. */
	store_info(s->store, &info);
	s->model.size = info.nr_blocks;
}

static void do_drop(struct sim *s)
{
	const bool held = s->model.snap.must;
	int ret;

	model_try_drop(&s->model);
	ret = store_drop_snapshot(s->store, &s->err);
	if (ret == -ENOENT && !held)
		ret = 0;
	if (!ret)
		model_ack_drop(&s->model);
	expect(s, ret, "drop");
}

static void do_snapshot(struct sim *s, uint64_t seed)
{
	struct store_info info;
	bool lasts;
	int ret;

	if (s->model.snap.may) {
		do_drop(s);
		return;
	}
	store_info(s->store, &info);
	if (info.era == 0)
		return;
	lasts = rnd_below(&seed, 2);
	model_try_era(&s->model, info.era + 1);
	ret = store_begin_snapshot(s->store, info.era + 1, lasts, &s->err);
	expect(s, ret, "snapshot");
	if (ret)
		return;
	model_ack_era(&s->model, info.era + 1);
	model_try_snapshot(&s->model, info.era, lasts);
	if (s->c->kinds & SIM_FOLD_NEST && rnd_below(&seed, 2))
		do_nest(s, &(struct step){ SIM_FOLD_NEST, rnd(&seed) });
	ret = do_fold(s);
	if (ret || s->failed)
		return;
	model_ack_snapshot(&s->model);
	ret = model_fix_snapshot(&s->model, s->store, &s->err);
	expect(s, ret, "snapshot");
}

/* A step inside another's I/O.  Never one that could wait for a lock which that one holds. */
static void nest(struct sim *s)
{
	const uint64_t seed = rnd(&s->nest_rnd);
	unsigned int kinds = s->nest_kinds;
	struct store_info info;

	s->nest_at = 0;
	s->nested = true;
	store_info(s->store, &info);
	if (info.journal_used + 8 > info.journal_pages || s->unsettled)
		kinds &= SIM_FOLD | SIM_FOLD_NEST;
	switch (rnd_below(&s->nest_rnd, 3)) {
	case 0:
		if (kinds & SIM_ERA)
			do_era(s, seed);
		/* fall through */
	case 1:
		if (kinds & SIM_MARK)
			do_mark(s, seed);
		if (kinds & SIM_FOLD)
			do_fold(s);
		break;
	default:
		if (kinds & SIM_FOLD)
			do_fold(s);
		else
			do_diff(s);
	}
	s->nested = false;
	/* Perhaps another one later in the same I/O. */
	if (rnd_below(&s->nest_rnd, 2))
		s->nest_at = s->disk.ops + 1 + rnd_below(&s->nest_rnd, 4);
}

static void hook(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct sim *s = ctx;

	/* A window ends with a flush: each earlier moment has a part of its states. */
	if (op == DISK_FLUSH && !after)
		explore(s);
	else if (s->nest_at && !s->nested && !s->failed && after && d->ops >= s->nest_at &&
		 op != DISK_FLUSH)
		nest(s);
}

static void do_nest(struct sim *s, const struct step *step)
{
	uint64_t r = step->seed;
	struct store_info info;

	s->nest_rnd = rnd(&r);
	s->nest_at = s->disk.ops + 1 + rnd_below(&r, 6);
	store_info(s->store, &info);
	if (step->kind == SIM_FOLD_NEST) {
		s->nest_kinds = SIM_MARK | SIM_ERA;
		do_fold(s);
	} else if (step->kind == SIM_MARK_NEST) {
		s->nest_kinds = SIM_FOLD;
		s->nest_at = s->disk.ops + 1;
		/* Not if the mark is going to fold by itself, or to take the fold's lock. */
		if (info.journal_used + ERAD_GROUP_MAX > info.journal_pages || s->unsettled)
			s->nest_at = 0;
		do_mark(s, rnd(&r));
	} else {
		s->nest_kinds = SIM_MARK | SIM_ERA | SIM_FOLD;
		do_diff(s);
	}
	s->nest_at = 0;
}

static void reopen(struct sim *s, bool clean)
{
	int ret = store_close(s->store, clean, &s->err);

	s->store = NULL;
	expect(s, ret, "close");
	if (s->failed)
		return;
	if (!open_store(s))
		fail(s, "open");
	else
		settle(s);
}

static void do_simple(struct sim *s, uint64_t seed)
{
	switch (rnd_below(&seed, 7)) {
	case 0:
		do_era(s, rnd(&seed));
		break;
	case 3:
		if (s->c->kinds & SIM_RESIZE)
			do_resize(s);
		break;
	case 4:
		if (s->c->kinds & SIM_SNAPSHOT)
			do_snapshot(s, rnd(&seed));
		break;
	case 1:
		do_fold(s);
		break;
	case 2:
		/* A commit whose I/O fails and a fold whose does not. */
		if (s->c->kinds & SIM_FOLD_NEST)
			do_nest(s, &(struct step){ SIM_FOLD_NEST, rnd(&seed) });
		break;
	default:
		do_mark(s, rnd(&seed));
	}
}

/* No I/O from a point on, as if the process were gone; what it wrote is still in the cache. */
static void do_kill(struct sim *s, uint64_t seed)
{
	s->killed = true;
	s->disk.rnd = rnd(&seed);
	s->disk.fail_torn = rnd_below(&seed, 2);
	s->disk.fail_from = s->disk.ops + rnd_below(&seed, 6);
	s->disk.fail_to = UINT64_MAX;
	do_simple(s, rnd(&seed));
	store_close(s->store, false, NULL);
	s->store = NULL;

	/* Perhaps once more while the next one opens. */
	s->disk.fail_from = s->disk.ops + rnd_below(&seed, 12);
	if (!s->failed && !open_store(s)) {
		expect(s, -EIO, "open");
		s->disk.fail_to = 0;
		if (!s->failed && !open_store(s))
			fail(s, "open after a kill");
	}
	s->disk.fail_to = 0;
	if (!s->failed)
		settle(s);
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
	do_simple(s, what);
	while (tries-- && !s->failed)
		do_simple(s, rnd_below(&seed, 2) ? what : rnd(&seed));
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
	explore(s);
	disk_crash(&s->disk, 1, rnd(&s->rnd), take_image, s);
	memcpy(s->disk.durable, s->disk.visible, s->disk.size);
	s->disk.nr_cached = 0;
	s->killed = false;
	if (s->failed)
		return;
	if (!open_store(s))
		fail(s, "open after a power failure");
	else
		settle(s);
}

static void do_step(struct sim *s, const struct step *step)
{
	switch (step->kind) {
	case SIM_MARK:
		do_mark(s, step->seed);
		break;
	case SIM_ERA:
		do_era(s, step->seed);
		break;
	case SIM_FOLD:
		do_fold(s);
		break;
	case SIM_FOLD_NEST:
	case SIM_DIFF_NEST:
	case SIM_MARK_NEST:
		do_nest(s, step);
		break;
	case SIM_REOPEN:
		reopen(s, step->seed & 1);
		break;
	case SIM_KILL:
		do_kill(s, step->seed);
		break;
	case SIM_FAULT:
		do_fault(s, step->seed);
		break;
	case SIM_RESIZE:
		do_resize(s);
		break;
	case SIM_SNAPSHOT:
		do_snapshot(s, step->seed);
		break;
	case SIM_POWER:
		do_power(s);
		break;
	}
}

/* Opens what is on the disk, which is within the model, takes the steps and closes it. */
static void run_steps(struct sim *s, const struct step *steps, unsigned int nr)
{
	unsigned int i;

	s->disk.hook = hook;
	s->disk.hook_ctx = s;
	if (!open_store(s)) {
		fail(s, "open");
		return;
	}
	settle(s);
	for (i = 0; i < nr && !s->failed; i++)
		do_step(s, &steps[i]);
	if (s->store && !s->failed && model_check(&s->model, s->store, NULL, &s->err))
		fail(s, "at the end");
	if (s->store)
		expect(s, store_close(s->store, nr % 2, &s->err), "close");
	explore(s);
}

/* True if the history found nothing. */
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
	e = disk_engine(&s.disk);
	if (store_format(e, &g, NULL, NULL, &s.err))
		fail(&s, "format");
	engine_destroy(e);
	if (!s.failed)
		run_steps(&s, steps, nr);
	*err = s.found;
	model_destroy(&s.model);
	disk_destroy(&s.disk);
	return !s.failed;
}

/* Leaves out steps as long as something is still found. */
static unsigned int shrink(const struct sim_config *c, uint64_t seed, struct step *steps,
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
		/* Marks are most of it. */
		unsigned int kind = 1u << rnd_below(&r, 18);

		if (!(kind & c->kinds) || nr == 0)
			kind = nr ? SIM_MARK : SIM_ERA;
		steps[nr] = (struct step){ kind, rnd(&r) };
	}
	stats->histories++;
	if (run_history(c, seed, steps, nr, stats, &err))
		return true;
	fprintf(stderr, "seed %" PRIu64 ", %u steps: %s\n", seed, nr, err.msg);
	nr = shrink(c, seed, steps, nr);
	run_history(c, seed, steps, nr, stats, &err);
	fprintf(stderr, "the same after %u steps: %s\n", nr, err.msg);
	for (i = 0; i < nr; i++)
		fprintf(stderr, "  %u. %s (%" PRIx64 ")\n", i + 1,
			kind_name[__builtin_ctz(steps[i].kind)], steps[i].seed);
	return false;
}
