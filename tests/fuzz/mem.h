/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An engine on plain memory that fails only if told to, and ends the process when it is used out of bounds. */
#ifndef ERAD_FUZZ_MEM_H
#define ERAD_FUZZ_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "store/engine.h"

#define MEM_PAGES	64u	/* at most; a grow beyond that has no space */

struct mem {
	_Alignas(ERAD_PAGE) uint8_t image[MEM_PAGES * ERAD_PAGE];
	uint64_t size;		/* in use */
	bool written;		/* anything, since somebody cleared it */
	bool holes;		/* says of zeros that nothing was ever written there */
	uint64_t unreadable;	/* a page that cannot be read until it has been written; 0: none */
};

/* A new engine on m, which outlives it. */
struct engine *mem_engine(struct mem *m);

#endif /* ERAD_FUZZ_MEM_H */
