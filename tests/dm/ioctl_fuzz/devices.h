/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that load and remove tables, and that write, while the callers of ioctl_fuzz run. */
#ifndef ERAD_TESTS_DEVICES_H
#define ERAD_TESTS_DEVICES_H

#include <stdint.h>

#include "erad_uapi.h"

/* the UUID of a volume's metadata, without the last digit, which is the number of the device */
#define UUID		"7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e00"
#define SECTORS		131072		/* size of an origin in sectors: 64 MiB */
#define PAGE		4096

#define NR_DEVICES	2

/* Starts the threads.  disks: for each device an origin of SECTORS, and a disk for its metadata. */
void devices_start(char *const disks[2 * NR_DEVICES], uint64_t seed);

/*
 * Ends the threads and removes the devices.  If a thread waits for an owner, calls ABORT on the fd
 * `control`.  Returns how many tables were loaded.
 */
unsigned long devices_end(int control);

/* Calls LIST: writes at most cap entries to infos, and returns the number of all instances. */
uint32_t list(int control, struct erad_info *infos, uint32_t cap);

#endif /* ERAD_TESTS_DEVICES_H */
