// SPDX-License-Identifier: GPL-2.0-or-later
/* The pool of memory for marks: see pool.h. */
#include <errno.h>

#include "store/pool.h"

#define STEP	64u	/* limit for moving nodes one by one while the lock is held */

/*
 * Returns how many nodes the pool should have: enough for the marks of two eras on the whole
 * device, but between 2 * POOL_MIN and POOL_MAX.  Context: lock.
 */
static size_t wanted_nodes(const struct store *s)
{
	const size_t most = 2 * (1 + bitset_most(s->active.nr_blocks));

	return most < 2 * POOL_MIN ? 2 * POOL_MIN : most < POOL_MAX ? most : POOL_MAX;
}

int store_init_pool(struct store *s, struct err *err)
{
	if (nodes_fill(&s->pool, POOL_MIN))
		return err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
	return 0;
}

bool store_pool_low(struct store *s)
{
	bool ret;

	pthread_mutex_lock(&s->lock);
	ret = s->pool.nr < wanted_nodes(s) / 2;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static size_t at_most_a_step(size_t nr)
{
	return nr < STEP ? nr : STEP;
}

/*
 * Returns how many nodes the pool lacks.  If the pool has too many nodes, moves up to STEP of them
 * to *extra.
 */
static size_t balance_pool(struct store *s, struct nodes *extra)
{
	size_t missing = 0, want;

	pthread_mutex_lock(&s->lock);
	want = wanted_nodes(s);
	if (s->pool.nr < want)
		missing = want - s->pool.nr;
	else
		nodes_move(extra, &s->pool, at_most_a_step(s->pool.nr - want));
	pthread_mutex_unlock(&s->lock);
	return missing;
}

bool store_fill_pool(struct store *s)
{
	struct nodes nodes = { 0 };
	size_t missing;

	do {
		nodes_free(&nodes);
		missing = balance_pool(s, &nodes);
	} while (nodes.nr);
	/* If the heap had too few nodes, add the nodes that it had. */
	nodes_fill(&nodes, missing);
	store_return_nodes(s, &nodes);
	return missing;
}

void store_borrow_nodes(struct store *s, struct nodes *to)
{
	pthread_mutex_lock(&s->lock);
	if (s->pool.nr > POOL_MIN)
		nodes_move(to, &s->pool, at_most_a_step(s->pool.nr - POOL_MIN));
	pthread_mutex_unlock(&s->lock);
}

void store_return_nodes(struct store *s, struct nodes *from)
{
	pthread_mutex_lock(&s->lock);
	nodes_move(&s->pool, from, SIZE_MAX);
	pthread_mutex_unlock(&s->lock);
}
