/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes on under the callers of ioctl_fuzz: devices whose tables come and go, and writers to them. */
#ifndef ERAD_TESTS_DEVICES_H
#define ERAD_TESTS_DEVICES_H

#include <stdint.h>

#include "erad_uapi.h"

#define UUID		"7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e00"	/* and a digit */
#define SECTORS		131072		/* 64 MiB */
#define PAGE		4096

#define NR_DEVICES	2

/* Starts the threads.  disks: for each device an origin of SECTORS, and a disk for its metadata. */
void devices_start(char *const disks[2 * NR_DEVICES], uint64_t seed);

/* Ends them, by ABORT on the node control where one waits for an owner, and removes the devices; how many tables were loaded. */
unsigned long devices_end(int control);

/* LIST: at most cap entries to infos, returns how many there are. */
uint32_t list(int control, struct erad_info *infos, uint32_t cap);

#endif /* ERAD_TESTS_DEVICES_H */
