/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Appends to the journal, for the files of the store.  store.h describes marks and eras. */
#ifndef ERAD_STORE_APPEND_H
#define ERAD_STORE_APPEND_H

#include "store/state.h"

/*
 * Begins era `era`, as store_begin_era() does.  kind: the next fold makes a snapshot of this kind,
 * which shows everything before era `era`; SNAPSHOT_NONE: no snapshot.  checkpoint: whether to set
 * the time of the newest checkpoint, as store_checkpoint() does.
 */
int store_append_era(struct store *s, uint32_t era, enum snapshot_kind kind, bool checkpoint,
		     struct err *err);

#endif /* ERAD_STORE_APPEND_H */
