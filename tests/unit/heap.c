// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts forbidden calls of the heap: see heap.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "heap.h"

static _Thread_local bool forbidden, spared;
static _Thread_local void (*hook)(void);
static atomic_ulong calls;
static _Atomic(void *) last;

static void count_call(void *caller)
{
	if (hook)
		hook();
	if (!forbidden || spared)
		return;
	atomic_fetch_add(&calls, 1);
	atomic_store(&last, caller);
}

void heap_forbid(bool forbid)
{
	forbidden = forbid;
}

void heap_hook(void (*fn)(void))
{
	hook = fn;
}

void heap_spare_disk(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	(void)d;
	(void)op;
	(void)ctx;
	spared = !after;
}

unsigned long heap_forbidden_calls(void **caller)
{
	*caller = atomic_load(&last);
	return atomic_exchange(&calls, 0);
}

#define WRAP(type, name, params, args) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		count_call(__builtin_return_address(0)); \
		return __real_##name args; \
	}

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t nr, size_t size), (nr, size))
WRAP(void *, realloc, (void *p, size_t size), (p, size))
WRAP(void *, aligned_alloc, (size_t align, size_t size), (align, size))
WRAP(char *, strdup, (const char *s), (s))

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	/*
	 * Count free(), too: free() takes the heap's lock, and a thread that waits for memory may
	 * hold this lock.
	 */
	if (p)
		count_call(__builtin_return_address(0));
	__real_free(p);
}
