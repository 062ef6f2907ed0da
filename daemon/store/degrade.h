/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The degrade record, for the files of the store.  store.h explains its meaning. */
#ifndef ERAD_STORE_DEGRADE_H
#define ERAD_STORE_DEGRADE_H

#include "store/state.h"

/* Reads the record into s->degrade, as s->super interprets it.  Only called by store_open(). */
int store_read_degrade(struct store *s, struct err *err);

/* Returns whether the content of the record's page is neither a record nor zeros. */
bool degrade_damaged(const struct erad_disk_super *sb, const void *page);

/*
 * If the record is damaged, writes a record that is in force in its place.  Not durable.  Context:
 * fold_lock, or open.
 */
int store_mend_degrade(struct store *s);

/* As store_clear_degraded(), for metadata that no target uses. */
int store_end_degrade(struct store *s, struct err *err);

#endif /* ERAD_STORE_DEGRADE_H */
