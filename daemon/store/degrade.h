/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The degrade record, for the files of the store: see store.h for what it stands for. */
#ifndef ERAD_STORE_DEGRADE_H
#define ERAD_STORE_DEGRADE_H

#include "store/state.h"

/* Reads the record into s->degrade, with what s->super says.  Only while the store is opened. */
int store_read_degrade(struct store *s, struct err *err);

/* Whether what the record's page says is neither a record nor zeros. */
bool degrade_damaged(const struct erad_disk_super *sb, const void *page);

/* Puts a record in force in the place of a damaged one, if there is one.  Not durable.  Context: fold_lock, or open. */
int store_mend_degrade(struct store *s);

/* As store_clear_degraded(), for metadata that no target uses. */
int store_end_degrade(struct store *s, struct err *err);

#endif /* ERAD_STORE_DEGRADE_H */
