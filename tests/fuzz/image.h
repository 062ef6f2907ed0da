/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metadata as a fuzzer's input: the parts of it that are not zero, so that
 * inputs are small and mutations hit what counts, with a word for each on how
 * to reseal it, so that they get behind the checksums.
 *
 *	struct image_head
 *	struct image_item, len bytes		any number of them
 *
 * Any bytes are an image.
 */
#ifndef ERAD_FUZZ_IMAGE_H
#define ERAD_FUZZ_IMAGE_H

#include <stddef.h>

#include "mem.h"
#include "store/store.h"

/* The volume of all seeds, where pages are and what kinds they are of. */
#define IMAGE_BLOCKS	1500u
#define IMAGE_RING	16u
#define IMAGE_ARRAY	(ERAD_JOURNAL_START + IMAGE_RING)
extern const struct store_geometry image_geometry;

struct image_head {
	uint8_t pages;		/* of the engine */
	uint8_t choice[3];	/* the harness's, for what it does with the store */
};

#define ITEM_SECTOR	0x07	/* in the page; not in the ring */
#define ITEM_CSUM	0x08	/* the checksum is made right … */
#define ITEM_IDENTITY	0x10	/* … and before that UUID or tag, and place … */
#define ITEM_GROUP	0x20	/* … and the checksum of a journal page's group */

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

/* New metadata of that volume, as store_format() makes it. */
void image_format(struct mem *m);

/* Puts the items of the wanted parts over what is in m and seals them. */
void image_build(struct mem *m, const uint8_t *data, size_t size, enum image_part parts,
		 struct image_head *head);

/* The input that gives m; returns its size, at most max. */
size_t image_encode(const struct mem *m, const struct image_head *head, enum image_part parts,
		    uint8_t *data, size_t max);

/*
 * For LLVMFuzzerCustomMutator(): keeps items whole, and knows where fields are.
 * mutate, which is LLVMFuzzerMutate(), does the rest.
 */
size_t image_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed,
		    size_t (*mutate)(uint8_t *data, size_t size, size_t max));

#endif /* ERAD_FUZZ_IMAGE_H */
