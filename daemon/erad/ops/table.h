/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of volumes, /etc/eratab, for all that happens to volumes.  Any thread. */
#ifndef ERAD_TABLE_H
#define ERAD_TABLE_H

#include <stddef.h>

#include "common/eratab.h"

/* Reads the table; the caller frees it. */
int op_read_table(struct eratab *tab, struct err *err);

/* One change of the table, written durably. */
int table_add(const struct eratab_entry *e, struct err *err);
int table_remove(const char *name, struct err *err);

/* The path of the file that create makes by default. */
void default_metadata(const char *name, char *path, size_t size);

#endif /* ERAD_TABLE_H */
