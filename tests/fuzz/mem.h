/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine on plain memory.  It fails only if a test requests a failure, and aborts the process if
 * it is used out of bounds.
 */
#ifndef ERAD_FUZZ_MEM_H
#define ERAD_FUZZ_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "store/engine.h"

#define MEM_PAGES	64u	/* the largest size; growing beyond it fails with ENOSPC */

struct mem {
	_Alignas(ERAD_PAGE) uint8_t image[MEM_PAGES * ERAD_PAGE];
	uint64_t size;		/* current size in bytes */
	bool written;		/* whether there was a write since this field was cleared */
	bool holes;		/* whether zeros count as a hole, that is, as never written */
	uint64_t unreadable;	/* number of a page that cannot be read until it is written; 0: none */
};

/* Returns a new engine on m.  m must live longer than the engine. */
struct engine *mem_engine(struct mem *m);

#endif /* ERAD_FUZZ_MEM_H */
