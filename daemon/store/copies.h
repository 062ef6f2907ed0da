/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of a metadata file.  When the file is deleted while its volume is open, erad writes a copy
 * of its content.  The copy has another name until it is complete; then erad renames it.  A crash
 * may leave the incomplete copy behind.  A crash during the rename may leave a second name of the
 * complete file.
 */
#ifndef ERAD_COPIES_H
#define ERAD_COPIES_H

#include <stdint.h>

/*
 * Suffix of the name of a copy, after the path of the metadata file, for mkostemp().  erad removes
 * files with this suffix, so the suffix must be one that no administrator chooses for a copy of
 * metadata.
 */
#define COPY_SUFFIX	".erad-rewrite-XXXXXX"

/*
 * Removes the copies of the file at path that were left by crashes.  fd: the file at path, open for
 * writing.  uuid: the UUID of its metadata.  Does not remove a file that is in use, or a file whose
 * first sector is neither zeros nor a superblock with this UUID.  Does not remove a file that has
 * several names, except a second name of the file at path.  Ignores a file that cannot be removed.
 */
void copies_remove(const char *path, int fd, const uint8_t uuid[16]);

#endif /* ERAD_COPIES_H */
