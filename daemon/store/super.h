/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two superblock copies: layout, validation, reading and writing. */
#ifndef ERAD_SUPER_H
#define ERAD_SUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "store/engine.h"

/*
 * Bounds that keep every sum and product of a valid superblock far from
 * overflow: 2^64 bytes of device, and counters that no lifetime reaches.
 */
#define SUPER_MAX_SECTORS	(1ULL << 55)
#define SUPER_MAX_SEQ		(1ULL << 62)

/*
 * The largest superblock and journal sequence number with which metadata is opened for
 * writing.  No writer gets from here to SUPER_MAX_SEQ while the metadata is open, so that only
 * store_open() and store_repair() have to compare the numbers with a limit.
 */
#define SUPER_LAST_SEQ		(1ULL << 61)

/* ceil(sectors / block_sectors) and the pages of era array these need. */
uint64_t super_nr_blocks(uint64_t nr_sectors, uint32_t block_sectors);
uint64_t super_array_pages(uint64_t nr_blocks);

/* Pages from the start of the array that so many of it take up, with room for their copies. */
uint64_t super_array_span(uint64_t array_pages, uint32_t array_chunk);

/* Whether a tracked device can look like this; EINVAL with the reason. */
int super_check_device(uint64_t nr_sectors, uint32_t block_sectors, struct err *err);

/* Fills in an empty (era 0, clean) superblock with seq 0; journal_pages and array_chunk are taken as they are. */
void super_init(struct erad_disk_super *sb, const uint8_t uuid[16], uint64_t nr_sectors,
		uint32_t block_sectors, uint64_t journal_pages, uint32_t array_chunk);

/*
 * Whether a writer may begin where the superblock's seq and the journal's head are, and go
 * `steps` further: EOVERFLOW if one of them would be beyond SUPER_LAST_SEQ.
 */
int super_check_room(const struct engine *e, const struct erad_disk_super *sb, uint64_t head,
		     unsigned int steps, struct err *err);

/* The device has another size now. */
void super_set_size(struct erad_disk_super *sb, uint64_t nr_sectors);

/*
 * Whether the floor has begun, when `newest` is the newest era that superblock and journal
 * speak of.  EUCLEAN: the journal has lost the era that the floor was raised in.
 */
int super_check_floor(const struct erad_disk_super *sb, const char *name, uint32_t newest,
		      struct err *err);

/* Pages that a superblock asks for, including itself. */
uint64_t super_pages(const struct erad_disk_super *sb);

/*
 * Reads both copies and gives the valid one with the larger seq.  A copy that
 * is torn or cannot be read does not count: with the older tail of the other,
 * replay either finds everything or finds out that ring pages were reused,
 * and refuses.  A copy whose checksum is right is believed to be what
 * somebody meant to write, and refused if it makes no sense.
 *
 * ENODATA if both pages are all zero, EUCLEAN for damage, EOPNOTSUPP for what
 * a newer version wrote, EINVAL if it is something else.
 */
int super_read(struct engine *e, struct erad_disk_super *sb, struct err *err);

/*
 * Reads what is in the place of both copies at a path, be it superblocks or not, without a lock; what
 * cannot be read is zeros.  Waits as long as the device does.
 */
void super_peek(const char *path, struct erad_disk_super sb[2]);

/* Bit 0 for copy A, 1 for B: not valid, be it torn, damaged, something else or unreadable. */
unsigned int super_damaged(struct engine *e);

/*
 * Where neither copy is valid: what is left of one, if all of it but the
 * checksum makes sense, and the larger era if both are.  EUCLEAN if there is none.
 */
int super_salvage(struct engine *e, struct erad_disk_super *sb, struct err *err);

/*
 * Seals sb and writes it to the copy that its seq chooses.  Not durable
 * before a flush.  page is a scratch page, aligned.
 */
int super_write(struct engine *e, struct erad_disk_super *sb, void *page);

#endif /* ERAD_SUPER_H */
