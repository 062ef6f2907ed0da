/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The degrade record, for the files of the store.  store.h explains its meaning. */
#ifndef ERAD_STORE_DEGRADE_H
#define ERAD_STORE_DEGRADE_H

#include "store/state.h"

/* Reads the record into s->degrade, using s->super.  Only store_open() calls this. */
int store_read_degrade(struct store *s, struct err *err);

/* Returns whether the page of the record has something other than a record or zeros. */
bool degrade_damaged(const struct erad_disk_super *sb, const void *page);

/* Replaces a damaged record by a record that is in force.  Not durable.  Context: fold_lock, or open. */
int store_mend_degrade(struct store *s);

/* Clears the record, as store_clear_degraded() does, for metadata that no target uses. */
int store_end_degrade(struct store *s, struct err *err);

#endif /* ERAD_STORE_DEGRADE_H */
