/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history of one volume: gaps, timelines, and values by which erad recognizes the origin.  A
 * gap is a time in which writes may have gone past erad.  A timeline is the eras of one activation,
 * with a random number that names it.  include/erad_format.h describes the layout and the order of
 * durability.
 *
 * Functions that change the history return when the change is durable.  After a failure, the call
 * may be repeated.  Only the thread that marks and begins eras (store.h) may call them, unless a
 * function says that any thread may.  Any thread may call the functions that read the history.
 * The functions that read take no lock that is held over I/O, except store_seal().  No function
 * allocates memory.
 *
 * Metadata that was opened with STORE_READ and has no history yet appears to have an empty history.
 */
#ifndef ERAD_STORE_HISTORY_H
#define ERAD_STORE_HISTORY_H

#include "store/store.h"

struct store_gap {
	enum erad_gap_kind kind;
	/* A diff since this era or an older era lists every block.  0: no era had begun. */
	uint32_t era;
	uint64_t time;		/* when the gap was noticed, in seconds since 1970 */
	char detail[ERAD_GAP_DETAIL + 1];
};

/* Returns the name of a kind of gap, such as "written-while-closed"; never NULL. */
const char *store_gap_name(enum erad_gap_kind kind);

/* Copies the gaps that the metadata still contains, the oldest first.  Returns their number. */
unsigned int store_gaps(struct store *s, struct store_gap gap[ERAD_GAPS]);

/*
 * Sets total[kind] to the number of gaps of each kind since the metadata was made.  A kind that
 * this version does not know counts as ERAD_GAP_UNKNOWN.
 */
void store_gap_totals(struct store *s, uint64_t total[ERAD_GAP_KINDS]);

/*
 * Records a gap, and in the same transaction raises the floor to the current era.  After
 * store_gap(), the caller must begin a new era before it lets a write through; without the new era,
 * the next diff would list too much.  A second gap of the same kind in the same era replaces the
 * first gap, so a gap that is found again after a crash counts once.  detail is cut after
 * ERAD_GAP_DETAIL bytes.  Any thread may call this.
 */
int store_gap(struct store *s, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * Records a gap as store_gap() does, for a gap that lasts longer than one era and is recorded in
 * each of these eras.  If the newest gap in the history has the same kind and detail, only changes
 * its era to the current era.  So the history keeps its room for other gaps, and the gap counts
 * once.  One exception: if a snapshot that is held or requested shows the newest gap, this gap
 * stays, so that the history contains two gaps of this kind and detail.  Writes nothing if this gap
 * is already recorded for the current era.
 */
int store_gap_goes_on(struct store *s, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * Begins a new timeline, whose first era is the next era.  Call this once for each activation,
 * before its first era.  number must not be 0.  In the same transaction, drops the seal, because
 * writes may be let through from now on, and sets the item STORE_TABLE_NOTE to note.  note NULL:
 * the item is unchanged.  EOVERFLOW: there is no next era.
 */
int store_new_timeline(struct store *s, uint64_t number, const uint8_t *note, struct err *err);

/*
 * Returns the number of the timeline to which the era belongs.  0: the metadata does not know the
 * timeline.
 */
uint64_t store_timeline(struct store *s, uint32_t era);

enum store_moment {
	MOMENT_KNOWN,		/* the metadata has begun this era in this timeline */
	/* No timeline has this number: the metadata was restored from a copy or a dump. */
	MOMENT_FOREIGN,
	MOMENT_OTHER_ERA,	/* the timeline does not contain this era */
	/*
	 * No timeline has this number.  The era is older than all timelines that the metadata still
	 * contains, or there are no timelines, so the timeline may have been dropped.
	 */
	MOMENT_TOO_OLD,
};

/* Finds out whether the metadata knows the beginning of `era` in the timeline with this number. */
enum store_moment store_moment(struct store *s, uint64_t timeline, uint32_t era);

/* Returns the oldest era whose timeline is known.  0: no timeline is known. */
uint32_t store_timelines_since(struct store *s);

/*
 * Items: bytes that the store keeps for its callers and does not interpret.  An item that was never
 * set is zeros.  store_set_item() writes nothing if the bytes are the same.  Any thread may call these
 * functions.
 */
enum store_item {
	STORE_IDENTITY,		/* identity of the origin */
	STORE_TABLE_NOTE,	/* the table note: see erad/volume/table_note.h */
	STORE_WITNESS,		/* hashes of places of the origin: see common/witness.h */
	STORE_PAST,		/* devices that use the origin past the volume: see erad/volume/past.h */
};

void store_item(struct store *s, enum store_item which, uint8_t out[ERAD_HISTORY_ITEM]);
int store_set_item(struct store *s, enum store_item which, const uint8_t in[ERAD_HISTORY_ITEM],
		   struct err *err);

/*
 * Reads the seal with which the metadata was closed.  ENOENT: there is no seal, for example because
 * a new timeline has dropped it.  Waits for a fold that is under way.
 */
int store_seal(struct store *s, uint8_t out[ERAD_HISTORY_SEAL]);

/*
 * Closes the store as clean, as store_close() does, with a seal.  One transaction marks the
 * metadata clean and makes the seal valid.  If the fold fails, the metadata is not clean; but the
 * seal is made valid nevertheless, if possible.
 */
int store_close_sealed(struct store *s, const uint8_t seal[ERAD_HISTORY_SEAL], struct err *err);

/*
 * What closed metadata knows of the origin: the items, and the seal if the metadata contains one.
 * If sealed is true and the seal is zeros, the next open records a gap, because no hash shows
 * whether the origin was written meanwhile.
 */
struct store_notes {
	bool sealed;
	uint8_t item[ERAD_HISTORY_ITEMS][ERAD_HISTORY_ITEM];
	uint8_t seal[ERAD_HISTORY_SEAL];	/* zeros if not sealed */
};

/* Copies the notes.  Waits for a fold that is under way. */
void store_notes(struct store *s, struct store_notes *n);

#endif /* ERAD_STORE_HISTORY_H */
