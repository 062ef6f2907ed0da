/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decides whether a copy is a full copy, or an increment, and on which earlier copy. */
#ifndef ERACTL_BACKUP_BASE_H
#define ERACTL_BACKUP_BASE_H

#include "eractl/backup.h"

/* Makes the copy a full copy.  why: the reason, for MANIFEST and for the result. */
void backup_make_full(struct backup *b, const char *why);

/*
 * Finds the newest copy that is good.  With --verify, reads its chain.  If there is no good copy,
 * makes this copy a full copy.
 */
void backup_find_base(struct backup *b);

/*
 * Decides whether this copy is a full copy, or an increment on the copy that backup_find_base() has
 * found, or an increment on an earlier copy of the same chain.  Sets b->already if no copy is
 * needed.  b->copy.token must be set.
 */
void backup_choose_base(struct backup *b);

#endif /* ERACTL_BACKUP_BASE_H */
