/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts calls of the heap that a thread makes where it must not make any.
 *
 * A program that links this needs the linker's --wrap for malloc, calloc, realloc, aligned_alloc, strdup and free.
 */
#ifndef ERAD_TEST_HEAP_H
#define ERAD_TEST_HEAP_H

#include <stdbool.h>

/* From now on the calling thread must not call the heap, or may again. */
void heap_forbid(bool forbid);

/* For disk.hook: what the disk in memory does within an operation is not the store's. */
struct disk;
enum disk_op;
void heap_spare_disk(struct disk *d, enum disk_op op, bool after, void *ctx);

/* How many forbidden calls all threads have made since the last time, and in *caller where the last one came from. */
unsigned long heap_forbidden_calls(void **caller);

#endif /* ERAD_TEST_HEAP_H */
