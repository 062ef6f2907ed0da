/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file in which each standby of erad holds locks, and what other processes learn from it.
 * erad/base/standby.h explains the standbys, their generations, and the two locks of each standby.
 */
#ifndef ERAD_STANDBY_LOCK_H
#define ERAD_STANDBY_LOCK_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/protocol.h"

#define STANDBY_LOCK_FILE	ERAD_RUN_DIR "/standby.lock"

/*
 * Offsets of the two kinds of locks.  The byte at such an offset plus a generation stands for the
 * standby of this generation.
 */
#define STANDBY_PRESENT		0		/* locks of standbys that exist */
#define STANDBY_GOES_ON		(1ll << 32)	/* locks of standbys that have not begun to end */

/* Returns the description of nr bytes of this kind, from the generation `first` on. */
struct flock standby_lock_of(off_t kind, uint32_t first, uint32_t nr);

/*
 * Finds a lock on one of these bytes that another process holds.  Returns false if there is none.
 * If there are several, *l receives any of them.
 */
bool standby_lock_find(int fd, off_t kind, uint32_t first, uint32_t nr, struct flock *l);

/*
 * Returns the process of a standby that serves the volumes, or will serve them when its erad has
 * died, or 0 if there is none.  Considers the generations below `end`, and no standby that has
 * begun to end, has ended, or has been sent SIGTERM or SIGKILL.
 */
pid_t standby_lock_going_on(int fd, uint32_t end);

#endif /* ERAD_STANDBY_LOCK_H */
