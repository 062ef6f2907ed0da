/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads everything that a reader of a store can read, and checks that the answers are consistent. */
#ifndef ERAD_FUZZ_PICTURE_H
#define ERAD_FUZZ_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "mem.h"
#include "store/store.h"

#define BLOCKS_MAX	(MEM_PAGES * ERAD_ERAS_PER_PAGE)

struct seen {
	uint64_t nr_blocks, end;
	uint8_t block[BLOCKS_MAX];
};

#define NR_SINCE	3

/* Everything that a reader of a store can read. */
struct picture {
	struct store_info info;
	uint32_t since[NR_SINCE];
	struct seen now[NR_SINCE], snapshot;
};

/* Reads the blocks that were written since the era `since`. */
void picture_read(struct store *s, enum store_view view, uint32_t since, uint64_t nr_blocks, struct seen *seen);

/* Returns whether b contains all blocks of a, up to the end of the smaller device. */
bool picture_within(const struct seen *a, const struct seen *b);

/*
 * Reads a picture of the store.  Its diffs are since the eras of the picture `before`. If `before`
 * is NULL, they are since the current era.
 */
void picture_take(struct store *s, const struct mem *m, const struct picture *before, struct picture *p);

void picture_expect_same(const struct picture *a, const struct picture *b);

void picture_bookmarks(struct store *s);

#endif /* ERAD_FUZZ_PICTURE_H */
