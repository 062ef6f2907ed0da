/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens the metadata that a power cut has left, with erad's own library, and compares it with the
 * expected content.
 */
#ifndef CRASH_BRINGUP_H
#define CRASH_BRINGUP_H

#include <stdbool.h>
#include <stdint.h>

#include "expect.h"

/*
 * Opens a copy of the metadata and compares it with x.  Then uses the metadata as erad would:
 * begins a new era, marks blocks and closes cleanly.  era[] receives the newest era of each block.
 * Prints each error, and returns false if there was an error.  Adds the number of missing blocks to
 * *lost.
 */
bool bringup(const uint8_t *metadata, uint64_t size, const struct expect *x, uint64_t *rng,
	     uint32_t *era, uint64_t *lost);

#endif /* CRASH_BRINGUP_H */
