/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices metadata that was restored from an older copy, and clones with the same UUID: see
 * common/seen.h.
 */
#ifndef ERAD_ROLLED_BACK_H
#define ERAD_ROLLED_BACK_H

#include "common/err.h"

struct volume;

/*
 * Records a gap if the metadata does not know the newest token that eractl has noted, unless every
 * block counts as written in the era of this token anyway.  First begins this era in the metadata,
 * if the metadata has not reached it.  So every noted era lies within the gap, and no noted era
 * begins a second time.  If eratab has gap=refuse, fails instead, and changes nothing.
 *
 * If the file system of the note does not answer within 5 seconds, logs this and returns 0: the
 * open of a volume must not wait for another file system.
 *
 * Context: the thread that opens the volume.  The volume has its store, and no volume thread yet.
 */
int rolled_back_check(struct volume *v, struct err *err);

#endif /* ERAD_ROLLED_BACK_H */
