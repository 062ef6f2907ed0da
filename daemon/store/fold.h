/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fold, for the files of the store that hold fold_lock.  store.h describes store_fold(). */
#ifndef ERAD_STORE_FOLD_H
#define ERAD_STORE_FOLD_H

#include "store/state.h"

/*
 * Moves the current content of the journal into the era array, as store_fold() does.  Context:
 * fold_lock.
 */
int store_fold_locked(struct store *s, struct err *err);

/*
 * Makes durable copies, for the snapshot, of the array pages that contain blocks of o.  Leaves out
 * pages that already have a copy.  Does nothing if there is no snapshot.  a: the array as it will
 * be after the change.  Context: fold_lock.
 */
int store_save_pages(struct store *s, struct array *a, const struct overlay *o, struct err *err);

#endif /* ERAD_STORE_FOLD_H */
