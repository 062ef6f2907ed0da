/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the metadata must contain after a power cut, computed from the marks in the log.
 *
 * The marks, each of one word, because the target accepts only one:
 *	request:ERA		a checkpoint, or an open, is going to request ERA
 *	era:ERA			the era was acknowledged
 *	write:LO:HI:OFF:LEN	a write, discard or write-zeroes has completed; era LO was acknowledged
 *				before its submission, and era HI was requested before its completion
 *	file:LO:ID:LEN		a file was written and fsynced; LO as for a write
 *	unlink:ID		the file is going to be removed
 */
#ifndef CRASH_EXPECT_H
#define CRASH_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"

#define MAX_ERA		64u
#define MAX_FILES	4096u

struct expect {
	uint64_t block, nr_blocks;	/* size of a block in bytes, and number of blocks of the tracked device */
	/* newest acknowledged and newest requested era; 0: the volume has not been created yet */
	uint32_t acked, requested;
	uint32_t *need;			/* for each block: the oldest era that may be reported for the block */
	uint64_t completed;		/* number of completed writes so far */
	/* For each block: bit e - 1 is set if the block is written in era e anywhere in the log. */
	uint64_t *may;
	bool only_marked;		/* whether the log contains a mark for each write */
};

struct file {
	uint32_t lo;			/* era of the file, as LO of a mark; 0: the file is not expected */
	uint64_t length;
};

void expect_init(struct expect *x, const struct log *log, uint64_t size, uint64_t block);
void expect_free(struct expect *x);

/*
 * Adds the next entry of the log. Offsets below the size of the tracked device belong to this
 * device. Returns false if the entry is a wrong mark.
 */
bool expect_entry(struct expect *x, const struct entry *e);

/*
 * Adds the next entry to the expected files. *any becomes true if the entry is about a written
 * file. Returns false if the id of the file is too large.
 */
bool expect_files(struct file *files, const struct entry *e, bool *any);

#endif /* CRASH_EXPECT_H */
