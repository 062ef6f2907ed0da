/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks a path that a command is about to overwrite, so that the command does not destroy a volume
 * of erad.
 */
#ifndef ERACTL_TARGET_CHECK_H
#define ERACTL_TARGET_CHECK_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Checks that there is no metadata of erad at the path.  EEXIST: there is metadata, even if it is
 * damaged or its volume is closed.  Writes nothing.
 */
int target_check_magic(const char *path, struct err *err);

/*
 * Checks that data may be written to the path, at which nothing need exist yet.  EEXIST, in two
 * cases.  In the first, the path is the origin or the metadata in a line of /etc/eratab, or is a
 * partition or the whole disk of one of these.  In the second, metadata of erad is at the path,
 * even if the metadata is damaged or its volume is closed.  EBUSY: another process has the metadata
 * open for writing.  The volume itself, /dev/mapper/NAME, is allowed.  Writes nothing, and keeps
 * nothing open or locked.
 */
int target_check_data(const char *path, struct err *err);

/*
 * Checks that a file may be created at the path, if nothing exists there yet.  ENODEV: the path is
 * below /dev, and not below /dev/shm.  The user probably means a device that is missing or has
 * another name, and a file below /dev would be in memory.
 */
int target_check_new(const char *path, struct err *err);

/*
 * Returns whether both paths lead to the same file or device.  If neither exists, returns whether a
 * file that is created at one path is at the other path, too.
 */
bool target_is_same(const char *a, const char *b);

/*
 * Checks that metadata may be written to the path.  EEXIST: a line of /etc/eratab names the path as
 * the origin.
 */
int target_check_metadata(const char *path, struct err *err);

#endif /* ERACTL_TARGET_CHECK_H */
