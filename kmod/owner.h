/* SPDX-License-Identifier: GPL-2.0-only */
/* The file descriptor of an instance's owner. */
#ifndef ERAD_OWNER_H
#define ERAD_OWNER_H

#include <linux/compiler.h>

/* Ioctl ATTACH: makes the caller the owner.  Returns the errors of the ioctl. */
int erad_owner_attach(void __user *arg);

#endif /* ERAD_OWNER_H */
