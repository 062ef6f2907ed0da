/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and changes the table of volumes, /etc/eratab.  Any thread may call these functions. */
#ifndef ERAD_TABLE_H
#define ERAD_TABLE_H

#include <stddef.h>

#include "common/eratab_change.h"
#include "common/err.h"

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

/*
 * Makes ERAD_LIB_DIR, unless it exists.  ETIMEDOUT: the file system there has not taken a write
 * within ms milliseconds.  Call this without locks, and before a file is made in this directory.
 */
int lib_dir_make(unsigned int ms, struct err *err);

#endif /* ERAD_TABLE_H */
