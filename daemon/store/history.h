/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history of one volume: when writes may have gone past erad (gaps), one number for
 * each activation (timelines), and what tells whether the origin is still the one that was
 * tracked.  include/erad_format.h has the layout and the order of durability.
 *
 * Functions that change something are durable on return, and belong to the thread that marks
 * and begins eras.  If they fail, they may be repeated.  Readers may be called from any
 * thread; they take no lock that is held over I/O, but for store_seal().  Nothing here allocates memory.
 *
 * Metadata that was opened with STORE_READ and has no history yet: as if the history were empty.
 */
#ifndef ERAD_STORE_HISTORY_H
#define ERAD_STORE_HISTORY_H

#include "store/store.h"

struct store_gap {
	enum erad_gap_kind kind;
	uint32_t era;		/* a diff since this era or an older one lists every block; 0: no era had begun */
	uint64_t time;		/* when it was noticed, seconds since 1970 */
	char detail[ERAD_GAP_DETAIL + 1];
};

/* "written-while-closed" …; never NULL. */
const char *store_gap_name(enum erad_gap_kind kind);

/* Copies the gaps that are logged, the oldest first, and returns how many there are. */
unsigned int store_gaps(struct store *s, struct store_gap gap[ERAD_GAPS]);

/* How many gaps of each kind there were since the metadata was made. */
void store_gap_totals(struct store *s, uint64_t total[ERAD_GAP_KINDS]);

/*
 * Logs a gap, and in the same transaction raises the floor to the current era.  The caller
 * begins a new era before it lets a write through, or else the next diff over-reports.  A
 * second gap of the same kind in the same era takes the place of the first, so that what is
 * found once more after a crash is not counted twice.  detail is cut after
 * ERAD_GAP_DETAIL bytes.
 */
int store_gap(struct store *s, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * A new timeline begins with the next era.  To be called once for each activation, before
 * the first era of the activation begins.  In the same transaction the seal and the item
 * STORE_AWAY are dropped, as writes may be let through from now on.  number is not 0.
 * EOVERFLOW if there is no next era.
 */
int store_new_timeline(struct store *s, uint64_t number, struct err *err);

/* The number of the timeline that era is in; 0: the metadata does not know. */
uint64_t store_timeline(struct store *s, uint32_t era);

enum store_moment {
	MOMENT_KNOWN,		/* the era was begun in that timeline, in this metadata */
	MOMENT_FOREIGN,		/* no such timeline: the metadata was put back from a copy, or restored */
	MOMENT_OTHER_ERA,	/* the era is not one of that timeline */
	MOMENT_TOO_OLD,		/* the era is older than the timelines that are kept */
};

/* Whether the metadata knows the beginning of that era in that timeline. */
enum store_moment store_moment(struct store *s, uint64_t timeline, uint32_t era);

/* The first era whose timeline is known; 0: none is. */
uint32_t store_timelines_since(struct store *s);

/*
 * What others keep in the history: bytes that only they understand, zeros if there is
 * nothing.  store_set_item() writes nothing if the bytes are the same.
 */
enum store_item {
	STORE_IDENTITY,		/* of the origin */
	STORE_AWAY,		/* the counters of a device whose table has no target any more */
	STORE_HINT,		/* what tells of a mount past erad after a power cut */
};

void store_item(struct store *s, enum store_item which, uint8_t out[ERAD_HISTORY_ITEM]);
int store_set_item(struct store *s, enum store_item which, const uint8_t in[ERAD_HISTORY_ITEM],
		   struct err *err);

/*
 * The seal with which the metadata was closed, and which no timeline has dropped since.
 * ENOENT: there is none.  Waits for a fold.
 */
int store_seal(struct store *s, uint8_t out[ERAD_HISTORY_SEAL]);

/* As store_close() with clean; the seal comes into force in the transaction that marks the metadata clean. */
int store_close_sealed(struct store *s, const uint8_t seal[ERAD_HISTORY_SEAL], struct err *err);

#endif /* ERAD_STORE_HISTORY_H */
