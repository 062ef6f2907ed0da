/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The standby: a second process of erad, in locked memory.  If the first process dies, the standby
 * serves the volumes until another erad has been started.
 *
 * Starting erad takes memory.  If there is swap on a volume, the kernel may have to write to the
 * volume before any memory is free.  The write is held while no erad serves the volume.  So the
 * second process must exist before the first one dies.  erad (the *main* process) forks the standby
 * when its memory is locked and its BPF programs are loaded, and before it creates threads.
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
 * The locks: a main process holds an flock on /run/erad/erad.lock, so that only one main process
 * runs.  The main process increments the generation, a number in that file.  A standby holds POSIX
 * locks on two bytes of /run/erad/standby.lock, at offsets that contain its generation.  The
 * standby keeps the first lock until it has ended, and the second lock until it begins to end.  By
 * the first lock, standby_relieve() finds the standbys of earlier main processes.  By the second
 * lock, standby_wait() finds out whether an earlier standby goes on serving volumes.
 *
 * These locks do not prevent two processes from serving one volume.  ATTACH and the lock of the
 * metadata prevent this.
 */
#ifndef ERAD_STANDBY_H
#define ERAD_STANDBY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * A volume that the main process has open: what its standby needs to serve the volume.  struct
 * volume explains the fields of the same names.
 */
struct heirloom {
	const char *name, *origin, *metadata;
	uint8_t uuid[16];
	dev_t dev, meta_dev;
	bool may_format;
};

/*
 * Increments the generation in the file that this main process has locked.  Call this before all
 * other functions.  Returns 0 or a negative errno.  After an error, this main process must not fork
 * a standby, because the next main process's standby would have the same generation.
 */
int standby_generation(int lock_fd);

/*
 * Forks the standby.  Call this before any thread is created.  Returns in both processes.  Before
 * the standby reports that it is resident, it creates the threads for nr_targets volumes, but for
 * at most 8 volumes.  If the call fails, erad goes on without a standby.
 */
int standby_fork(unsigned int nr_targets, struct err *err);

/* Returns true in the standby, false in the main process. */
bool standby_is_me(void);

/* For the main process: waits until the standby is resident.  ECHILD: the standby has ended. */
int standby_await(struct err *err);

/*
 * Ends every standby of an earlier generation, also a standby that serves volumes, and waits until
 * it has ended.  The main process calls this, or the standby after standby_wait().  A standby that
 * has not ended 12 seconds after SIGTERM is killed.  If a killed standby still exists after 2 more
 * seconds, this function logs a warning and returns; erad attaches to the standby's volumes when
 * the standby has ended.
 */
void standby_relieve(void);

/*
 * Call this when the process begins to end.  In a standby, releases the second lock, so that no
 * later standby relies on this standby.  Does nothing in a main process.
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
 * During the wait, as long as enough memory is free, this process makes its heap as large as the
 * heap of the main process, and reserves threads for up to 8 volumes.  SIGTERM ends the process
 * during the wait.
 *
 * When the main process has died, this function returns, and this process must serve the volumes.
 * One exception: if the main process died before its standby_relieve(), and the standby of an
 * earlier main process goes on serving the volumes, this process exits.  An earlier standby that
 * was told to end does not count, because this process can serve the volumes when that standby has
 * ended.
 */
void standby_wait(void);

/*
 * For the main process, one thread at a time: tell the standby which volumes are open.  Call
 * heirlooms_begin(), then heirlooms_put() for each volume, then heirlooms_commit().  The standby
 * uses the previous list until the commit.  Without a standby, these functions do nothing.  If a
 * volume does not fit into the list, the standby finds it in eratab.
 */
void heirlooms_begin(void);
void heirlooms_put(const struct heirloom *h);
void heirlooms_commit(void);

/*
 * For any thread of the main process: asks the standby to make its heap as large as the heap of
 * this process.
 */
void standby_needs_heap(void);

/* For the standby after standby_wait(): calls fn for each volume of the list. */
void heirlooms_each(void (*fn)(const struct heirloom *h));

#endif /* ERAD_STANDBY_H */
