/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Converts a fuzzer's input into metadata, and back.  An input contains only the parts of the
 * metadata that are not zero, so that inputs are small and most mutations matter.  Each part says
 * which checksums are made correct, so that inputs pass the check of checksums.
 *
 *	struct image_head
 *	struct image_item, len bytes		any number of them
 *
 * Any sequence of bytes is an input.
 */
#ifndef ERAD_FUZZ_IMAGE_H
#define ERAD_FUZZ_IMAGE_H

#include <stddef.h>

#include "mem.h"
#include "store/store.h"

/* The volume of all seeds: its size, and the places and kinds of its pages. */
#define IMAGE_BLOCKS	1500u
#define IMAGE_RING	16u
#define IMAGE_ARRAY	(ERAD_JOURNAL_START + IMAGE_RING)
extern const struct store_geometry image_geometry;

struct image_head {
	uint8_t pages;		/* size of the engine */
	uint8_t choice[3];	/* bits that select what the fuzz target does with the store */
};

#define ITEM_SECTOR	0x07	/* index of the sector in the page; not used in the ring */
#define ITEM_CSUM	0x08	/* make the checksum correct */
/* before the checksum is made correct, also correct the place, and the UUID or the tag */
#define ITEM_IDENTITY	0x10
#define ITEM_GROUP	0x20	/* make the checksum of a journal page's group correct */

struct image_item {
	uint8_t page;
	uint8_t flags;
	uint8_t len[2];		/* little-endian */
};

enum image_part {
	IMAGE_SUPER = 1,
	IMAGE_JOURNAL = 2,
	IMAGE_ALL = 7,
};

/* Makes new metadata of the volume, as store_format() does. */
void image_format(struct mem *m);

/* Writes the items of the wanted parts over the content of m, and makes their checksums correct. */
void image_build(struct mem *m, const uint8_t *data, size_t size, enum image_part parts,
		 struct image_head *head);

/* Writes the input from which image_build() makes m.  Returns its size, at most max. */
size_t image_encode(const struct mem *m, const struct image_head *head, enum image_part parts,
		    uint8_t *data, size_t max);

/*
 * For LLVMFuzzerCustomMutator(): keeps items whole, and changes their fields. For other mutations,
 * calls mutate, which is LLVMFuzzerMutate(). Returns the new size of the input, at most max.
 */
size_t image_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed,
		    size_t (*mutate)(uint8_t *data, size_t size, size_t max));

#endif /* ERAD_FUZZ_IMAGE_H */
