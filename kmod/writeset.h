/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of blocks that are recorded in one era, and the counts of the writes that went to the
 * origin because their blocks are in the set.  This code does not use instances, so that
 * tests/unit/test_writeset.c can run it in user space.
 */
#ifndef ERAD_WRITESET_H
#define ERAD_WRITESET_H

#include <linux/percpu.h>
#include <linux/rcupdate.h>

/* The number of writes to the origin that have begun, and that have ended, on one CPU. */
struct erad_io_counts {
	u64 begun, ended;
};

/*
 * One bit for each block, in pages of PAGE_SIZE * 8 bits.  A page without any set bit is NULL.  A
 * page whose bits were all set in one call is the shared page of ones.  Bits are never cleared.
 * Only one writer at a time may set bits; readers need only RCU.
 */
struct erad_writeset {
	/* The caller sets this before the writeset becomes current. */
	struct erad_io_counts __percpu *counts;
	bool retired;			/* true: each write that ends decrements `remaining` */
	atomic64_t remaining;		/* writes in flight; see erad_writeset_add_remaining() */
	void (*done)(struct erad_writeset *ws);
	void *data;			/* argument of done */
	u32 era;
	u64 nr_blocks;
	u64 nr_pages;			/* number of entries of dir */
	u64 nr_allocated;		/* number of entries of dir that have a page of their own */
	unsigned long *dir[];
};

#define ERAD_BITS_PER_PAGE	((u64)PAGE_SIZE * BITS_PER_BYTE)

/* Allocate and free the page of ones, which all writesets share. */
int erad_writeset_init(void);
void erad_writeset_exit(void);

/* Returns the largest number of blocks that erad_writeset_alloc() accepts. */
u64 erad_writeset_max_blocks(void);

/*
 * Returns an empty writeset.  Returns NULL if there is no memory, or if the directory would need
 * more than a quarter of the machine's memory.  May sleep while memory is reclaimed, so the caller
 * must not hold a lock that a commit takes.
 *
 * `done` is called once, in any context, when the writeset is retired and no write that it counts
 * is in flight any more.  From then on, the caller may free the writeset.
 */
struct erad_writeset *erad_writeset_alloc(u64 nr_blocks, u32 era,
					  void (*done)(struct erad_writeset *ws), void *data);

/*
 * Frees ws, which may be NULL.  No write that ws counts may be in flight, and no RCU reader may
 * still use ws.
 */
void erad_writeset_free(struct erad_writeset *ws);

/*
 * Counts a write that goes to the origin as begun.  Context: the RCU section in which ws was found
 * to be the current writeset, or any context in which ws cannot be retired.
 */
static inline void erad_writeset_begin_write(struct erad_writeset *ws)
{
	this_cpu_inc(ws->counts->begun);
}

/*
 * Counts the end of a write whose begin ws has counted.  Any context.  ws may have been freed when
 * this returns.
 */
static inline void erad_writeset_end_write(struct erad_writeset *ws)
{
	rcu_read_lock_sched();
	if (likely(!READ_ONCE(ws->retired)))
		this_cpu_inc(ws->counts->ended);
	else if (atomic64_dec_and_test(&ws->remaining))
		ws->done(ws);
	rcu_read_unlock_sched();
}

/* Returns the number of writes that ws has counted as begun so far.  0 for NULL. */
u64 erad_writeset_begun(const struct erad_writeset *ws);

/*
 * A drain has two steps.  First, when ws is no longer the current writeset, call
 * erad_writeset_retire().  Second, call erad_writeset_add_remaining(), which sleeps for an RCU
 * grace period.  When no write that ws counts is in flight any more, ws->done is called, possibly
 * before erad_writeset_add_remaining() returns.
 */
void erad_writeset_retire(struct erad_writeset *ws);
void erad_writeset_add_remaining(struct erad_writeset *ws);

/*
 * Returns the same number as erad_writeset_begun(), and clears the counts.  Call this after
 * ws->done.
 */
u64 erad_writeset_take_begun(struct erad_writeset *ws);

/* Returns the first block in first … last whose bit is clear, or last + 1. */
u64 erad_writeset_next_missing(struct erad_writeset *ws, u64 first, u64 last);

/*
 * Returns whether all blocks of first … last are set.  Has a fast path for one block, because most
 * writes have one block.
 */
static inline bool erad_writeset_has(struct erad_writeset *ws, u64 first, u64 last)
{
	const unsigned long *bits;

	if (first != last)
		return erad_writeset_next_missing(ws, first, last) > last;
	bits = READ_ONCE(ws->dir[first / ERAD_BITS_PER_PAGE]);
	return bits && test_bit(first % ERAD_BITS_PER_PAGE, bits);
}

/*
 * Sets the bits of the blocks.  Returns how many bits were clear and are set now.  May be
 * preempted, but does not wait for memory.  If a page cannot be allocated, its bits stay clear, and
 * the next write to these blocks is held and recorded again.
 */
u64 erad_writeset_set(struct erad_writeset *ws, u64 first, u64 last);

/* Sets all bits.  Allocates no memory. */
void erad_writeset_fill(struct erad_writeset *ws);

/* Returns the memory of ws in bytes, without the shared page of ones.  0 for NULL. */
u64 erad_writeset_bytes(const struct erad_writeset *ws);

#endif /* ERAD_WRITESET_H */
