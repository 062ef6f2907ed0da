/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a repair, and functions that all its files use. */
#ifndef ERAD_REPAIR_STATE_H
#define ERAD_REPAIR_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/array.h"
#include "store/bitset.h"
#include "store/journal.h"
#include "store/repair.h"

/* Pages of the array that are read at a time: 1 MiB, more than ARRAY_FOLD_PAGES. */
#define REPAIR_CHUNK	256u

struct repair {
	struct engine *e;
	void (*say)(void *ctx, const char *what);
	void *ctx;
	struct store_repaired *out;
	struct erad_disk_super sb;
	struct array array;
	struct journal journal;
	uint32_t era;			/* the newest era that was found so far */
	bool raised;			/* the array contains a newer era than all other parts */
	struct bitset bad;		/* sectors of the array that must be rewritten */
	/* State of the degrade record.  An unreadable record is also damaged. */
	bool record_damaged, record_unreadable;
	/* Pages of the array that cannot be read.  All sectors of these pages are also in `bad`. */
	struct bitset unreadable;
	struct erad_disk_history *history;
	/* Why the history in force cannot be used.  "": it can be used. */
	struct err history_damaged;
	bool journal_lost;
	struct erad_disk_eras *buf;	/* buffer of REPAIR_CHUNK pages */
};

/* From r->e and r->sb, sets array, journal and era; also makes bad and unreadable empty. */
void repair_init(struct repair *r);

/* Counts a repair, and calls r->say with the text. */
void repair_say(struct repair *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets err and returns ENOMEM. */
int repair_no_memory(struct repair *r, struct err *err);

/* Returns the number of sectors of the era array. */
uint64_t repair_sectors(const struct repair *r);

/* Fills a page with garbage, so that none of its sectors is valid. */
void repair_fill_garbage(struct erad_disk_eras *page);

#endif /* ERAD_REPAIR_STATE_H */
