/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes reject patterns to LVM's configuration.  A reject pattern makes LVM ignore a physical
 * volume that lies below a volume.  Two lines of LVM_FILTER_FILE belong to erad: a comment, and a
 * line that sets global_filter to one pattern for each of these physical volumes.  All other lines
 * stay unchanged.
 */
#ifndef ERAD_LVM_FILTER_H
#define ERAD_LVM_FILTER_H

#include <stddef.h>

#include "common/err.h"

/* LVM reads this file after lvm.conf, so a value here overrides a value in lvm.conf. */
#define LVM_FILTER_FILE	"/etc/lvm/lvmlocal.conf"

/*
 * Writes to `line` the line that a user would add to lvm.conf to reject the physical volume at
 * path.
 */
void lvm_filter_line(const char *path, char *line, size_t size);

/*
 * lvm_filter_add() adds the pattern for the path of a physical volume; lvm_filter_remove() removes
 * it.  The change is durable, and is one step: after a crash, there is the old file or the new
 * file.  Any thread or process may call these.  If the file is a symbolic link, its target is
 * changed, and the link stays.
 *
 * Both return 1 if the file was changed, 0 if the file already was as requested, or a negative
 * errno.  EINVAL: the path contains a character that a pattern cannot contain.  ENOENT: the file is
 * a symbolic link that leads to no file.  EBUSY: another process has locked the directory of the
 * file for ten seconds.  If the new file is in its place, but its name cannot be made durable, the
 * result is an error although the file has changed: see file_replace().
 */
int lvm_filter_add(const char *file, const char *path, struct err *err);
int lvm_filter_remove(const char *file, const char *path, struct err *err);

/*
 * lvm_filter_ours() returns 1 if the file contains erad's line, or 0 if it does not.
 * lvm_filter_has() returns 1 if erad's line contains the pattern for the path, or 0 if it does not.
 * Both return a negative errno if the file cannot be read.  A file that does not exist contains no
 * line.
 */
int lvm_filter_ours(const char *file, struct err *err);
int lvm_filter_has(const char *file, const char *path, struct err *err);

#endif /* ERAD_LVM_FILTER_H */
