/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What eractl says about the initramfs of initramfs-tools. */
#ifndef ERACTL_INITRAMFS_H
#define ERACTL_INITRAMFS_H

/* The command that makes the initramfs again. */
#define INITRAMFS_UPDATE	"update-initramfs -u -k all"

/*
 * For attach and detach: if this machine has initramfs-tools, prints that the initramfs must be made
 * again.  The initramfs of Debian has a copy of LVM's configuration, and
 * udev's rules in the initramfs may activate a volume group that this configuration allows.
 */
void initramfs_note(const char *volume);

#endif /* ERACTL_INITRAMFS_H */
