/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens the metadata that a power cut left, with the same library as erad does, and holds it to what is expected. */
#ifndef CRASH_BRINGUP_H
#define CRASH_BRINGUP_H

#include <stdbool.h>
#include <stdint.h>

#include "expect.h"

/*
 * Recovers from a copy of the metadata and compares; then goes on with it as
 * erad would: a new era, more marks, a clean end.  era[] gets the newest era
 * that each block is reported in.  False if anything is wrong, which is
 * printed, and *lost counts the blocks that should have been reported.
 */
bool bringup(const uint8_t *metadata, uint64_t size, const struct expect *x, uint64_t *rng,
	     uint32_t *era, uint64_t *lost);

#endif /* CRASH_BRINGUP_H */
