/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the metadata file of an open volume is still where eratab has it. */
#ifndef ERAD_VOLUME_HOME_H
#define ERAD_VOLUME_HOME_H

#include "common/err.h"

struct store;
struct volume;

/*
 * Looks, and says what it finds in the log and in the volume's status: store_check_home().
 * May wait for a file system that hangs, so the volume thread must not call it while it
 * serves writes.
 */
int home_check(struct volume *v, struct store *s, struct err *err);

/* The same for an open volume, from any thread of a request; 0 if the store is not open. */
int home_check_open(struct volume *v, struct err *err);

/* Has the fold thread look, and waits for it, but not for long: for status, which answers always. */
void home_ask(struct volume *v);

#endif /* ERAD_VOLUME_HOME_H */
