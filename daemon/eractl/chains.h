/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains in a directory of backups.  A chain is a full copy with all increments on it. */
#ifndef ERACTL_CHAINS_H
#define ERACTL_CHAINS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "eractl/manifest.h"

/*
 * Returns the number of increments that a restore of the copy `index` needs.  0: it is a full copy.
 */
unsigned int chains_increments(const struct manifest *m, int index);

/*
 * Removes the oldest chains, so that the `keep` newest good chains remain; keep is not 0.  The age
 * of a chain is the age of its newest copy.  A chain is good if manifest_check_copy() accepts all its
 * files.  contents true: their hashes must also be right, except the hash of the newest copy, which
 * the caller has just written.  A chain that is not good does not count, but remains if it is newer
 * than the oldest of the `keep` chains.  For such a chain, prints a note to stderr that names the
 * bad file.
 *
 * MANIFEST is replaced durably before the first file is removed.  The new MANIFEST contains a list
 * of the files that are to be removed: see chains_clean().  So if the process is killed at any
 * moment, all copies in MANIFEST can still be restored.  While a copy is being restored, removes
 * nothing, and prints a note.
 *
 * Adds the names of the files to the array `removed`, and their sizes to *bytes.  After
 * chains_remove_old(), indices of copies in m from before the call are not valid any more, even
 * after an error.
 */
int chains_remove_old(struct manifest *m, unsigned int keep, bool contents, struct json_object *removed, uint64_t *bytes,
		      struct err *err);

/*
 * Removes files that chains_remove_old() has put on the list in MANIFEST and that still exist, for
 * example because the process was killed.  Does nothing while a copy is being restored.
 */
int chains_clean(struct manifest *m, struct err *err);

#endif /* ERACTL_CHAINS_H */
