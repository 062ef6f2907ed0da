// SPDX-License-Identifier: GPL-2.0-or-later
/* Implements the steps of the crash simulator's histories: see crash_steps.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/witness.h"
#include "crash_sim.h"
#include "crash_steps.h"
#include "erad_format.h"
#include "rnd.h"
#include "store/bookmarks.h"
#include "store/history.h"
#include "store/moment.h"
#include "store/pool.h"
#include "store/state.h"

static void do_nest(struct sim *s, const struct step *step);

/*
 * Records what a power failure must not lose.  If the step has returned 0 and was not nested,
 * everything is durable.
 */
static void expect_durable(struct sim *s, int ret, const char *what)
{
	const struct erad_disk_super *sb = (const void *)s->disk.durable;
	const uint64_t a = sb->seq, b = sb[ERAD_PAGE / ERAD_SECTOR].seq;

	if (ret || s->nested || s->failed || s->c->kinds & (SIM_KILL | SIM_FAULT))
		return;
	if (s->disk.nr_cached) {
		err_set(&s->err, 0, "%zu sectors are not durable", s->disk.nr_cached);
		sim_fail(s, what);
	}
	if (a != b + 1 && b != a + 1) {
		err_set(&s->err, 0, "the superblocks' seq are %" PRIu64 " and %" PRIu64, a, b);
		sim_fail(s, what);
	}
}

/* -EIO is an error of the store only if the simulator has not made an I/O fail. */
void sim_expect(struct sim *s, int ret, const char *what)
{
	if (ret && (ret != -EIO || s->disk.ops <= s->disk.fail_from))
		sim_fail(s, what);
	expect_durable(s, ret, what);
}

/*
 * Makes as many ranges as fit into a group.  The ranges are so far from each other that they are
 * not merged.
 */
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

/*
 * Leaves the store memory for only a few runs, so that a mark becomes several groups, with folds
 * between them.  For the model, the mark is acknowledged only when all groups are durable.  After a
 * power failure, the groups that are not durable belong to a mark that was only attempted.
 */
static void drain_pool(struct store *store, uint64_t *r)
{
	const size_t left = overlay_needs(&store->active) + rnd_below(r, 3);
	struct nodes nodes = { 0 };

	pthread_mutex_lock(&store->lock);
	if (store->pool.nr > left)
		nodes_move(&nodes, &store->pool, store->pool.nr - left);
	pthread_mutex_unlock(&store->lock);
	nodes_free(&nodes);
}

/*
 * Returns whether the store may have to fold before it can append this many groups of the largest
 * size.
 */
static bool is_full(struct store *store, unsigned int groups)
{
	struct store_info info;
	bool ret;

	store_info(store, &info);
	pthread_mutex_lock(&store->lock);
	ret = store->pool.nr < POOL_MIN / 2 || info.journal_used + groups * ERAD_GROUP_MAX > info.journal_pages;
	pthread_mutex_unlock(&store->lock);
	return ret;
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
	/* Make few ranges: each may be a group, with a fold of its own. */
	if (nr <= 4 && !s->nested && !s->nest_at && rnd_below(&seed, 4) == 0)
		drain_pool(s->store, &seed);
	model_try_mark(&s->model, range, nr, info.era);
	ret = store_mark(s->store, range, nr, &s->err);
	if (!ret)
		model_ack_mark(&s->model, range, nr, info.era);
	s->unsettled = s->unsettled && ret;
	sim_expect(s, ret, "mark");
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
	if (!ret) {
		model_ack_era(&s->model, era);
		s->target.era = era;
	}
	sim_expect(s, ret, "era");
	return ret;
}

static int do_fold(struct sim *s)
{
	int ret = store_fold(s->store, &s->err);

	sim_expect(s, ret, "fold");
	return ret;
}

static void do_diff(struct sim *s)
{
	struct model m;
	uint32_t era;
	uint64_t b;
	int ret;

	/*
	 * The diff must contain all marks that were acknowledged before it began.  It may contain
	 * marks that are made during the diff.
	 */
	model_copy(&m, &s->model);
	ret = model_read(&m, s->store, &era, &s->err);
	sim_expect(s, ret, "diff");
	for (b = 0; b < m.size && !ret && !s->failed; b++) {
		if (m.got[b] >= m.min[b] && m.got[b] <= s->model.max[b])
			continue;
		err_set(&s->err, 0, "block %" PRIu64 " is of era %" PRIu32 ", expected %" PRIu32
			" to %" PRIu32, b, m.got[b], m.min[b], s->model.max[b]);
		sim_fail(s, "diff");
	}
	if (!ret && m.snap.must)
		sim_expect(s, model_fix_snapshot(&m, s->store, &s->err), "diff of the snapshot");
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
	sim_expect(s, ret, "resize");
	s->unsettled = ret;
	/* After a resize that failed, the store has the old size or the new one. */
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
	sim_expect(s, ret, "drop");
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
	sim_expect(s, ret, "snapshot");
	if (ret)
		return;
	model_ack_era(&s->model, info.era + 1);
	s->target.era = info.era + 1;
	model_try_snapshot(&s->model, info.era, lasts);
	if (s->c->kinds & SIM_FOLD_NEST && rnd_below(&seed, 2))
		do_nest(s, &(struct step){ SIM_FOLD_NEST, rnd(&seed) });
	ret = do_fold(s);
	if (ret || s->failed)
		return;
	model_ack_snapshot(&s->model);
	ret = model_fix_snapshot(&s->model, s->store, &s->err);
	sim_expect(s, ret, "snapshot");
}

static void do_gap(struct sim *s, uint64_t seed)
{
	struct store_info info;
	int ret;

	store_info(s->store, &info);
	if (!info.era)
		return;
	model_try_gap(&s->model, info.era);
	ret = store_gap(s->store, rnd_below(&seed, ERAD_GAP_KINDS), "simulated", &s->err);
	store_info(s->store, &info);
	if (!ret)
		model_ack_gap(&s->model, &info);
	sim_expect(s, ret, "gap");
}

/* Begins a timeline, and then its first era, as an activation does. */
static void do_timeline(struct sim *s, uint64_t seed)
{
	uint8_t note[ERAD_HISTORY_ITEM];
	const uint64_t number = rnd(&seed) | 1;
	struct store_info info;
	int ret;

	store_info(s->store, &info);
	model_note(note, number);
	model_try_seal(&s->model, 0);
	ret = store_new_timeline(s->store, number, note, &s->err);
	if (!ret)
		model_ack_seal(&s->model, 0);
	sim_expect(s, ret, "timeline");
	if (ret || do_era(s, rnd(&seed)))
		return;
	s->model.timeline = number;
	s->model.timeline_first = info.era + 1;
}

static void do_item(struct sim *s, uint64_t seed)
{
	uint8_t item[ERAD_HISTORY_ITEM] = { rnd_below(&seed, 255) };
	int ret;

	model_try_item(&s->model, item[0]);
	ret = store_set_item(s->store, STORE_IDENTITY, item, &s->err);
	if (!ret)
		model_ack_item(&s->model, item[0]);
	sim_expect(s, ret, "item");
}

/* Keeps a witness of the current era, as after a checkpoint. */
static void do_witness(struct sim *s)
{
	struct witness w = { .version = htole32(WITNESS_VERSION) };
	struct store_info info;
	int ret;

	store_info(s->store, &info);
	if (!info.era)
		return;
	w.era = htole32(info.era);
	model_try_witness(&s->model, info.era);
	ret = store_set_item(s->store, STORE_WITNESS, (const uint8_t *)&w, &s->err);
	if (!ret)
		model_ack_witness(&s->model, info.era);
	sim_expect(s, ret, "witness");
}

/* Sets a bookmark to the beginning of the current era, or deletes a bookmark. */
static void do_bookmark(struct sim *s, uint64_t seed)
{
	const unsigned int nr = rnd_below(&seed, MODEL_BOOKMARKS);
	const bool set = rnd_below(&seed, 4);
	char name[MODEL_BOOKMARK_NAME];
	uint32_t era[MODEL_BOOKMARKS];
	struct store_info info;
	struct token token;
	int ret;

	model_bookmark_name(nr, name);
	store_info(s->store, &info);
	model_read_bookmarks(s->store, era);
	if (set ? !store_token(s->store, info.era, &token) : !era[nr])
		return;
	model_try_bookmark(&s->model, nr, set ? token.era : 0);
	ret = set ? store_set_bookmark(s->store, name, &token, &s->err) : store_delete_bookmark(s->store, name, &s->err);
	if (!ret)
		model_ack_bookmark(&s->model, nr, set ? token.era : 0);
	sim_expect(s, ret, "bookmark");
}

static void do_history(struct sim *s, uint64_t seed)
{
	switch (rnd_below(&seed, 7)) {
	case 0:
		do_timeline(s, rnd(&seed));
		break;
	case 1:
		do_item(s, rnd(&seed));
		break;
	case 2:
	case 3:
		do_bookmark(s, rnd(&seed));
		break;
	case 4:
		do_witness(s);
		break;
	default:
		do_gap(s, rnd(&seed));
	}
}

/* Runs a step inside the I/O of another step.  The inner step must not wait for a lock that the outer step holds. */
void sim_nest(struct sim *s)
{
	const uint64_t seed = rnd(&s->nest_rnd);
	unsigned int kinds = s->nest_kinds;
	struct store_info info;

	s->nest_at = 0;
	s->nested = true;
	store_info(s->store, &info);
	if (is_full(s->store, 2) || s->unsettled)
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
	/* In some cases, run a second step within the same outer step. */
	if (rnd_below(&s->nest_rnd, 2))
		s->nest_at = s->disk.ops + 1 + rnd_below(&s->nest_rnd, 4);
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
		/*
		 * Leave this step out if the mark would fold by itself, or would need the fold's
		 * lock.
		 */
		if (is_full(s->store, 1) || s->unsettled)
			s->nest_at = 0;
		do_mark(s, rnd(&r));
	} else {
		s->nest_kinds = SIM_MARK | SIM_ERA | SIM_FOLD;
		do_diff(s);
	}
	s->nest_at = 0;
}

/* Closes the store with a seal, as after the end of a target.  In some cases, kills the process meanwhile. */
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

/* how: a random number.  Closes the store cleanly or not, with a seal or without. */
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

static void do_simple(struct sim *s, uint64_t seed)
{
	switch (rnd_below(&seed, 8)) {
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
	case 5:
		if (s->c->kinds & SIM_GAP)
			do_history(s, rnd(&seed));
		break;
	case 1:
		do_fold(s);
		break;
	case 2:
		/* Fail the I/O of a commit, but not the I/O of a nested fold. */
		if (s->c->kinds & SIM_FOLD_NEST)
			do_nest(s, &(struct step){ SIM_FOLD_NEST, rnd(&seed) });
		break;
	default:
		do_mark(s, rnd(&seed));
	}
}

/*
 * From some point on, all I/O fails, as if the process were killed.  The disk's cache still has the
 * earlier writes.
 */
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
		reopen_store(s, step->seed);
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
	case SIM_DEGRADE:
		do_degrade(s, step->seed);
		break;
	case SIM_GAP:
		do_history(s, step->seed);
		break;
	case SIM_POWER:
		do_power(s);
		break;
	}
}
