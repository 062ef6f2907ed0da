/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The size of the tracked device, for the files of the store: see store.h for store_resize(). */
#ifndef ERAD_STORE_RESIZE_H
#define ERAD_STORE_RESIZE_H

#include "store/state.h"

/*
 * Gives both superblocks the size that s->super has, if a resize has failed between the two.
 * To be called before anything is appended.  Context: journal_lock.
 */
int store_settle_size(struct store *s, struct err *err);

#endif /* ERAD_STORE_RESIZE_H */
