/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The size of the tracked device, for the files of the store.  store.h describes store_resize(). */
#ifndef ERAD_STORE_RESIZE_H
#define ERAD_STORE_RESIZE_H

#include "store/state.h"

/*
 * If a resize has failed while it wrote the superblocks, the two superblocks may name different
 * sizes.  If so, writes both with the size in s->super.  Call this before anything is appended.
 * Context: journal_lock.
 */
int store_settle_size(struct store *s, struct err *err);

#endif /* ERAD_STORE_RESIZE_H */
