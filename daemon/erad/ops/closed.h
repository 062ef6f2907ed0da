/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the line in eratab and the metadata of a volume that may be closed. */
#ifndef ERAD_CLOSED_H
#define ERAD_CLOSED_H

#include "common/eratab.h"
#include "common/err.h"
#include "store/store.h"

/*
 * Reads eratab, and finds the volume's line.  ENOENT: there is no such line.  On success, the
 * caller frees the table.
 */
int op_find_entry(const char *name, struct eratab *tab, const struct eratab_entry **e,
		  struct err *err);

/* Returns 0 if eratab contains a line for the volume, and ENOENT if it contains none. */
int op_known(const char *name, struct err *err);

/*
 * Opens the metadata of a closed volume for reading.  eratab must contain a line for the volume.
 * The caller closes the store.  origin: NULL, or receives the number of the origin, or 0 if there is
 * no device at the path of the origin.
 *
 * EBUSY: another volume, which is open, has metadata with the same UUID.  EAGAIN: a target has the
 * UUID of the metadata, and no volume.  After erad was killed, the adopter may not have found this
 * target yet.  The metadata may then be in an era that the target has not begun, so a write of the
 * era before can complete later, and a diff since the newer era would not have the write.
 */
int op_open_closed(const char *name, struct store **out, dev_t *origin, struct err *err);

#endif /* ERAD_CLOSED_H */
