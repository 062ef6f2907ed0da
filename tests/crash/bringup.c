// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens and checks metadata on an image in memory after a power cut: see bringup.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bringup.h"
#include "store/store.h"
#include "unit/rnd.h"

#define SAY_AT_MOST	5	/* how many errors of one kind are printed for one point */
#define MARKS		8

struct memory_engine {
	struct engine engine;
	uint8_t *image;		/* the content; the caller frees it */
};

static int memory_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	if (off > e->size || len > e->size - off)
		return -EIO;
	memcpy(buf, ((struct memory_engine *)e)->image + off, len);
	return 0;
}

static int memory_write(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	if (off > e->size || len > e->size - off)
		return -EIO;
	memcpy(((struct memory_engine *)e)->image + off, buf, len);
	return 0;
}

static int memory_flush(struct engine *e)
{
	(void)e;
	return 0;
}

static int memory_zero(struct engine *e, uint64_t off, uint64_t len)
{
	if (off > e->size || len > e->size - off)
		return -EIO;
	memset(((struct memory_engine *)e)->image + off, 0, len);
	return 0;
}

static int memory_grow(struct engine *e, uint64_t size)
{
	return size <= e->size ? 0 : -ENOSPC;
}

static void memory_destroy(struct engine *e)
{
	free(e);
}

static const struct engine_ops memory_ops = {
	.read = memory_read,
	.write = memory_write,
	.flush = memory_flush,
	.zero = memory_zero,
	.grow = memory_grow,
	.destroy = memory_destroy,
};

static struct engine *memory_engine(uint8_t *image, uint64_t size)
{
	struct memory_engine *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->engine.ops = &memory_ops;
	m->engine.size = size;
	strcpy(m->engine.name, "metadata");
	m->image = image;
	return &m->engine;
}

struct extents {
	uint32_t *era, since;
	uint64_t nr_blocks;
};

static int on_extent(void *ctx, uint64_t first, uint64_t len)
{
	struct extents *d = ctx;
	uint64_t b;

	if (first > d->nr_blocks || len > d->nr_blocks - first)
		return -ERANGE;
	for (b = first; b < first + len; b++)
		d->era[b] = d->since;
	return 0;
}

/*
 * Reads the era of each block into era[], by diffs since every era, as `eractl diff --since` does.
 * A block that is in no diff has era 0. Returns false after printing an error.
 */
static bool read_eras(struct store *s, uint32_t newest, uint64_t nr_blocks, uint32_t *era)
{
	struct extents d = { .era = era, .nr_blocks = nr_blocks };
	struct err err;

	memset(era, 0, nr_blocks * sizeof(*era));
	for (d.since = 1; d.since <= newest; d.since++) {
		if (store_diff(s, d.since, on_extent, &d, &err)) {
			printf("  diff --since %" PRIu32 ": %s\n", d.since, err.msg);
			return false;
		}
	}
	return true;
}

static bool compare(const struct expect *x, const uint32_t *era, uint64_t *lost)
{
	uint64_t missing = 0, wrong = 0, b;

	for (b = 0; b < x->nr_blocks; b++) {
		if (era[b] < x->need[b] && missing++ < SAY_AT_MOST)
			printf("  lost: block %" PRIu64 " is reported in era %" PRIu32
			       ", expected %" PRIu32 " or newer\n", b, era[b], x->need[b]);
		/*
		 * A block that is reported in an era in which it was not written is no missed
		 * write.  But no power cut can cause this, so it is an error.
		 */
		if (x->only_marked && era[b] && !(x->may[b] & 1ULL << (era[b] - 1)) &&
		    wrong++ < SAY_AT_MOST)
			printf("  block %" PRIu64 " is reported in era %" PRIu32
			       ", in which nothing was written to it\n", b, era[b]);
	}
	*lost += missing;
	return !missing && !wrong;
}

static void on_fault(void *ctx, const char *what)
{
	(void)ctx;
	printf("  check: %s\n", what);
}

static bool check_clean(uint8_t *image, uint64_t size)
{
	struct store_info info;
	struct err err;
	int r;

	r = store_check(memory_engine(image, size), on_fault, NULL, &info, &err);
	if (r < 0)
		printf("  check: %s\n", err.msg);
	return r == 0;
}

/*
 * Uses the metadata after the power cut: begins an era, and marks blocks. The marked blocks must be
 * reported in this era, and every other block in the same era as before. Returns false after
 * printing an error.
 */
static bool go_on(struct store *s, const struct expect *x, uint32_t newest, uint64_t *rng,
		  const uint32_t *era)
{
	uint32_t *after = calloc(x->nr_blocks, sizeof(*after));
	struct erad_range r[MARKS] = { };
	bool *marked = calloc(x->nr_blocks, 1);
	struct store_info info;
	bool good = false;
	struct err err;
	uint64_t b;
	int i;

	if (!after || !marked)
		abort();
	for (i = 0; i < MARKS; i++) {
		r[i].first = rnd_below(rng, x->nr_blocks);
		r[i].len = 1;
		marked[r[i].first] = true;
	}
	/* If a degrade record is in force, end the record as erad does. */
	if (store_degraded(s) && (store_set_floor(s, &err) || store_begin_era(s, newest + 1, &err) ||
				  store_clear_degraded(s, &err))) {
		printf("  after recovery: %s\n", err.msg);
		goto out;
	}
	store_info(s, &info);
	if ((info.era == newest && store_begin_era(s, newest + 1, &err)) || store_mark(s, r, MARKS, &err)) {
		printf("  after recovery: %s\n", err.msg);
		goto out;
	}
	if (!read_eras(s, newest + 1, x->nr_blocks, after))
		goto out;
	for (b = 0; b < x->nr_blocks; b++) {
		if (after[b] == (marked[b] ? newest + 1 : era[b]))
			continue;
		printf("  after recovery block %" PRIu64 " is in era %" PRIu32 ", it was in %" PRIu32 "\n",
		       b, after[b], era[b]);
		goto out;
	}
	good = true;
out:
	free(after);
	free(marked);
	return good;
}

static bool recover(uint8_t *image, uint64_t size, const struct expect *x, uint64_t *rng,
		    uint32_t *era, uint64_t *lost)
{
	struct store_info info;
	struct store *s;
	struct err err;
	uint64_t b;
	bool good;
	int r;

	r = store_open(memory_engine(image, size), STORE_WRITE, &s, &err);
	if (r && !x->acked)
		return true;	/* the power was cut before the metadata was formatted completely */
	if (r) {
		printf("  it does not open: %s\n", err.msg);
		for (b = 0; b < x->nr_blocks; b++)
			*lost += x->need[b] != 0;
		return false;
	}
	store_info(s, &info);
	good = read_eras(s, info.era, x->nr_blocks, era) && compare(x, era, lost);
	if (info.era < x->acked || info.era > x->requested) {
		printf("  got era %" PRIu32 ", expected %" PRIu32 " to %" PRIu32 "\n", info.era,
		       x->acked, x->requested);
		good = false;
	}
	good = good && go_on(s, x, info.era, rng, era);
	r = store_close(s, good, &err);
	if (r)
		printf("  closing it: %s\n", err.msg);
	return good && !r && check_clean(image, size);
}

bool bringup(const uint8_t *metadata, uint64_t size, const struct expect *x, uint64_t *rng,
	     uint32_t *era, uint64_t *lost)
{
	uint8_t *copy = aligned_alloc(4096, size);
	bool good;

	if (!copy)
		abort();
	memset(era, 0, x->nr_blocks * sizeof(*era));
	memcpy(copy, metadata, size);
	good = !x->acked || check_clean(copy, size);
	good = recover(copy, size, x, rng, era, lost) && good;
	free(copy);
	return good;
}
