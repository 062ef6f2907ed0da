/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The standby: a second process of erad, in locked memory.  If the first process dies, the standby
 * serves the volumes until another erad has been started.
 *
 * Starting erad takes memory.  If there is swap on a volume, the kernel may have to write memory to
 * that volume before any memory is free, and this write waits while no erad serves the volume.  So
 * the process that goes on must exist before.  erad (the *main* process) forks the standby when its
 * memory is locked and its BPF programs are loaded, and before it creates threads.
 *
 *	main process					standby
 *	standby_fork()					standby_fork()
 *							opens what it will need, locks its memory
 *	standby_await()			<-- resident	standby_wait()
 *	standby_relieve()				|
 *	serves the volumes				| waits for the end of the main process
 *	dies, however that happens		-->	serves the volumes
 *
 *	the next main process, up to standby_relieve()	|
 *	standby_relieve()		-- SIGTERM -->	lets go of the volumes, ends
 *	serves the volumes
 *
 * The locks: a main process has an flock on /run/erad/erad.lock, so that there is only one, and
 * increments the generation in that file.  A standby has POSIX locks on two bytes of
 * /run/erad/standby.lock, whose offsets depend on the generation: on the first byte from its birth to its
 * end, on the second from its birth until it begins to end.  standby_relieve() finds the process by the
 * first lock.  By the second lock, standby_wait() finds out whether an earlier standby goes on.  These
 * locks are not what keeps two processes from serving one volume: ATTACH and the lock of the metadata do.
 */
#ifndef ERAD_STANDBY_H
#define ERAD_STANDBY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* A volume that the main process has open, described for its standby. */
struct heirloom {
	const char *name, *origin, *metadata;
	uint8_t uuid[16];
	dev_t dev, meta_dev;
	bool may_format;
};

/*
 * Increments the generation in the file that this main process has locked.  Call this before all
 * other functions.  Returns 0 or a negative errno.  After an error this main process must have no
 * standby, because the next standby would have the same generation.
 */
int standby_generation(int lock_fd);

/*
 * Forks the standby.  Call this before there are threads.  Returns in both processes.  The standby
 * creates the threads for nr_targets volumes before it is resident.  If the call fails, erad goes
 * on without a standby.
 */
int standby_fork(unsigned int nr_targets, struct err *err);

/* Returns true in the standby, from its birth on. */
bool standby_is_me(void);

/* Main process: waits until the standby is resident.  Returns -ECHILD if the standby has ended instead. */
int standby_await(struct err *err);

/*
 * Ends every standby of an earlier generation, whether it serves volumes or not, and waits until
 * each has ended.  Called by the main process, or by the standby after standby_wait().  A standby
 * that has not ended after 12 seconds is killed.  A standby that still exists 2 seconds after that
 * is left alone, with a warning; erad attaches to its volumes when it has ended.
 */
void standby_relieve(void);

/*
 * Standby: call this when it begins to end, so that no later standby relies on it.  Does nothing in a main
 * process.
 */
void standby_stops(void);

/* Main process: kills the standby and waits for its end.  Call this before the main process ends on purpose. */
void standby_end(void);

/*
 * Main process: returns a pidfd of the standby, which is readable when the standby has ended.  -1:
 * there is no standby.
 */
int standby_fd(void);
/* Main process: reaps the standby.  Call this when standby_fd() is readable. */
void standby_has_ended(void);

/* Main process, any thread: returns the standby's pid, or 0 if there is no standby. */
pid_t standby_pid(void);

/* Any thread: returns "serves" (this process is the standby), "ready" (there is a standby) or "none". */
const char *standby_state(void);

/*
 * Standby: reports that it is resident, and waits for the death of the main process.  Meanwhile
 * keeps as much heap and as many threads ready as the main process has.  SIGTERM ends the standby
 * during the wait.
 *
 * Does not return if the main process has died before its standby_relieve() and the standby of an
 * earlier main process goes on serving the volumes: this process exits.  An earlier standby that was told
 * to end does not count: this process returns, and serves the volumes when that standby has ended.
 */
void standby_wait(void);

/*
 * Main process, one thread at a time: tells the standby which volumes are open.  Call begin, then
 * put for each volume, then commit; the former list is valid until commit.  Without a standby these
 * functions do nothing.  A volume that does not fit into the list is found by the standby in the
 * boot table.
 */
void heirlooms_begin(void);
void heirlooms_put(const struct heirloom *h);
void heirlooms_commit(void);

/* Main process, any thread: asks the standby to get as much heap as this process has now. */
void standby_needs_heap(void);

/* Standby, after standby_wait(): calls fn for each volume of the list. */
void heirlooms_each(void (*fn)(const struct heirloom *h));

#endif /* ERAD_STANDBY_H */
