/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What erad knows of a volume that need not be open: its line in the table, its metadata. */
#ifndef ERAD_CLOSED_H
#define ERAD_CLOSED_H

#include "common/eratab.h"
#include "common/err.h"
#include "store/store.h"

/* Reads the table, and finds the volume's line in it, or ENOENT; the caller frees the table unless this fails. */
int op_find_entry(const char *name, struct eratab *tab, const struct eratab_entry **e,
		  struct err *err);

/* 0 if the volume has a line in the table, or ENOENT. */
int op_known(const char *name, struct err *err);

/* The metadata of a closed volume that is in the table, for reading; the caller closes it. */
int op_open_closed(const char *name, struct store **out, struct err *err);

#endif /* ERAD_CLOSED_H */
