/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device for unit tests of seals: a file of SIZE zeros, into which tests put the superblocks and
 * journals of file systems.  For files that include cmocka.h.
 */
#ifndef ERAD_TEST_SEAL_DEVICE_H
#define ERAD_TEST_SEAL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "common/seal.h"

#define MIB	(1ull << 20)
#define SIZE	(512 * MIB)

extern int device_fd;

/* Make a new device, and remove it.  For cmocka's setup and teardown. */
int seal_device_make(void **state);
int seal_device_remove(void **state);

void put_bytes(uint64_t offset, const void *bytes, size_t len);
void put_be32(uint64_t offset, uint32_t v);
void put_le32(uint64_t offset, uint32_t v);
void flip_bit(uint64_t offset);

/* Makes an ext4 with blocks of 4 KiB at byte base.  Its journal begins at block `journal`. */
void put_ext4(uint64_t base, uint32_t journal);

/*
 * Makes an xfs at byte base.  Its log begins `log` bytes later, and has `size` bytes.  It has wrapped
 * once, and `newer` of its sectors are of the second cycle.
 */
void put_xfs(uint64_t base, uint64_t log, uint32_t size, uint32_t newer);

/* Makes partition `nr`, from 0 on, in the partition table.  Position and size are in bytes. */
void put_partition(unsigned int nr, uint64_t at, uint64_t size);

/* Takes a seal of the first `size` bytes of the device. */
void take_seal(uint64_t size, struct seal *s);

/* Returns the entry of the kind `what` that begins at byte `offset`, or NULL. */
const struct seal_entry *find_entry(const struct seal *s, enum seal_what what, uint64_t offset);

/*
 * Changes one bit at the place.  Checks that the change is noticed, and that it is described as
 * `text`.
 */
void assert_seen(const struct seal *s, uint64_t offset, const char *text);

#endif /* ERAD_TEST_SEAL_DEVICE_H */
