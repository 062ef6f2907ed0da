// SPDX-License-Identifier: GPL-2.0-or-later
/* Implements the operations of the crash simulator on its store: see crash_ops.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/witness.h"
#include "crash_ops.h"
#include "crash_sim.h"
#include "erad_format.h"
#include "rnd.h"
#include "store/bookmarks.h"
#include "store/history.h"
#include "store/moment.h"
#include "store/pool.h"
#include "store/state.h"

static void do_nest(struct sim *s, const struct step *step);

/*
 * Checks that everything is durable after a step that has returned 0, and that the sequence numbers
 * of the two superblocks differ by one.  Checks nothing in a nested step or in a history with kills
 * or faults, because these may leave writes in the disk's cache.
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

void sim_expect(struct sim *s, int ret, const char *what)
{
	if (ret && (ret != -EIO || s->disk.ops <= s->disk.fail_from))
		sim_fail(s, what);
	expect_durable(s, ret, what);
}

/*
 * Makes the ranges of a large mark: s->c->big_marks ranges, so far from each other that they are
 * not merged.  Returns their number.
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
	/*
	 * Drain the pool only with few ranges, because each range may become a group with a fold of
	 * its own.
	 */
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
		/* Nest no fold if the mark would fold by itself, or would hold the fold's lock. */
		if (is_full(s->store, 1) || s->unsettled)
			s->nest_at = 0;
		do_mark(s, rnd(&r));
	} else {
		s->nest_kinds = SIM_MARK | SIM_ERA | SIM_FOLD;
		do_diff(s);
	}
	s->nest_at = 0;
}

void sim_random_op(struct sim *s, uint64_t seed)
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
		/*
		 * The caller makes an I/O of this operation fail. This may be an I/O of the fold,
		 * or of a mark or an era during the fold.
		 */
		if (s->c->kinds & SIM_FOLD_NEST)
			do_nest(s, &(struct step){ SIM_FOLD_NEST, rnd(&seed) });
		break;
	default:
		do_mark(s, rnd(&seed));
	}
}

void sim_op(struct sim *s, const struct step *step)
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
	case SIM_RESIZE:
		do_resize(s);
		break;
	case SIM_SNAPSHOT:
		do_snapshot(s, step->seed);
		break;
	case SIM_GAP:
		do_history(s, step->seed);
		break;
	}
}
