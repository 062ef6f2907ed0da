/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The standby: a second process of erad, in locked memory, that serves the volumes as soon as the
 * first one has died, until another erad has been started.
 *
 * To start erad takes memory.  Where there is swap on a volume, memory may have to be written to
 * that volume before any is free, and while no erad serves the volume, that write waits.  So the
 * process that goes on must exist before.  It is forked from erad (the *main* process) when its
 * memory is locked and its BPF programs are loaded, before it has threads.
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
 * Who is who: a main process has an flock on /run/erad/erad.lock, so that there is only one, and
 * counts up the generation in that file.  A standby has a POSIX lock on one byte of
 * /run/erad/standby.lock, at the offset of its generation, from its birth to its end.
 * standby_relieve() finds the process by that lock.  That two processes never serve one volume
 * does not rest on these locks but on ATTACH and on the lock of the metadata.
 */
#ifndef ERAD_STANDBY_H
#define ERAD_STANDBY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* A volume that the main process has open, as its standby has to know it. */
struct heirloom {
	const char *name, *origin, *metadata;
	uint8_t uuid[16];
	dev_t dev, meta_dev;
	bool may_format;
};

/*
 * Counts up the generation, in the file that this main process has locked.  Before all else.  0 or
 * a negative errno: then this main process must have no standby, because the next one would have the
 * same generation.
 */
int standby_generation(int lock_fd);

/*
 * Forks the standby; before there are threads.  Returns in both processes.  The standby creates the
 * threads for nr_targets volumes before it is resident.  Where the call fails, erad goes on without a
 * standby.
 */
int standby_fork(unsigned int nr_targets, struct err *err);

/* True in the standby, from its birth on. */
bool standby_is_me(void);

/* Main process: waits until the standby is resident.  Fails if the standby has ended instead. */
int standby_await(struct err *err);

/*
 * Main process, or standby after standby_wait(): ends every standby of an earlier generation,
 * whether it serves volumes or not.  Waits until each has ended.  A standby that has not ended after 12
 * seconds is killed.  One that is still there 2 seconds after that is left alone, with a warning;
 * the volumes that it holds are attached to when it has ended.
 */
void standby_relieve(void);

/* Main process: ends the standby and waits for its end.  Before the main process ends on purpose. */
void standby_end(void);

/* Main process: a pidfd of the standby, readable when it has ended; -1: there is none. */
int standby_fd(void);
/* Main process: that was so. */
void standby_has_ended(void);

/* Main process, any thread: the standby's pid, or 0. */
pid_t standby_pid(void);

/* Any thread: "serves" (this is the standby), "ready" (there is one) or "none". */
const char *standby_state(void);

/*
 * Standby: says that it is resident, and waits for the death of the main process.  SIGTERM ends it
 * meanwhile.  Keeps as much heap and as many threads ready as the main process has.
 *
 * Does not return where the main process has died before its standby_relieve() and the standby of an
 * earlier main process still serves the volumes: that one goes on, and this process exits.
 */
void standby_wait(void);

/*
 * Main process, one thread at a time: what volumes are open.  begin, put for each, commit; what was there
 * before is valid until commit.  Nothing is done in a process without a standby.  Volumes that find no
 * room are those that the standby has to look up in the boot table.
 */
void heirlooms_begin(void);
void heirlooms_put(const struct heirloom *h);
void heirlooms_commit(void);

/* Main process, any thread: the standby may have to get as much heap as this process has by now. */
void standby_needs_heap(void);

/* Standby, after standby_wait(): calls fn for each. */
void heirlooms_each(void (*fn)(const struct heirloom *h));

#endif /* ERAD_STANDBY_H */
