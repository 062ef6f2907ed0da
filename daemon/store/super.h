/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two copies of the superblock: limits of their fields, and functions that check, read and
 * write them.
 */
#ifndef ERAD_SUPER_H
#define ERAD_SUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "store/engine.h"

/*
 * Limits that keep every sum and product of fields of a valid superblock far from overflow.  A
 * device has at most 2^64 bytes, and no real use ever reaches the limits of the counters.
 */
#define SUPER_MAX_SECTORS	(1ULL << 55)
#define SUPER_MAX_SEQ		(1ULL << 62)

/*
 * The largest sequence number, of a superblock or of the journal, with which metadata is opened for
 * writing.  No writer can reach SUPER_MAX_SEQ from here while the metadata is open.  So only
 * store_open() and store_repair() check this limit.
 */
#define SUPER_LAST_SEQ		(1ULL << 61)

/*
 * super_nr_blocks() returns ceil(nr_sectors / block_sectors).  super_array_pages() returns the
 * number of pages of the era array for nr_blocks blocks.
 */
uint64_t super_nr_blocks(uint64_t nr_sectors, uint32_t block_sectors);
uint64_t super_array_pages(uint64_t nr_blocks);

/*
 * Returns the distance, in pages, from the beginning of an array of array_pages pages to the end of
 * its last copy, or to the end of the array if array_chunk is 0.
 */
uint64_t super_array_span(uint64_t array_pages, uint32_t array_chunk);

/* Checks whether a tracked device can have this geometry.  EINVAL: err contains the reason. */
int super_check_device(uint64_t nr_sectors, uint32_t block_sectors, struct err *err);

/*
 * Fills in an empty superblock: era 0, clean, seq 0.  Does not check journal_pages and array_chunk.
 */
void super_init(struct erad_disk_super *sb, const uint8_t uuid[16], uint64_t nr_sectors,
		uint32_t block_sectors, uint64_t journal_pages, uint32_t array_chunk);

/*
 * Checks that this version can write the metadata; EOPNOTSUPP if ro_compat has a bit.  Also checks
 * that a writer can increment each counter `steps` times: the superblock's seq, the journal's head,
 * degrade_serial and history_seq; EOVERFLOW if one of them would become larger than SUPER_LAST_SEQ.
 */
int super_check_writable(const struct engine *e, const struct erad_disk_super *sb, uint64_t head,
			 unsigned int steps, struct err *err);

/* Changes the size of the device in sb. */
void super_set_size(struct erad_disk_super *sb, uint64_t nr_sectors);

/*
 * Checks that the era of the floor has begun.  name: the metadata, for messages.  newest: the
 * newest era in the superblock and the journal.  EUCLEAN: the journal has lost the era in which the
 * floor was raised.
 */
int super_check_floor(const struct erad_disk_super *sb, const char *name, uint32_t newest,
		      struct err *err);

/* Returns how many pages the metadata of this superblock has, including the superblock itself. */
uint64_t super_pages(const struct erad_disk_super *sb);

/*
 * Reads both copies, and sets *sb to the valid copy with the larger seq.
 *
 * A torn or unreadable copy is ignored.  If the other copy has an older tail, replay either finds
 * everything, or notices that pages of the ring were used again, and refuses the metadata.
 *
 * A valid checksum shows that the copy was written in full.  So if the fields of this copy
 * contradict each other, the metadata is refused.
 *
 * ENODATA	both pages are zeros
 * EUCLEAN	no copy is valid, the fields of a copy contradict each other, or the copies are of
 *		different volumes
 * EOPNOTSUPP	a newer version has written the copy
 * EINVAL		the pages contain something else, or do not exist
 * other errors	no copy is valid, and a copy cannot be read
 */
int super_read(struct engine *e, struct erad_disk_super *sb, struct err *err);

/*
 * Reads the pages of both copies at a path, valid or not, without a lock.  A page that cannot be
 * read becomes zeros.  Waits as long as the device takes.
 */
void super_peek(const char *path, struct erad_disk_super sb[2]);

/*
 * Returns whether one of the two pages at a path has the magic number of a superblock, valid or
 * not, and sets uuid to the UUID in this page.  Reads as super_peek() does.
 */
bool super_peek_uuid(const char *path, uint8_t uuid[16]);

/*
 * Returns a bit mask: bit 0 is set if copy A is not valid, and bit 1 if copy B is not valid.  A
 * copy is not valid if it is torn, damaged or unreadable, or has other content.  Returns 0 if
 * memory is short.
 */
unsigned int super_damaged(struct engine *e);

/*
 * For metadata without a valid copy: sets *sb to a copy in which all fields except the checksum are
 * possible.  If both copies are of this kind, sets *sb to copy A, with the larger era of the two.
 * EUCLEAN: there is no such copy, or the two contradict each other.
 */
int super_salvage(struct engine *e, struct erad_disk_super *sb, struct err *err);

/*
 * Sets the checksum of sb, and writes sb to the copy that its seq selects.  Not durable before a
 * flush.  page: an aligned buffer of one page.
 */
int super_write(struct engine *e, struct erad_disk_super *sb, void *page);

#endif /* ERAD_SUPER_H */
