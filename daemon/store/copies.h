/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of a metadata file.  erad makes such a copy when the file is deleted while its volume is
 * open.  A copy has a name of its own until it is complete.  A crash in between leaves the
 * incomplete copy behind, or a second name of the complete file.
 */
#ifndef ERAD_COPIES_H
#define ERAD_COPIES_H

#include <stdint.h>

/*
 * Suffix of the name of a copy, for mkostemp(): it follows the path of the metadata file.  Files
 * with such a name are removed.  So the suffix is one that no administrator chooses for a copy of
 * metadata.
 */
#define COPY_SUFFIX	".erad-rewrite-XXXXXX"

/*
 * Removes the copies of the file at path that crashes have left.  fd: this file, open for writing.
 * uuid: the UUID of its metadata.  Does not remove a file that is in use, or a file whose first
 * page is neither zeros nor a superblock with this UUID.  A file that cannot be removed is no
 * error.
 */
void copies_remove(const char *path, int fd, const uint8_t uuid[16]);

#endif /* ERAD_COPIES_H */
