/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the lvm program, and asks it which devices LVM uses and how LVM is configured. */
#ifndef ERACTL_LVM_H
#define ERACTL_LVM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/*
 * What lvm has printed.  The output with the answer is kept apart from the errors with the
 * warnings, which come first and may be long.  Only the beginning of the output and the end of the
 * errors are kept.
 */
struct lvm_said {
	char out[1024], errors[1024];
};

/*
 * Runs the lvm program, which may wait for LVM's locks.  argv: its arguments, from "lvm" on, with a
 * NULL at the end.  Returns its exit code, or -1 if it was not started or was killed.
 */
int lvm_run(const char *const argv[], struct lvm_said *said);

/* As lvm_run(), with the file `held` as standard input, which lvm keeps open until it ends. */
int lvm_run_holding(const char *const argv[], int held, struct lvm_said *said);

/* Makes one line of the errors of lvm, or of its output if there are no errors, for an error message. */
const char *lvm_complaint(struct lvm_said *said);

/*
 * Finds the path below /dev by which LVM knows a block device.  path: may be relative, or a link
 * outside /dev.  ENODEV: the device has no node in /dev.
 */
int lvm_path(const char *path, char *device, size_t size, struct err *err);

/*
 * Finds out whether LVM uses the device as a physical volume.  Sets *uses to false if LVM's filter
 * or its file of devices rejects the device.  device: a path from lvm_path().  Waits for commands
 * of LVM that hold a lock, and for devices that hang.  EIO: the answer of lvm was not understood; err
 * contains the output of lvm.  ETIMEDOUT: lvm has not ended within so many seconds; 0: no limit.
 */
int lvm_uses(const char *device, unsigned int seconds, bool *uses, struct err *err);

/*
 * The volume group of a physical volume.  Both members are "" if the physical volume is in no
 * volume group.
 */
struct lvm_vg {
	char name[128];
	char uuid[33];		/* 32 characters without dashes */
};

/*
 * Asks LVM for the volume group of a physical volume, also if LVM's filter or its file of devices
 * rejects the device.  device: a path from lvm_path().
 */
int lvm_vg_of(const char *device, struct lvm_vg *vg, struct err *err);

/*
 * Checks whether attach may add its line to LVM's configuration.  EEXIST: the configuration
 * contains a filter, which the line would override, or uses a file of devices, with which the line
 * would have no effect; err says what to do instead.  EIO: lvm could not print its configuration.
 */
int lvm_check_filter(const char *pv, const char *name, struct err *err);

/*
 * Checks whether LVM takes its locks in the directory in which attach and detach take them.
 * EOPNOTSUPP: LVM's configuration names another directory, so commands of LVM could run during a
 * move.  EIO: lvm could not print its configuration.
 */
int lvm_check_locks(struct err *err);

#endif /* ERACTL_LVM_H */
