/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copies of the history on the disk, for the files of the store.  history.h describes their
 * content.
 */
#ifndef ERAD_STORE_HISTORY_COPY_H
#define ERAD_STORE_HISTORY_COPY_H

#include "store/state.h"

/* Returns whether the metadata has room for a history. */
bool history_there(const struct erad_disk_super *sb);

/*
 * Reads the copy that sb names.  If the metadata has no room for a history, or if the history is
 * empty, h becomes zeros.  EUCLEAN: the copy is damaged or contradicts sb.  If so, the content of h
 * is undefined.
 */
int history_read(struct engine *e, const struct erad_disk_super *sb, struct erad_disk_history *h,
		 struct err *err);

/*
 * Reads the newest valid copy for a repair, whichever copy sb names.  If no copy is valid, h
 * becomes zeros.  If the era of a gap is newer than the floor of sb, the gap gets the floor's era.
 */
void history_salvage(struct engine *e, const struct erad_disk_super *sb,
		     struct erad_disk_history *h);

/*
 * Writes h to the copy that is not in force, and makes sb name this copy.  After history_write(),
 * the caller must flush, and then write sb.
 */
int history_write(struct engine *e, struct erad_disk_super *sb, struct erad_disk_history *h);

/*
 * Adds a gap to h, or replaces a gap of the same kind and era.  If h is full, drops the oldest gap.
 * time: in seconds since 1970.  detail is cut after ERAD_GAP_DETAIL bytes.
 */
void history_add_gap(struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era,
		     uint64_t time, const char *detail);

/* Returns whether the newest gap of h has this kind, this era and this detail. */
bool history_gap_is_newest(const struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era, const char *detail);

/*
 * If the newest gap of h has this kind and this detail, changes its era to `era`, so that a
 * history_add_gap() with the same values replaces this gap.  snapshot: the newest era that the
 * snapshot shows, or 0.  A gap that the snapshot shows keeps its era.  In this case,
 * history_add_gap() adds another gap, or replaces the gap before the newest one if it has the same
 * kind and detail.
 */
void history_renew_gap(struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era, const char *detail,
		       uint32_t snapshot);

/*
 * A transaction on the history of an open store.  history_edit() returns a copy of the history,
 * which the caller changes.  history_commit() makes the copy durable together with sb.  If
 * history_commit() fails, the store keeps the old history, and drops the copy; but after a crash,
 * the new history may be in force.  Hold fold_lock from history_edit() until history_commit()
 * returns.
 */
struct erad_disk_history *history_edit(struct store *s);
int history_commit(struct store *s, struct erad_disk_super *sb);

/*
 * As history_commit(), and afterwards also makes the other superblock name the new history.  An open
 * takes the older superblock if the newer one cannot be read.  So a change that the next open must
 * know, such as a gap or a seal, must be in both superblocks.  If only the second superblock cannot
 * be written, returns 0, because the change is in force and durable.
 */
int history_commit_both(struct store *s, struct erad_disk_super *sb);

/*
 * history_upgrade() makes room for a history in old metadata, whose journal must have been read:
 * see erad_format.h.  It does nothing if there is room already.  history_check_room() returns
 * EOVERFLOW, before anything is written, if the ring is too small.  Context: open.
 */
int history_check_room(const struct engine *e, const struct erad_disk_super *sb, struct err *err);
int history_upgrade(struct store *s, struct err *err);

#endif /* ERAD_STORE_HISTORY_COPY_H */
