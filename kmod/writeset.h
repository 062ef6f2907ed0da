/* SPDX-License-Identifier: GPL-2.0-only */
/* The set of blocks that are recorded in one era, and the counts of the writes that went on by it. */
#ifndef ERAD_WRITESET_H
#define ERAD_WRITESET_H

#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct erad_instance;

/*
 * Writes on their way to the origin, by the CPU that saw them begin or end.  An
 * instance has two such sets of counts: one for the current writeset, and one for
 * the writeset that drains.
 */
struct erad_passage {
	u64 in, out;
};

/*
 * One bit a block, in pages of PAGE_SIZE * 8 bits.  A page that was never set
 * is NULL; one that was set in one piece is the shared page of ones.  Bits
 * are only ever set, by one writer at a time; readers need nothing but RCU.
 */
struct erad_writeset {
	struct erad_passage __percpu *passage;	/* one of the instance's; NULL until it is current */
	bool draining;			/* what ends from now on counts in `left` */
	atomic64_t left;		/* writes on their way, once the drain has added them up */
	struct work_struct drain;	/* adds them up */
	struct work_struct reap;	/* frees it when there are none */
	struct erad_instance *ei;
	u32 era;
	u64 nr_blocks;
	u64 nr_pages;			/* entries of dir */
	u64 nr_allocated;		/* of them with a page of their own */
	unsigned long *dir[];
};

#define ERAD_BITS_PER_PAGE	((u64)PAGE_SIZE * BITS_PER_BYTE)

/* Module-wide page of ones. */
int erad_writeset_init(void);
void erad_writeset_exit(void);

/* Largest number of blocks that erad_writeset_alloc() takes. */
u64 erad_writeset_max_blocks(void);

/*
 * NULL if there is no memory.  ei is only stored.  May sleep for as long as the
 * machine is short of memory, so the caller holds no lock that a commit takes.
 */
struct erad_writeset *erad_writeset_alloc(struct erad_instance *ei, u64 nr_blocks, u32 era);

/* No write may be on its way by ws, and nobody in an RCU section that saw it.  NULL is fine. */
void erad_writeset_free(struct erad_writeset *ws);

/*
 * A write goes to the origin by ws.  In the RCU section that found ws to be the
 * current one, or under ei->mutex while it is.
 */
static inline void erad_writeset_enter(struct erad_writeset *ws)
{
	this_cpu_inc(ws->passage->in);
}

/* The last one has ended.  Any context. */
void erad_writeset_drained(struct erad_writeset *ws);

/* It has ended.  Any context.  ws may be gone afterwards. */
static inline void erad_writeset_leave(struct erad_writeset *ws)
{
	rcu_read_lock_sched();
	if (likely(!READ_ONCE(ws->draining)))
		this_cpu_inc(ws->passage->out);
	else if (atomic64_dec_and_test(&ws->left))
		erad_writeset_drained(ws);
	rcu_read_unlock_sched();
}

/* How many writes have entered so far.  0 for NULL. */
u64 erad_writeset_entered(const struct erad_writeset *ws);

/*
 * Under ei->mutex, with no writeset draining: gives ws, which is about to replace
 * `old` as the current writeset, the set of counts that `old` does not use.
 */
void erad_writeset_begin(struct erad_writeset *ws, const struct erad_writeset *old);

/*
 * Under ei->mutex: ws is not current any more.  When the last write by it has
 * ended, it is freed and ei->draining is NULL again.
 */
void erad_writeset_drain(struct erad_writeset *ws);

/* First block of first … last that is not set, or last + 1. */
u64 erad_writeset_next_missing(struct erad_writeset *ws, u64 first, u64 last);

/* Whether all of first … last are set; most writes are of one block, for which it is quick. */
static inline bool erad_writeset_has(struct erad_writeset *ws, u64 first, u64 last)
{
	const unsigned long *bits;

	if (first != last)
		return erad_writeset_next_missing(ws, first, last) > last;
	bits = READ_ONCE(ws->dir[first / ERAD_BITS_PER_PAGE]);
	return bits && test_bit(first % ERAD_BITS_PER_PAGE, bits);
}

/*
 * Returns how many bits were clear and are set now.  May be scheduled away, but does
 * not wait for memory: if a page cannot be allocated, its bits stay clear, and the
 * next write to those blocks is held and recorded again.
 */
u64 erad_writeset_set(struct erad_writeset *ws, u64 first, u64 last);

/* Sets all bits.  Allocates nothing. */
void erad_writeset_fill(struct erad_writeset *ws);

u64 erad_writeset_bytes(const struct erad_writeset *ws);

#endif /* ERAD_WRITESET_H */
