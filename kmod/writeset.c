// SPDX-License-Identifier: GPL-2.0-only
/* The set of blocks that are recorded in one era: a sparse bitmap that grows with what was written. */

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "instance.h"

static unsigned long *ones;

int erad_writeset_init(void)
{
	ones = (unsigned long *)__get_free_page(GFP_KERNEL);
	if (!ones)
		return -ENOMEM;
	memset(ones, 0xff, PAGE_SIZE);
	return 0;
}

void erad_writeset_exit(void)
{
	free_page((unsigned long)ones);
}

u64 erad_writeset_max_blocks(void)
{
	/* kvmalloc() takes no more than INT_MAX bytes */
	return (INT_MAX - sizeof(struct erad_writeset)) / sizeof(unsigned long *) * ERAD_BITS_PER_PAGE;
}

void erad_writeset_drained(struct erad_writeset *ws)
{
	queue_work(ws->ei->wq, &ws->reap);
}

u64 erad_writeset_entered(const struct erad_writeset *ws)
{
	unsigned int cpu;
	u64 in = 0;

	if (!ws)
		return 0;
	for_each_possible_cpu(cpu)
		in += READ_ONCE(per_cpu_ptr(ws->passage, cpu)->in);
	return in;
}

void erad_writeset_begin(struct erad_writeset *ws, const struct erad_writeset *old)
{
	struct erad_instance *ei = ws->ei;

	lockdep_assert_held(&ei->mutex);

	ws->passage = ei->passage + (old && old->passage == ei->passage ? 1 : 0);
}

static void reap(struct work_struct *work)
{
	struct erad_writeset *ws = container_of(work, struct erad_writeset, reap);
	struct erad_instance *ei = ws->ei;
	unsigned int cpu;

	mutex_lock(&ei->mutex);
	ei->entered += erad_writeset_entered(ws);
	/* Nobody counts here any more, see drain(): the next writeset finds zeros. */
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(ws->passage, cpu) = (struct erad_passage) {};
	WRITE_ONCE(ei->draining, NULL);
	mutex_unlock(&ei->mutex);
	erad_instance_event(ei);	/* dtr waits for this work to end */

	/* The drain's grace period began after the pointer was swapped: no reader is left. */
	erad_writeset_free(ws);
}

/* Not by the owner, who goes on recording meanwhile; nor as slowly as a grace period nobody waits for. */
static void drain(struct work_struct *work)
{
	struct erad_writeset *ws = container_of(work, struct erad_writeset, drain);
	unsigned int cpu;
	s64 left = 0;

	/*
	 * After this, whoever found ws to be the current one has counted itself,
	 * and whoever found that it is not draining has counted as ended: the
	 * counts of all CPUs stand still.
	 */
	synchronize_rcu_expedited();
	for_each_possible_cpu(cpu) {
		const struct erad_passage *p = per_cpu_ptr(ws->passage, cpu);

		left += p->in - p->out;
	}
	/* Below zero until here, by those that have ended meanwhile. */
	if (!atomic64_add_return(left, &ws->left))
		erad_writeset_drained(ws);
}

void erad_writeset_drain(struct erad_writeset *ws)
{
	lockdep_assert_held(&ws->ei->mutex);

	WRITE_ONCE(ws->ei->draining, ws);
	WRITE_ONCE(ws->draining, true);
	queue_work(ws->ei->wq, &ws->drain);
}

struct erad_writeset *erad_writeset_alloc(struct erad_instance *ei, u64 nr_blocks, u32 era)
{
	u64 nr_pages = div64_u64(nr_blocks + ERAD_BITS_PER_PAGE - 1, ERAD_BITS_PER_PAGE);
	struct erad_writeset *ws;
	size_t size = struct_size(ws, dir, nr_pages);

	/* Else a directory that can never fit would push out everything else first. */
	if (size / PAGE_SIZE > totalram_pages() / 4)
		return NULL;
	/*
	 * GFP_NOIO allocations never invoke the OOM killer: without NORETRY, one
	 * that cannot be satisfied is retried for ever.
	 */
	ws = kvzalloc(size, GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN);
	if (!ws)
		return NULL;
	INIT_WORK(&ws->drain, drain);
	INIT_WORK(&ws->reap, reap);
	ws->ei = ei;
	ws->era = era;
	ws->nr_blocks = nr_blocks;
	ws->nr_pages = nr_pages;
	return ws;
}

void erad_writeset_free(struct erad_writeset *ws)
{
	u64 i;

	if (!ws)
		return;
	for (i = 0; i < ws->nr_pages; i++) {
		if (ws->dir[i] && ws->dir[i] != ones)
			free_page((unsigned long)ws->dir[i]);
		if (need_resched())
			cond_resched();
	}
	kvfree(ws);
}

u64 erad_writeset_next_missing(struct erad_writeset *ws, u64 first, u64 last)
{
	u64 page = first / ERAD_BITS_PER_PAGE;
	u64 start = first % ERAD_BITS_PER_PAGE;

	for (;;) {
		u64 base = page * ERAD_BITS_PER_PAGE;
		u64 end = min(last - base + 1, ERAD_BITS_PER_PAGE);
		const unsigned long *bits = READ_ONCE(ws->dir[page]);
		u64 bit;

		if (!bits)
			return base + start;
		/* A bit that is being set is found as it was or as it will be. */
		bit = data_race(find_next_zero_bit(bits, end, start));
		if (bit < end)
			return base + bit;
		if (last - base < ERAD_BITS_PER_PAGE)
			return last + 1;
		page++;
		start = 0;
	}
}

/* Beside readers, who find each bit either clear or set.  Returns how many bits were clear. */
static u64 set_bits(unsigned long *bits, u64 start, u64 end)
{
	u64 word, last = (end - 1) / BITS_PER_LONG, nr_new = 0;

	for (word = start / BITS_PER_LONG; word <= last; word++) {
		unsigned long mask = ~0UL, old = bits[word];

		if (word == start / BITS_PER_LONG)
			mask &= BITMAP_FIRST_WORD_MASK(start);
		if (word == last)
			mask &= BITMAP_LAST_WORD_MASK(end);
		nr_new += hweight_long(mask & ~old);
		WRITE_ONCE(bits[word], old | mask);
	}
	return nr_new;
}

static u64 set_in_page(struct erad_writeset *ws, u64 page, u64 start, u64 end)
{
	unsigned long *bits = ws->dir[page];

	if (bits == ones)
		return 0;
	if (!bits && end - start == ERAD_BITS_PER_PAGE) {
		WRITE_ONCE(ws->dir[page], ones);
		return ERAD_BITS_PER_PAGE;
	}
	if (bits)
		return set_bits(bits, start, end);

	/*
	 * Without reclaim: in direct reclaim, a task without __GFP_FS may be put to
	 * sleep for a second each time, and ABORT and suspends wait for ei->mutex.
	 */
	bits = (unsigned long *)get_zeroed_page(GFP_NOWAIT | __GFP_NOWARN);
	if (!bits)
		return 0;
	bitmap_set(bits, start, end - start);
	ws->nr_allocated++;
	/* Readers must not see the page before its contents. */
	smp_store_release(&ws->dir[page], bits);
	return end - start;
}

u64 erad_writeset_set(struct erad_writeset *ws, u64 first, u64 last)
{
	u64 page, nr_new = 0;

	for (page = first / ERAD_BITS_PER_PAGE; page <= last / ERAD_BITS_PER_PAGE; page++) {
		u64 base = page * ERAD_BITS_PER_PAGE;
		u64 start = first > base ? first - base : 0;
		u64 end = min(last - base + 1, ERAD_BITS_PER_PAGE);

		nr_new += set_in_page(ws, page, start, end);
		cond_resched();
	}
	return nr_new;
}

void erad_writeset_fill(struct erad_writeset *ws)
{
	u64 i;

	for (i = 0; i < ws->nr_pages; i++) {
		if (!ws->dir[i])
			WRITE_ONCE(ws->dir[i], ones);
		else if (ws->dir[i] != ones)
			set_bits(ws->dir[i], 0, ERAD_BITS_PER_PAGE);
		cond_resched();
	}
}

u64 erad_writeset_bytes(const struct erad_writeset *ws)
{
	return ws ? struct_size(ws, dir, ws->nr_pages) + ws->nr_allocated * PAGE_SIZE : 0;
}
