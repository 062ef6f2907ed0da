/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history of one volume: gaps, when writes may have gone past erad; timelines, one number for
 * each activation; and values that tell whether the origin is still the one that was tracked.
 * include/erad_format.h has the layout and the order of durability.
 *
 * Functions that change something are durable on return.  Only the thread that marks and begins
 * eras calls them.  If they fail, they may be repeated.  Any thread may call the functions that
 * read.  Except for store_seal(), these take no lock that is held over I/O.  Nothing here allocates
 * memory.  If the metadata was opened with STORE_READ and has no history yet, the history seems to
 * be empty.
 */
#ifndef ERAD_STORE_HISTORY_H
#define ERAD_STORE_HISTORY_H

#include "store/store.h"

struct store_gap {
	enum erad_gap_kind kind;
	uint32_t era;		/* a diff since this era, or since an older one, lists every block; 0: no era had begun */
	uint64_t time;		/* when the gap was noticed, in seconds since 1970 */
	char detail[ERAD_GAP_DETAIL + 1];
};

/* Returns the name of a kind of gap, such as "written-while-closed"; never NULL. */
const char *store_gap_name(enum erad_gap_kind kind);

/* Copies the gaps that are logged, the oldest first, and returns their number. */
unsigned int store_gaps(struct store *s, struct store_gap gap[ERAD_GAPS]);

/* Returns the number of gaps of each kind since the metadata was made. */
void store_gap_totals(struct store *s, uint64_t total[ERAD_GAP_KINDS]);

/*
 * Logs a gap, and in the same transaction raises the floor to the current era.  The caller begins a
 * new era before it lets a write through, because otherwise the next diff would list too much.  A
 * second gap of the same kind in the same era replaces the first, so that a gap that is found again
 * after a crash is counted once.  detail is cut after ERAD_GAP_DETAIL bytes.
 */
int store_gap(struct store *s, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * Begins a new timeline, of which the next era is the first.  Call this once for each activation,
 * before its first era.  number is not 0.  In the same transaction drops the seal and the item
 * STORE_AWAY, because writes may be let through from now on.  EOVERFLOW: there is no next era.
 */
int store_new_timeline(struct store *s, uint64_t number, struct err *err);

/* Returns the number of the timeline to which era belongs.  0: the metadata does not know it. */
uint64_t store_timeline(struct store *s, uint32_t era);

enum store_moment {
	MOMENT_KNOWN,		/* the era was begun in that timeline, in this metadata */
	MOMENT_FOREIGN,		/* no such timeline: the metadata was put back from a copy, or restored */
	MOMENT_OTHER_ERA,	/* the era is not one of that timeline */
	MOMENT_TOO_OLD,		/* the era is older than the timelines that are kept */
};

/* Finds out whether the metadata knows the beginning of that era in that timeline. */
enum store_moment store_moment(struct store *s, uint64_t timeline, uint32_t era);

/* Returns the first era whose timeline is known, or 0 if none is. */
uint32_t store_timelines_since(struct store *s);

/*
 * Items: bytes that the store keeps for others, who alone understand them; zeros if there is
 * nothing.  store_set_item() writes nothing if the bytes are the same as before.
 */
enum store_item {
	STORE_IDENTITY,		/* identity of the origin */
	STORE_AWAY,		/* counters of a mapped device whose table has no target any more */
	STORE_HINT,		/* value by which a mount past erad is noticed after a power cut */
};

void store_item(struct store *s, enum store_item which, uint8_t out[ERAD_HISTORY_ITEM]);
int store_set_item(struct store *s, enum store_item which, const uint8_t in[ERAD_HISTORY_ITEM],
		   struct err *err);

/*
 * Reads the seal with which the metadata was closed.  ENOENT: there is none, or a new timeline has
 * dropped it.  Waits for a fold.
 */
int store_seal(struct store *s, uint8_t out[ERAD_HISTORY_SEAL]);

/* As store_close() with clean.  The seal comes into force in the transaction that marks the metadata clean. */
int store_close_sealed(struct store *s, const uint8_t seal[ERAD_HISTORY_SEAL], struct err *err);

#endif /* ERAD_STORE_HISTORY_H */
