/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings a copy on the export of an NBD server up to date, in place.
 *
 * The moment of the copy is in a state file beside the volume (standing.h), because an export has no
 * place for it: a bookmark in the metadata would go back with metadata that is put back from an older
 * copy, and could not contain the hashes that show whether the export still contains the copy.
 *
 * The order of steps:
 *  1. Compare the export with the state.
 *  2. Take a seal of the volume.  Note durably in the state this seal, and that the copy is between
 *     two moments: the base and the new moment.
 *  3. Write, flush, and read back what was written.
 *  4. Compare the export with the volume at the places of the seal.
 *  5. Note durably in the state that the copy has the new moment.
 *
 * After a failure from step 2 on, the state still names the base.  The next increment on this base
 * contains all blocks that were written to the export, because these are blocks that were written
 * since the base.
 */
#ifndef ERACTL_BACKUP_NBD_H
#define ERACTL_BACKUP_NBD_H

#include "eractl/backup.h"

/*
 * Makes the copy at b->target, a URI; b->state is the path of the state file.  The caller ends the
 * freeze, drops the image, and closes the content, also after an error.
 */
int backup_to_nbd(struct backup *b, struct err *err);

#endif /* ERACTL_BACKUP_NBD_H */
