/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes one line of eratab durably.  There are two kinds of failures.  In the first, the file is
 * unchanged.  In the second, the file contains the change, but the name of the new file could not
 * be made durable.  enum eratab_failed says what happens after a failure of the second kind.  The
 * error message says which line the file contains now, and which line it may contain after a power
 * cut.  Each function can be called again after a failure.
 *
 * These functions take no lock.  Error messages do not name the volume, because the caller adds its
 * name.
 */
#ifndef ERAD_ERATAB_CHANGE_H
#define ERAD_ERATAB_CHANGE_H

#include "common/eratab.h"

/* What happens to a change that was made and could not be made durable. */
enum eratab_failed {
	/*
	 * Write the old file again.  Afterwards, the caller ensures that its other steps agree with
	 * the old file.
	 */
	ERATAB_PUT_BACK,
	/*
	 * Keep the change, because the caller has already undone the steps that depend on the old
	 * line.
	 */
	ERATAB_KEEP,
};

/*
 * eratab_change_add() adds a line for e.  eratab_change_replace() replaces the line that names the
 * volume e->name.  eratab_change_remove() removes the line with this name.  They return 0 or a
 * negative errno, as eratab_read(), eratab_add(), eratab_replace(), eratab_remove() and
 * eratab_write() do.  eratab_change_add() acts as with ERATAB_PUT_BACK.
 */
int eratab_change_add(const char *file, const struct eratab_entry *e, struct err *err);
int eratab_change_replace(const char *file, const struct eratab_entry *e, enum eratab_failed how, struct err *err);
int eratab_change_remove(const char *file, const char *name, enum eratab_failed how, struct err *err);

#endif /* ERAD_ERATAB_CHANGE_H */
