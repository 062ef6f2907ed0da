/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds configuration files that name the origin of a volume and should name the volume, or name a
 * volume that does not exist any more and should name its origin.
 */
#ifndef ERACTL_MENTIONS_H
#define ERACTL_MENTIONS_H

#include <stddef.h>

/*
 * Looks for the origin in fstab, crypttab, systemd's units of mounts and swap, and LVM's
 * configuration, by path, UUID, label, partition UUID and partition label.  For each line that
 * names the origin, prints to stderr the line that names the volume instead.  If the origin is a
 * physical volume that LVM may use, also prints how to hide the origin from LVM.  given: a further
 * path of the origin, or NULL.  Returns how many changes it has printed.
 */
size_t mentions_warn(const char *volume, const char *origin, const char *given);

/*
 * Looks for the volume in fstab, crypttab, and systemd's units of mounts and swap.  For each line
 * that names the volume by its path in /dev/mapper, prints to stderr the line that names the origin
 * instead.
 */
void mentions_warn_forgotten(const char *volume, const char *origin);

#endif /* ERACTL_MENTIONS_H */
