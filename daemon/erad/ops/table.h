/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and changes the table of volumes, /etc/eratab.  Any thread may call these functions. */
#ifndef ERAD_TABLE_H
#define ERAD_TABLE_H

#include <stddef.h>

#include "common/eratab_change.h"

/* Reads the table.  On success, the caller frees the table with eratab_free(). */
int op_read_table(struct eratab *tab, struct err *err);

/*
 * Each of these functions makes one change, which is durable on return: see common/eratab_change.h.
 */
int table_add(const struct eratab_entry *e, struct err *err);
int table_replace(const struct eratab_entry *e, enum eratab_failed how, struct err *err);
int table_remove(const char *name, enum eratab_failed how, struct err *err);

/* Sets path to the path of the metadata file that create makes by default. */
void default_metadata(const char *name, char *path, size_t size);

#endif /* ERAD_TABLE_H */
