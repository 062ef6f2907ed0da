/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks whether the metadata file of an open volume is still at its path in eratab. */
#ifndef ERAD_VOLUME_HOME_H
#define ERAD_VOLUME_HOME_H

#include "common/err.h"

struct store;
struct volume;

/*
 * Calls store_check_home(), and reports the result in the log and in the volume's status.  May wait
 * for a file system that hangs, so the volume thread must not call this while it serves writes.
 */
int home_check(struct volume *v, struct store *s, struct err *err);

/* Calls home_check() in the thread of a request.  Returns 0 if the store is not open. */
int home_check_open(struct volume *v, struct err *err);

/*
 * Asks the fold thread to call home_check(), and waits for the result only a short time, because
 * status must always answer.
 */
void home_ask(struct volume *v);

#endif /* ERAD_VOLUME_HOME_H */
