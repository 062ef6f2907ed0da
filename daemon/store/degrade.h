/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The degrade record, for the files of the store.  store.h explains what the record means. */
#ifndef ERAD_STORE_DEGRADE_H
#define ERAD_STORE_DEGRADE_H

#include "store/state.h"

/* Reads the record into s->degrade, using s->super.  Only store_open() calls this. */
int store_read_degrade(struct store *s, struct err *err);

/* Returns whether the first sector of the page is neither zeros nor a valid record. */
bool degrade_damaged(const struct erad_disk_super *sb, const void *page);

/*
 * Replaces a damaged record by a record that is in force.  Not durable before a flush.  Context:
 * fold_lock, or open.
 */
int store_mend_degrade(struct store *s);

/* Clears the record, as store_clear_degraded() does, for metadata that no target uses. */
int store_end_degrade(struct store *s, struct err *err);

#endif /* ERAD_STORE_DEGRADE_H */
