/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of a path that a command is about to overwrite, so that it does not destroy a volume of erad. */
#ifndef ERACTL_TARGET_CHECK_H
#define ERACTL_TARGET_CHECK_H

#include "common/err.h"

/*
 * Checks that data may be written to the path, where there may be nothing yet.  EEXIST: a line of
 * /etc/eratab names the path as an origin or as metadata, or metadata of erad is there, also if it is
 * damaged or its volume is closed.  EBUSY: another process has the metadata there open for writing.  The volume
 * itself, /dev/mapper/NAME, is allowed.  Writes nothing, and keeps nothing open or locked.
 */
int target_check_data(const char *path, struct err *err);

/*
 * Checks that a file may be made at the path, unless there is something already.  ENODEV: the path is
 * below /dev: the user means a device, which is missing, or whose name is wrong.  A file there would
 * be in memory.  /dev/shm is allowed.
 */
int target_check_new(const char *path, struct err *err);

/*
 * Checks that metadata may be written to the path.  EEXIST: a line of /etc/eratab names the path as
 * an origin.
 */
int target_check_metadata(const char *path, struct err *err);

#endif /* ERACTL_TARGET_CHECK_H */
