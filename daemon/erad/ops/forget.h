/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forgets volumes: removes them from eratab.  These functions may take long, and run in the thread
 * of the request.  Error messages do not name the volume, because the caller adds its name.
 */
#ifndef ERAD_FORGET_H
#define ERAD_FORGET_H

#include "common/err.h"
#include "common/protocol.h"
#include "common/uuid.h"

/* What is left of a volume that was forgotten. */
struct forgotten {
	/* Path of the metadata, or NULL if it is not known.  The caller frees it. */
	char *metadata;
	/* UUID of the metadata; "" if it cannot be read within 5 seconds. */
	char uuid[UUID_TEXT_SIZE];
	/*
	 * Another volume of eratab whose metadata has this UUID, or cannot be read.  "": there is
	 * no such volume.
	 */
	char same_uuid[ERAD_NAME_MAX + 1];
	/* Why the file that create made was not removed, if its file system does not answer; else "". */
	struct err kept;
};

/*
 * Removes the line of a closed volume from eratab.  Also removes the volume's metadata if it is the
 * file that create makes by default, and if no other line, open volume or live target uses the
 * file.  EEXIST: two lines name the volume.  On failure, *out contains neither a path nor a UUID.
 *
 * Does not remove the note of the newest token, because erad must not wait for the note's file
 * system.  eractl removes the note, by the UUID in *out.  The note stays if *out names another
 * volume with the same UUID: a clone and its original share the note.
 */
int op_forget(const char *name, struct forgotten *out, struct err *err);

/*
 * Forgets a volume as op_forget() does.  The caller must have claimed the name, and the volume must
 * not be open.
 */
int forget_claimed(const char *name, struct forgotten *out, struct err *err);

#endif /* ERAD_FORGET_H */
