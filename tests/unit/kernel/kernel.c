// SPDX-License-Identifier: GPL-2.0-or-later
/* Stand-ins for functions of the kernel: see kernel.h. */
#include <assert.h>
#include <stdlib.h>

#include "kernel.h"

unsigned long kernel_ram_pages = 1 << 20;
unsigned long kernel_free_pages = ULONG_MAX;
unsigned long kernel_used_pages;
bool kernel_kvzalloc_fails;
unsigned int kernel_cpu;
unsigned int kernel_rcu_depth;
void (*kernel_in_grace_period)(void);

void bitmap_set(unsigned long *bits, unsigned int start, unsigned int nr)
{
	for (; nr; start++, nr--)
		bits[start / BITS_PER_LONG] |= 1UL << (start % BITS_PER_LONG);
}

unsigned long find_next_zero_bit(const unsigned long *bits, unsigned long size, unsigned long from)
{
	while (from < size && test_bit(from, bits))
		from++;
	return from < size ? from : size;
}

unsigned long __get_free_page(unsigned int gfp)
{
	void *page;

	(void)gfp;
	if (!kernel_free_pages)
		return 0;
	page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	assert(page);
	memset(page, 0xa5, PAGE_SIZE);
	kernel_free_pages--;
	kernel_used_pages++;
	return (unsigned long)page;
}

unsigned long get_zeroed_page(unsigned int gfp)
{
	unsigned long page = __get_free_page(gfp);

	if (page)
		memset((void *)page, 0, PAGE_SIZE);
	return page;
}

void free_page(unsigned long page)
{
	kernel_used_pages--;
	free((void *)page);
}

void *kvzalloc(size_t size, unsigned int gfp)
{
	(void)gfp;
	return kernel_kvzalloc_fails ? NULL : calloc(1, size);
}

void kvfree(void *p)
{
	free(p);
}

void synchronize_rcu_expedited(void)
{
	/* abort: a grace period inside an RCU section would wait for this section for ever */
	assert(!kernel_rcu_depth);
	if (kernel_in_grace_period)
		kernel_in_grace_period();
}
