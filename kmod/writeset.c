// SPDX-License-Identifier: GPL-2.0-only
/* The set of blocks that are recorded in one era: a sparse bitmap that grows with the writes. */

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "writeset.h"

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
	/* kvmalloc() allocates at most INT_MAX bytes. */
	return (INT_MAX - sizeof(struct erad_writeset)) / sizeof(unsigned long *) * ERAD_BITS_PER_PAGE;
}

u64 erad_writeset_begun(const struct erad_writeset *ws)
{
	unsigned int cpu;
	u64 begun = 0;

	if (!ws)
		return 0;
	for_each_possible_cpu(cpu)
		begun += READ_ONCE(per_cpu_ptr(ws->counts, cpu)->begun);
	return begun;
}

u64 erad_writeset_take_begun(struct erad_writeset *ws)
{
	u64 begun = erad_writeset_begun(ws);
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		*per_cpu_ptr(ws->counts, cpu) = (struct erad_io_counts) {};
	return begun;
}

void erad_writeset_retire(struct erad_writeset *ws)
{
	WRITE_ONCE(ws->retired, true);
}

void erad_writeset_add_remaining(struct erad_writeset *ws)
{
	unsigned int cpu;
	s64 remaining = 0;

	/*
	 * After the grace period, the counts of all CPUs no longer change.  Each task that has
	 * found ws to be the current writeset has counted the begin of its write.  Each task that
	 * has found ws not retired has counted the end of its write.
	 *
	 * The grace period is expedited, because a checkpoint waits for this drain, and a normal
	 * grace period takes tens of milliseconds.
	 */
	synchronize_rcu_expedited();
	for_each_possible_cpu(cpu) {
		const struct erad_io_counts *c = per_cpu_ptr(ws->counts, cpu);

		remaining += c->begun - c->ended;
	}
	/*
	 * Writes that have ended since ws was retired have already been subtracted, so
	 * ws->remaining is at most zero here.  After this addition, ws->remaining is the number of
	 * writes in flight.
	 */
	if (!atomic64_add_return(remaining, &ws->remaining))
		ws->done(ws);
}

struct erad_writeset *erad_writeset_alloc(u64 nr_blocks, u32 era,
					  void (*done)(struct erad_writeset *ws), void *data)
{
	u64 nr_pages = div64_u64(nr_blocks + ERAD_BITS_PER_PAGE - 1, ERAD_BITS_PER_PAGE);
	struct erad_writeset *ws;
	size_t size = struct_size(ws, dir, nr_pages);

	/*
	 * Refuse a directory that cannot fit into memory, because the attempt would first reclaim
	 * all other memory.
	 */
	if (size / PAGE_SIZE > totalram_pages() / 4)
		return NULL;
	/*
	 * A GFP_NOIO allocation never invokes the OOM killer.  Without __GFP_NORETRY, the kernel
	 * would retry an impossible allocation for ever.
	 */
	ws = kvzalloc(size, GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN);
	if (!ws)
		return NULL;
	ws->done = done;
	ws->data = data;
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
		/*
		 * Another task may be setting a bit now.  The search finds this bit clear or set;
		 * both are correct.
		 */
		bit = data_race(find_next_zero_bit(bits, end, start));
		if (bit < end)
			return base + bit;
		if (last - base < ERAD_BITS_PER_PAGE)
			return last + 1;
		page++;
		start = 0;
	}
}

/*
 * Sets the bits in one page.  Returns how many of these bits were clear.  A concurrent reader finds
 * each bit either clear or set.
 */
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
	 * Allocate without reclaim.  If an allocation does not have __GFP_FS, direct reclaim may
	 * sleep for a second in each call, and ABORT and suspends would wait for the mutex that the
	 * caller holds.
	 */
	bits = (unsigned long *)get_zeroed_page(GFP_NOWAIT | __GFP_NOWARN);
	if (!bits)
		return 0;
	bitmap_set(bits, start, end - start);
	ws->nr_allocated++;
	/* Set the bits before publishing the page, because readers do not take a lock. */
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
