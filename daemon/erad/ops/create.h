/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ops.c and create.c share. */
#ifndef ERAD_CREATE_H
#define ERAD_CREATE_H

#include <stddef.h>

#include "common/eratab.h"
#include "erad/volume/volume.h"

/* The path of the file that create makes by default. */
void default_metadata(const char *name, char *path, size_t size);

/* One change of the table, written durably. */
int table_add(const struct eratab_entry *e, struct err *err);
int table_remove(const char *name, struct err *err);

/* Opens a volume whose name the caller has claimed and that is in no registry; see op_open(). */
int open_claimed(const struct eratab_entry *e, struct volume **out, struct err *err);

#endif /* ERAD_CREATE_H */
