/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stand-ins for the kernel's functions that kmod/writeset.c calls, so that writeset.c can run in
 * user space, under sanitizers.  One thread stands for all CPUs.  A test sets the current CPU, the
 * events during a grace period, and the amount of memory.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define PAGE_SIZE	4096UL
#define BITS_PER_BYTE	8
#define BITS_PER_LONG	64

#define likely(x)	__builtin_expect(!!(x), 1)
#define min(a, b)	({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define struct_size(p, member, nr) \
	(offsetof(__typeof__(*(p)), member) + sizeof((p)->member[0]) * (nr))

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile __typeof__(x) *)&(x) = (value))
#define data_race(x)		(x)
#define smp_store_release(p, value)	__atomic_store_n(p, value, __ATOMIC_RELEASE)

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline bool need_resched(void)
{
	return true;
}

static inline void cond_resched(void)
{
}

/* ---- atomic64_t ---- */

typedef struct {
	s64 counter;
} atomic64_t;

static inline bool atomic64_dec_and_test(atomic64_t *v)
{
	return !--v->counter;
}

static inline s64 atomic64_add_return(s64 i, atomic64_t *v)
{
	return v->counter += i;
}

/* ---- bits ---- */

#define BITMAP_FIRST_WORD_MASK(start)	(~0UL << ((start) % BITS_PER_LONG))
#define BITMAP_LAST_WORD_MASK(nbits)	(~0UL >> (-(nbits) % BITS_PER_LONG))

static inline unsigned int hweight_long(unsigned long w)
{
	return __builtin_popcountl(w);
}

static inline bool test_bit(unsigned long nr, const unsigned long *bits)
{
	return bits[nr / BITS_PER_LONG] >> (nr % BITS_PER_LONG) & 1;
}

void bitmap_set(unsigned long *bits, unsigned int start, unsigned int nr);
unsigned long find_next_zero_bit(const unsigned long *bits, unsigned long size, unsigned long from);

/* ---- memory ---- */

#define GFP_KERNEL	0u
#define GFP_NOIO	0u
#define GFP_NOWAIT	0u
#define __GFP_NORETRY	0u
#define __GFP_NOWARN	0u

extern unsigned long kernel_ram_pages;		/* memory of the machine in pages */
extern unsigned long kernel_free_pages;		/* how many further page allocations succeed */
extern unsigned long kernel_used_pages;		/* how many pages are allocated and not freed yet */
extern bool kernel_kvzalloc_fails;

static inline unsigned long totalram_pages(void)
{
	return kernel_ram_pages;
}

unsigned long get_zeroed_page(unsigned int gfp);
unsigned long __get_free_page(unsigned int gfp);
void free_page(unsigned long page);
void *kvzalloc(size_t size, unsigned int gfp);
void kvfree(void *p);

/* ---- CPUs ---- */

#define __percpu
#define KERNEL_CPUS	3

/* A pointer to per-CPU data points to the data of CPU 0.  The data of CPU n is n strides further. */
#define KERNEL_CPU_STRIDE	64

extern unsigned int kernel_cpu;		/* the CPU on which the thread runs at present */

#define for_each_possible_cpu(cpu)	for (cpu = 0; cpu < KERNEL_CPUS; cpu++)
#define per_cpu_ptr(p, cpu)	((__typeof__(p))((char *)(p) + (cpu) * KERNEL_CPU_STRIDE))
#define this_cpu_inc(x)		((void)++*per_cpu_ptr(&(x), kernel_cpu))

/* ---- RCU ---- */

extern unsigned int kernel_rcu_depth;		/* how deep read-side sections are nested */
extern void (*kernel_in_grace_period)(void);	/* what other CPUs do during a grace period; may be NULL */

static inline void rcu_read_lock_sched(void)
{
	kernel_rcu_depth++;
}

static inline void rcu_read_unlock_sched(void)
{
	kernel_rcu_depth--;
}

void synchronize_rcu_expedited(void);

#endif /* KERNEL_H */
