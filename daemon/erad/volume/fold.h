/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fold thread of a volume: folds the journal into the array, and fills the store's pool of
 * memory for marks.
 */
#ifndef ERAD_FOLD_H
#define ERAD_FOLD_H

#include "common/err.h"

struct volume;

int fold_start(struct volume *v, struct err *err);
void fold_stop(struct volume *v);
/* Tells the thread to check whether the store needs a fold or memory.  Does not wait. */
void fold_ask(struct volume *v);

#endif /* ERAD_FOLD_H */
