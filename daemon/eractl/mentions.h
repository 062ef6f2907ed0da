/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the files of the system that name the origin of a volume, where they should name the volume. */
#ifndef ERACTL_MENTIONS_H
#define ERACTL_MENTIONS_H

#include <stddef.h>

/*
 * Looks for the origin in fstab, crypttab, systemd's units of mounts and swap, and LVM's configuration, by path, UUID,
 * label, partition UUID and partition label.  Prints to stderr, for each line that names the origin, the line that names
 * the volume instead.  given: a further path of the origin, or NULL.  Returns the number of such lines.
 */
size_t mentions_warn(const char *volume, const char *origin, const char *given);

#endif /* ERACTL_MENTIONS_H */
