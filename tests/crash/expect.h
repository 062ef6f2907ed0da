/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the metadata has to say after a power cut, from the marks in the log.
 *
 * Marks, of one word because the target takes no more:
 *	request:ERA		a checkpoint, or an open, is about to ask for ERA
 *	era:ERA			it was acknowledged
 *	write:LO:HI:OFF:LEN	a write, discard or write-zeroes has completed; when it was
 *				submitted LO was acknowledged, when it had completed HI was requested
 *	file:LO:ID:LEN		a file was written and fsynced in between
 *	unlink:ID		it is about to be removed
 */
#ifndef CRASH_EXPECT_H
#define CRASH_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"

#define MAX_ERA		64u
#define MAX_FILES	4096u

struct expect {
	uint64_t block, nr_blocks;	/* bytes; of the tracked device */
	uint32_t acked, requested;	/* eras; 0: the volume is not created yet */
	uint32_t *need;			/* for each block, the era that it must be reported in, or newer */
	uint64_t completed;		/* writes so far */
	/* For each block, bit e - 1 is set if something was, or in all of the log is, written to it in era e. */
	uint64_t *may;
	bool only_marked;		/* nothing is written but what marks tell of */
};

struct file {
	uint32_t lo;			/* 0: not expected */
	uint64_t length;
};

void expect_init(struct expect *x, const struct log *log, uint64_t size, uint64_t block);
void expect_free(struct expect *x);

/* Takes one more entry of the log into account; offsets below size are the tracked device's. */
bool expect_entry(struct expect *x, const struct entry *e);

/* The same for the files alone, whose writes are durable only when the log has them; *any: there was one. */
bool expect_files(struct file *files, const struct entry *e, bool *any);

#endif /* CRASH_EXPECT_H */
