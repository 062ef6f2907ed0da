/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forgets volumes: removes them from eratab.  This may take long, and runs in the thread of the
 * request.  Error sentences do not name the volume: the caller adds its name.
 */
#ifndef ERAD_FORGET_H
#define ERAD_FORGET_H

#include "common/err.h"
#include "common/uuid.h"

/* What is left of a volume that was forgotten. */
struct forgotten {
	char *metadata;			/* path of the metadata, or NULL if it is not known; the caller frees it */
	char uuid[UUID_TEXT_SIZE];	/* UUID of the metadata; "" if the metadata does not tell it within 5 seconds */
};

/*
 * Removes the line of a closed volume from eratab.  Also removes the volume's metadata if both
 * conditions are true: the metadata is the file that create makes by default, and no other line,
 * open volume or live target uses the file.  EINVAL: two lines name the volume.  Does not
 * remove the note of the newest token, because erad must not wait for the note's file system: eractl
 * removes the note, by the UUID in *out.  On failure, *out has neither a path nor a UUID.
 */
int op_forget(const char *name, struct forgotten *out, struct err *err);

/* Forgets a volume as op_forget() does.  The caller has claimed the name, and the volume is not open. */
int forget_claimed(const char *name, struct forgotten *out, struct err *err);

#endif /* ERAD_FORGET_H */
