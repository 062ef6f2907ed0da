/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two superblock copies: their limits, and how to check, read and write them. */
#ifndef ERAD_SUPER_H
#define ERAD_SUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "store/engine.h"

/*
 * Limits that keep every sum and product of a valid superblock far from overflow: 2^64 bytes of
 * device, and counters that no use ever reaches.
 */
#define SUPER_MAX_SECTORS	(1ULL << 55)
#define SUPER_MAX_SEQ		(1ULL << 62)

/*
 * The largest superblock and journal sequence number with which metadata is opened for
 * writing.  No writer gets from here to SUPER_MAX_SEQ while the metadata is open, so that only
 * store_open() and store_repair() have to compare the numbers with a limit.
 */
#define SUPER_LAST_SEQ		(1ULL << 61)

/* Compute ceil(sectors / block_sectors), and the pages of era array that these blocks need. */
uint64_t super_nr_blocks(uint64_t nr_sectors, uint32_t block_sectors);
uint64_t super_array_pages(uint64_t nr_blocks);

/*
 * Returns how many pages, from the start of the array, this many pages of the array take up, with
 * room for their copies.
 */
uint64_t super_array_span(uint64_t array_pages, uint32_t array_chunk);

/* Checks whether a tracked device can have this geometry.  EINVAL, with the reason. */
int super_check_device(uint64_t nr_sectors, uint32_t block_sectors, struct err *err);

/* Fills in an empty superblock (era 0, clean) with seq 0.  Does not check journal_pages and array_chunk. */
void super_init(struct erad_disk_super *sb, const uint8_t uuid[16], uint64_t nr_sectors,
		uint32_t block_sectors, uint64_t journal_pages, uint32_t array_chunk);

/*
 * Checks whether a writer may begin with the superblock's seq and the journal's head, and increment
 * them `steps` times.  EOVERFLOW: one of them would be beyond SUPER_LAST_SEQ.
 */
int super_check_room(const struct engine *e, const struct erad_disk_super *sb, uint64_t head,
		     unsigned int steps, struct err *err);

/* Changes the size of the device in sb. */
void super_set_size(struct erad_disk_super *sb, uint64_t nr_sectors);

/*
 * Checks that the era of the floor has begun.  newest: the newest era in the superblock and the
 * journal.  EUCLEAN: the journal has lost the era in which the floor was raised.
 */
int super_check_floor(const struct erad_disk_super *sb, const char *name, uint32_t newest,
		      struct err *err);

/* Returns how many pages the metadata of this superblock has, including the superblock itself. */
uint64_t super_pages(const struct erad_disk_super *sb);

/*
 * Reads both copies, and returns the valid copy with the larger seq.  A copy that is torn or
 * unreadable is ignored: with the older tail of the other copy, replay either finds everything, or
 * notices that pages of the ring were used again, and refuses.  A copy whose checksum is valid was
 * written on purpose, so the metadata is refused if this copy makes no sense.
 *
 * ENODATA: both pages are zeros.  EUCLEAN: damage.  EOPNOTSUPP: a newer version has written the
 * copy.  EINVAL: this is something else.
 */
int super_read(struct engine *e, struct erad_disk_super *sb, struct err *err);

/*
 * Reads the pages of both copies at a path, valid or not, without a lock.  A page that cannot be
 * read becomes zeros.  Waits as long as the device does.
 */
void super_peek(const char *path, struct erad_disk_super sb[2]);

/*
 * Returns a bit for each copy that is not valid (torn, damaged, unreadable or something else): bit
 * 0 for copy A, bit 1 for copy B.
 */
unsigned int super_damaged(struct engine *e);

/*
 * For metadata without a valid copy: returns what is left of a copy whose fields all make sense,
 * apart from the checksum.  If both are such copies, the one with the larger era.  EUCLEAN: there
 * is none.
 */
int super_salvage(struct engine *e, struct erad_disk_super *sb, struct err *err);

/*
 * Seals sb, and writes it to the copy that its seq selects.  Not durable before a flush.  page is
 * an aligned scratch page.
 */
int super_write(struct engine *e, struct erad_disk_super *sb, void *page);

#endif /* ERAD_SUPER_H */
