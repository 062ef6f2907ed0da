/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the inactive tables of several mapped devices into use at one moment.
 *
 * The order: suspend all devices, and only when all are suspended, let each of them go on with its
 * new table.  So there is a moment at which no write to any of the devices is in flight.  A write
 * that completed before this moment went through the old table of its device.  A write that
 * completes later is submitted to the new table.  A program that waits for one write before it
 * submits another one, to another device, has at most one change from old tables to new ones in
 * this order.
 *
 * Each device has a process of its own, the holder, which suspends the device and lets it go on:
 *
 *	child of the reader ── commands, one socket each ──► holders
 *
 * If not all devices are suspended until a given time, if a suspend fails, or if a process is
 * killed, each holder drops the inactive table of its device, and lets the device go on with its
 * old table.  A suspend may wait for writes to another one of the devices, for example to the
 * external journal of a file system, so only the limit ends such a suspend.  No signal ends a
 * freeze that hangs; its device goes on when the freeze has ended, and the others do not wait for
 * it.  A holder that has not ended soon is killed, because it may have been stopped.  The parent
 * then does its work.
 *
 * Another program may suspend or resume a device, too.  A holder refuses a device that is suspended
 * already, and never resumes it.  Before the new table comes into use, each holder checks that its
 * device is still suspended and has an inactive table: if a program had resumed the device, the new
 * table would have come into use too early.
 *
 * A holder waits for one command at a time.  If the child of the reader is killed, or has given no
 * command a few seconds after the limit, each holder lets its device go on.  If a holder is killed,
 * the child does this for it.  If all are killed, erad or the next erad does this: see
 * ops/image_together.h.  Marks in a file say which devices the holders have suspended.  These
 * processes ignore the signals that end other processes at a shutdown, and use only memory that is
 * locked, because swap space may be on one of the devices.
 */
#ifndef ERAD_FS_TOGETHER_H
#define ERAD_FS_TOGETHER_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define FS_TOGETHER_MAX		64u
/* Limit of the time until all are suspended, and then of the time until all go on. */
#define FS_TOGETHER_HOLD_MS	30000u
#define FS_TOGETHER_GRACE_MS	5000u	/* how long after this limit a holder waits for a command */
#define FS_TOGETHER_NOTE	64u	/* size of the path of a note, in bytes */
#define FS_TOGETHER_NEW		"new  \n"
#define FS_TOGETHER_BEGUN	"begun\n"
#define FS_TOGETHER_MARKS	6u	/* offset of the marks, one byte for each device */
#define FS_TOGETHER_FREE	'-'	/* a holder may suspend the device */
#define FS_TOGETHER_HELD	'S'	/* a holder may have suspended the device */
#define FS_TOGETHER_ENDED	'E'	/* it goes on, and its holder does not change it any more */

struct fs_together {
	/*
	 * The path of a file that begins with FS_TOGETHER_NEW and nr marks FS_TOGETHER_FREE.
	 * fs_swap_together() puts FS_TOGETHER_BEGUN there, and does nothing if it is there already,
	 * or if the file does not exist: then an earlier call was killed.  A shared lock of
	 * flock(2) is held on the file until all processes have ended.
	 */
	char note[FS_TOGETHER_NOTE];
	/*
	 * By thread_now_ms(): until then, all devices must be suspended.  A later call does
	 * nothing.
	 */
	uint64_t until_ms;
	uint32_t nr;
	uint64_t dev[FS_TOGETHER_MAX];
};

/*
 * Swaps the tables, which must be loaded.  After an error, all devices go on that this function has
 * suspended, and some of the new tables may be in use, or still loaded.  Does not return before all
 * its processes have ended, so if a device hangs, this takes as long as the device, but the other
 * devices go on.
 */
int fs_swap_together(const struct fs_together *t, struct err *err);

#endif /* ERAD_FS_TOGETHER_H */
