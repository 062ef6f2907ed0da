/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes one line of eratab durably.  A failure has one of two forms.  The file may be as before.
 * Or the file has the change, and only the name of the new file could not be made durable.  The
 * caller chooses what happens in the second form.  The error sentence says which line the file has
 * then, and which one it may have after a power cut.  Each function can be called again after a
 * failure.
 *
 * These functions take no lock.  Error sentences do not name the volume: the caller adds its name.
 */
#ifndef ERAD_ERATAB_CHANGE_H
#define ERAD_ERATAB_CHANGE_H

#include "common/eratab.h"

/* What happens to a change that is made, but not durable. */
enum eratab_failed {
	/*
	 * write the file again as it was before: the caller keeps, or undoes, what the line needs
	 */
	ERATAB_PUT_BACK,
	/* keep the change: the caller has already removed what the old line needs */
	ERATAB_KEEP,
};

/*
 * Adds a line, replaces the line that names the volume, or removes this line.  Returns 0 or a
 * negative errno, as eratab_add(), eratab_replace(), eratab_remove() and eratab_write() do.
 * eratab_change_add() puts the file back if the change is not durable.
 */
int eratab_change_add(const char *file, const struct eratab_entry *e, struct err *err);
int eratab_change_replace(const char *file, const struct eratab_entry *e, enum eratab_failed how, struct err *err);
int eratab_change_remove(const char *file, const char *name, enum eratab_failed how, struct err *err);

#endif /* ERAD_ERATAB_CHANGE_H */
