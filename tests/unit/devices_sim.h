/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for sysfs, the mount table, the swap table, device nodes, and udev's database.
 *
 * Between devices_begin() and devices_end(), the functions that this file replaces find absolute
 * paths in a temporary directory, which contains only the files that a test has added.  A program
 * that links this file needs the linker's --wrap for each __wrap_ function of devices_sim.c.
 */
#ifndef ERAD_TEST_DEVICES_SIM_H
#define ERAD_TEST_DEVICES_SIM_H

#include <stdbool.h>
#include <sys/types.h>

/* A directory whose file system hangs: a look-up in it fails the test. */
#define DEVICES_HUNG	"/mnt/hung/"

void devices_begin(void);
void devices_end(void);

/*
 * devices_busy_opens: how many further opens with O_EXCL fail with EBUSY. devices_unlocked_looks:
 * how many further looks for the lock of common/reader_lock.h find no lock. devices_reader: the
 * process that later looks find as the owner of the lock, or 0.
 */
extern unsigned int devices_busy_opens, devices_unlocked_looks;
extern pid_t devices_reader;

/*
 * Adds a block device, and its node below /dev.  name: the kernel's name of the device.  disk: the
 * disk of a partition, else NULL.
 */
void devices_add(const char *name, const char *disk, dev_t dev);
/* Puts the device `upper` on the device `lower`, as device-mapper and md do. */
void devices_stack(const char *upper, const char *lower);
/*
 * Appends text to a file.  Makes the file and the directories above it if they do not exist.
 * stat() and statx() do not find this file.
 */
void devices_write(const char *path, const char *text);
/* Puts a directory in the place of a file, so that the file can be opened, and cannot be read. */
void devices_unreadable(const char *path);
/* Removes a file, as the kernel does when it removes a device. */
void devices_removed(const char *path);
/* Puts a file in the place of an empty directory, so that opendir() fails. */
void devices_no_directory(const char *path);
/*
 * Adds a file, or a directory if the path ends with a slash.  dev and ino: st_dev and st_ino.
 * mount: id of the mount.  in_memory: the file system is a tmpfs.
 */
void devices_file(const char *path, dev_t dev, ino_t ino, unsigned int mount, bool in_memory);
/* Adds a node of a block device. */
void devices_node(const char *path, dev_t rdev);
/*
 * Sets the only device in udev's database.  serial: its ID_SERIAL, or NULL if it has no serial
 * number.  The device has no links yet.
 */
void devices_udev(dev_t dev, const char *serial);
/* Adds a link to the device in udev's database.  The link leads to the device `to`. */
void devices_link(const char *path, dev_t to);

#endif /* ERAD_TEST_DEVICES_SIM_H */
