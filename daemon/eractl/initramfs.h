/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What eractl says about the initramfs of initramfs-tools.  The initramfs of Debian contains a copy
 * of LVM's configuration, and udev's rules in the initramfs may activate a volume group that this
 * configuration allows.
 */
#ifndef ERACTL_INITRAMFS_H
#define ERACTL_INITRAMFS_H

#include "eractl/findings.h"

/* The command that makes the initramfs again. */
#define INITRAMFS_UPDATE	"update-initramfs -u -k all"

/*
 * For attach and detach: if this machine has initramfs-tools, prints that the initramfs must be made
 * again.
 */
void initramfs_note(const char *volume);

/*
 * For doctor, and a volume whose origin is a physical volume of LVM: if this machine has
 * initramfs-tools, reports each initramfs of an installed kernel that is older than LVM's
 * configuration.  The copy of the configuration in this initramfs may let the next boot activate
 * the volume group on the origin.  Does not look into the initramfs, because unpacking takes long.
 * So an initramfs that is newer, but was made by other means or without LVM's configuration, is not
 * noticed.
 */
void initramfs_check(struct findings *f, const char *volume);

#endif /* ERACTL_INITRAMFS_H */
