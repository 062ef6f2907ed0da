/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts calls of the heap in threads that must not call the heap.  A program that links this file
 * needs the linker's --wrap for malloc, calloc, realloc, aligned_alloc, strdup and free.
 */
#ifndef ERAD_TEST_HEAP_H
#define ERAD_TEST_HEAP_H

#include <stdbool.h>

/* Forbids or allows calls of the heap in the calling thread. */
void heap_forbid(bool forbid);

/*
 * For disk.hook: allows the heap during an operation of the simulated disk.  The simulator makes
 * these calls, and not the store.
 */
struct disk;
enum disk_op;
void heap_spare_disk(struct disk *d, enum disk_op op, bool after, void *ctx);

/* Sets a function that the calling thread calls before each call of the heap; NULL: none. */
void heap_hook(void (*fn)(void));

/*
 * Returns how many forbidden calls all threads have made since the last call of this function.
 * *caller receives the address of the last forbidden call.
 */
unsigned long heap_forbidden_calls(void **caller);

#endif /* ERAD_TEST_HEAP_H */
