/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains in a directory of backups: a full copy with all increments on it is a chain. */
#ifndef ERACTL_CHAINS_H
#define ERACTL_CHAINS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "eractl/manifest.h"

/* Returns how many increments it takes to restore the copy `index`; 0: it is a full copy. */
unsigned int chains_increments(const struct manifest *m, int index);

/*
 * Removes the oldest chains, so that the `keep` newest good ones remain; keep is not 0.  The age of
 * a chain is that of its newest copy.  A chain is good if all its files exist and have the sizes
 * that MANIFEST says.  contents: also their hashes must be right, except that of the newest copy,
 * which the caller has just written.  A chain that is not good is not counted: a note on stderr
 * names its file.
 *
 * MANIFEST is replaced durably before the first file is removed, and has a list of the files that
 * are to be removed: see chains_clean().  So a kill at any moment leaves a directory in which all
 * copies of MANIFEST can be restored.  Removes nothing, and prints a note, while a copy is
 * restored.
 *
 * Adds the names of the files to the array `removed`, and their sizes to *bytes.  After an error,
 * indices of copies in m from before this call are not valid either.
 */
int chains_remove_old(struct manifest *m, unsigned int keep, bool contents, struct json_object *removed, uint64_t *bytes,
		      struct err *err);

/*
 * Removes the files that chains_remove_old() has taken out of MANIFEST, and that still exist, for
 * example because it was killed.  Does nothing while a copy is restored.
 */
int chains_clean(struct manifest *m, struct err *err);

#endif /* ERACTL_CHAINS_H */
