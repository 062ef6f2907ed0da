/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds a regular file in the place of the node of a mapped device.  A program such as dd or a
 * backup creates this file if it writes to /dev/mapper/NAME while the device does not exist.  The
 * file is in memory, so it is lost at the next boot.  While the file exists, udev and libdevmapper
 * do not create the node, and programs write to the file and not to the device.
 */
#ifndef ERAD_MAPPER_FILE_H
#define ERAD_MAPPER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Returns whether a regular file is at /dev/mapper/NAME, and sets *bytes to its size.  Any thread
 * may call this.
 */
bool mapper_file_exists(const char *name, uint64_t *bytes);

/*
 * Returns -EEXIST if a regular file is at /dev/mapper/NAME.  If so, err says how to keep or remove
 * the file.
 */
int mapper_file_refuse(const char *name, struct err *err);

#endif /* ERAD_MAPPER_FILE_H */
