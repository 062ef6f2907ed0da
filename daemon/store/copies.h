/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of a metadata file, which are made when the file was deleted while its volume was open.
 *
 * A copy has a name of its own until it is complete.  A crash meanwhile leaves the copy behind, or
 * leaves a second name of the complete file.
 */
#ifndef ERAD_COPIES_H
#define ERAD_COPIES_H

#include <stdint.h>

/*
 * Follows the path of the metadata file in the name of a copy.  For mkostemp().  No administrator gives a copy of
 * the metadata such a name: files of this name are removed.
 */
#define COPY_SUFFIX	".erad-rewrite-XXXXXX"

/*
 * Removes what crashes have left of copies of the file at path, which is open as fd for writing.  uuid: that
 * of its metadata.  Leaves every file that is in use, and every file whose first page is neither zeros
 * nor a superblock of this metadata.  A file that cannot be removed is left, without an error.
 */
void copies_remove(const char *path, int fd, const uint8_t uuid[16]);

#endif /* ERAD_COPIES_H */
