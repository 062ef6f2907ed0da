/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copies of the history on the disk, for the files of the store: see history.h for what is in them. */
#ifndef ERAD_STORE_HISTORY_COPY_H
#define ERAD_STORE_HISTORY_COPY_H

#include "store/state.h"

/* Whether the metadata has room for a history. */
bool history_there(const struct erad_disk_super *sb);

/*
 * Reads the copy that sb names.  Without a history, or with an empty one, h becomes zeros.
 * EUCLEAN for a copy that is damaged, or that contradicts sb; h has no meaning then.
 */
int history_read(struct engine *e, const struct erad_disk_super *sb, struct erad_disk_history *h,
		 struct err *err);

/*
 * For a repair: the newest copy that is valid, whatever sb says of it; zeros if none is.
 * Gaps that are newer than the floor of sb are given the floor's era.
 */
void history_salvage(struct engine *e, const struct erad_disk_super *sb,
		     struct erad_disk_history *h);

/*
 * Writes h as the next copy after the one that sb names, and has sb name it.  The caller
 * flushes, and only then writes sb.
 */
int history_write(struct engine *e, struct erad_disk_super *sb, struct erad_disk_history *h);

/* Puts a gap into the log.  time in seconds since 1970. */
void history_add_gap(struct erad_disk_history *h, enum erad_gap_kind kind, uint32_t era,
		     uint64_t time, const char *detail);

/*
 * A transaction on an open store: history_edit() returns a copy of the history that may be
 * changed; history_commit() makes it durable together with sb.  On failure nothing has
 * changed, and the edit is void.  Context: fold_lock, from the one to the other.
 */
struct erad_disk_history *history_edit(struct store *s);
int history_commit(struct store *s, struct erad_disk_super *sb);

/*
 * Gives old metadata, whose journal is read, room for a history: see erad_format.h.  Does
 * nothing if it has.  history_check_room() refuses, with EOVERFLOW and before anything
 * is written, a ring that is too small.  Context: open.
 */
int history_check_room(const struct engine *e, const struct erad_disk_super *sb, struct err *err);
int history_upgrade(struct store *s, struct err *err);

#endif /* ERAD_STORE_HISTORY_COPY_H */
