/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits for commands of LVM that may have read LVM's configuration before it was changed. */
#ifndef ERACTL_LVM_COMMANDS_H
#define ERACTL_LVM_COMMANDS_H

#include "common/err.h"

/*
 * Waits for the end of every process that runs the program lvm at the time of the call.  Does not
 * wait for programs that call LVM's library, for example dmeventd.  These programs never end, but
 * before each command, the library reads the configuration again if the configuration has changed.
 * Returns 0 or a negative errno.  ETIMEDOUT: a process has not ended within `seconds`; err names
 * the process.
 */
int lvm_commands_wait(unsigned int seconds, struct err *err);

#endif /* ERACTL_LVM_COMMANDS_H */
