/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts calls of the heap that a thread makes where it must not make any.  A program that links
 * this needs the linker's --wrap for malloc, calloc, realloc, aligned_alloc, strdup and free.
 */
#ifndef ERAD_TEST_HEAP_H
#define ERAD_TEST_HEAP_H

#include <stdbool.h>

/* From now on, the calling thread must not call the heap; or it may again. */
void heap_forbid(bool forbid);

/* For disk.hook: calls of the disk in memory, within an operation, are not the store's and do not count. */
struct disk;
enum disk_op;
void heap_spare_disk(struct disk *d, enum disk_op op, bool after, void *ctx);

/*
 * Returns how many forbidden calls all threads have made since the last call of this function.
 * *caller gets the place of the last one.
 */
unsigned long heap_forbidden_calls(void **caller);

#endif /* ERAD_TEST_HEAP_H */
