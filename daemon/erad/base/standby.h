/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The standby: a second process of erad, in locked memory.  If the first process dies, the standby
 * serves the volumes until another erad has been started.
 *
 * Starting erad takes memory.  If there is swap on a volume, the kernel may have to write memory to
 * that volume before any memory is free, and this write waits while no erad serves the volume.  So
 * the second process must exist before the first one dies.  erad (the *main* process) forks the
 * standby when its memory is locked and its BPF programs are loaded, and before it creates threads.
 *
 *	main process					standby
 *	standby_fork()					standby_fork()
 *	  opens what it will need, locks its memory
 *	standby_await()			<-- resident	standby_wait()
 *	standby_relieve()				|
 *	  serves the volumes				| waits for the end of the main process
 *	dies for any reason		-->	serves the volumes
 *
 *	the next main process, up to standby_relieve()	|
 *	standby_relieve()		-- SIGTERM -->	closes the volumes, ends
 *	  serves the volumes
 *
 * The locks: a main process has an flock on /run/erad/erad.lock, so that there is only one, and
 * increments the generation in that file.  A standby has POSIX locks on two bytes of
 * /run/erad/standby.lock, whose offsets depend on the generation: on the first byte from its birth
 * to its end, on the second from its birth until it begins to end.  standby_relieve() finds the
 * process by the first lock.  By the second lock, standby_wait() finds out whether an earlier
 * standby goes on.
 *
 * These locks do not prevent two processes from serving one volume.  ATTACH and the lock of the
 * metadata prevent it.
 */
#ifndef ERAD_STANDBY_H
#define ERAD_STANDBY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* What the main process tells its standby about a volume that it has open. */
struct heirloom {
	const char *name, *origin, *metadata;
	uint8_t uuid[16];
	dev_t dev, meta_dev;
	bool may_format;
};

/*
 * Increments the generation in the file that this main process has locked.  Call this before all
 * other functions.  Returns 0 or a negative errno.  After an error, this main process must have no
 * standby: the next standby would have the same generation.
 */
int standby_generation(int lock_fd);

/*
 * Forks the standby.  Call this before there are threads.  Returns in both processes.  The standby
 * creates the threads for nr_targets volumes before it is resident.  If the call fails, erad goes
 * on without a standby.
 */
int standby_fork(unsigned int nr_targets, struct err *err);

/* Returns true in the standby, false in the main process. */
bool standby_is_me(void);

/* For the main process: waits until the standby is resident.  ECHILD: the standby has ended instead. */
int standby_await(struct err *err);

/*
 * Ends every standby of an earlier generation, whether it serves volumes or not, and waits until
 * each has ended.  The main process calls this, or the standby after standby_wait().  A standby
 * that has not ended after 12 seconds is killed.  A standby that still exists 2 seconds after that
 * is left alone, with a warning; erad attaches to its volumes when it has ended.
 */
void standby_relieve(void);

/*
 * For the standby: call this when it begins to end, so that no later standby relies on it.  Does
 * nothing in a main process.
 */
void standby_stops(void);

/*
 * For the main process: kills the standby and waits for its end.  Call this before the main process
 * ends on purpose.
 */
void standby_end(void);

/*
 * For the main process: returns a pidfd of the standby, which is readable when the standby has
 * ended, or -1 if there is no standby.
 */
int standby_fd(void);
/* For the main process: reaps the standby.  Call this when standby_fd() is readable. */
void standby_has_ended(void);

/* For any thread of the main process: returns the standby's pid, or 0 if there is no standby. */
pid_t standby_pid(void);

/*
 * For any thread: returns "serves" if this process is a standby that serves the volumes, "ready" if
 * this process has a standby, else "none".
 */
const char *standby_state(void);

/*
 * For the standby: reports that it is resident, and waits for the death of the main process.
 * During the wait, it keeps as much heap and as many threads ready as the main process has, and
 * SIGTERM ends it.
 *
 * Exits if the main process has died before its standby_relieve(), and the standby of an earlier
 * main process goes on serving the volumes.  An earlier standby that was told to end does not
 * count: then this function returns, and this process serves the volumes when that standby has
 * ended.
 */
void standby_wait(void);

/*
 * For one thread at a time of the main process: tell the standby which volumes are open.  Call
 * heirlooms_begin(), then heirlooms_put() for each volume, then heirlooms_commit(); the former list
 * is valid until the commit.  Without a standby, these functions do nothing.  If a volume does not
 * fit into the list, the standby finds it in the boot table.
 */
void heirlooms_begin(void);
void heirlooms_put(const struct heirloom *h);
void heirlooms_commit(void);

/*
 * For any thread of the main process: requests that the standby makes its heap as large as that of
 * this process.
 */
void standby_needs_heap(void);

/* For the standby after standby_wait(): calls fn for each volume of the list. */
void heirlooms_each(void (*fn)(const struct heirloom *h));

#endif /* ERAD_STANDBY_H */
