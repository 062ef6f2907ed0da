/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The newest token of each volume that eractl has received from erad, kept outside of the metadata:
 * a file for each volume, ERAD_SEEN_DIR/UUID.  If the metadata does not know this token, there are
 * two possible causes: the metadata was replaced by an older copy, or the volume is a copy of the
 * volume that the file is about, with the same UUID.
 *
 * eractl writes and removes the file, and erad only reads it, in another process.  If a thread of
 * erad waited for a file system on a volume, erad could not end, and the file system would wait for
 * erad.
 *
 * An era is durable in the metadata before erad sends its token to anybody.  So after a crash, the
 * file may be older than the metadata, but never newer.  The file is not flushed: after a power cut
 * it may contain an older token, or be missing.
 *
 * All functions return 0 or a negative errno.
 */
#ifndef ERAD_SEEN_H
#define ERAD_SEEN_H

#include <stdint.h>

#include "common/protocol.h"
#include "common/token.h"

#define ERAD_SEEN_DIR	ERAD_LIB_DIR "/seen"

/*
 * Reads the token of the volume.  ENOENT: there is no token.  EINVAL: the file contains no token of
 * this volume.
 */
int seen_read(const char *dir, const uint8_t uuid[16], struct token *t);

/*
 * Writes the token, unless the file contains a token of the same era or of a newer era.  Creates
 * the directory if it is missing.  A reader finds either the old token or the new token.  Several
 * processes may call this at the same time.  Waits as long as the file system takes.
 */
int seen_write(const char *dir, const struct token *t);

/* Removes the file of the volume, if it exists, and then the directory if it is empty. */
int seen_remove(const char *dir, const uint8_t uuid[16]);

#endif /* ERAD_SEEN_H */
