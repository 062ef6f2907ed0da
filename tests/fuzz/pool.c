// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates the large buffers of the store, up to a megabyte, from a pool. A fuzz target opens a
 * store a thousand times a second, and the usual allocator would map and unmap the buffers each
 * time. Like the sanitizer's own allocator, the pool poisons the memory around a buffer and in a
 * free buffer. Linked with --wrap.
 */
#include <sanitizer/asan_interface.h>

#include "fuzz.h"

#define BIG	(1u << 20)
#define GAP	4096u
#define NR	8u

void *__wrap_aligned_alloc(size_t align, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);
void __real_free(void *p);

static _Alignas(GAP) uint8_t pool[NR][BIG + GAP];
/* a bit for each used buffer; no lock is needed, because only one thread uses the store */
static unsigned int used;

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	unsigned int i;

	if (size > BIG || size < BIG / 64 || align > GAP)
		return __real_aligned_alloc(align, size);
	for (i = 0; i < NR; i++) {
		if (used & 1u << i)
			continue;
		used |= 1u << i;
		ASAN_POISON_MEMORY_REGION(pool[i], sizeof(pool[i]));
		ASAN_UNPOISON_MEMORY_REGION(pool[i], size);
		return pool[i];
	}
	return __real_aligned_alloc(align, size);
}

void __wrap_free(void *p)
{
	const size_t at = (uintptr_t)p - (uintptr_t)pool;

	if ((uintptr_t)p < (uintptr_t)pool || at >= sizeof(pool)) {
		__real_free(p);
		return;
	}
	expect(at % sizeof(pool[0]) == 0 && used & 1u << at / sizeof(pool[0]));
	used &= ~(1u << at / sizeof(pool[0]));
	ASAN_POISON_MEMORY_REGION(p, BIG);
}
