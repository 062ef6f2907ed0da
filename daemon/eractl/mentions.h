/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds configuration files that name the origin of a volume, and should name the volume instead.
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

#endif /* ERACTL_MENTIONS_H */
