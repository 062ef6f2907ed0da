/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices what was written past a target: to its mapped device while another table was in the place of the target's, or to
 * its origin.
 *
 * The metadata has a *table note*: where the target of the last activation is, and what the counters of the kernel and of
 * the module were.  The note is durable before the target lets its first write through.
 *
 *	IN	the target is in the table of the mapped device
 *	OUT	another table has taken its place; erad has seen this, and has noted the counter of the mapped device
 *	GONE	the mapped device is gone; erad has noted the counter of the origin, and begins to seal the origin
 *	CLOSED	the mapped device is gone, and the origin has a seal
 *
 * The kernel counts the sectors that are written to a mapped device, through whatever table, since the device was made.  The
 * module says what this counter was when an instance was suspended last, and when the next one was resumed first.  No write
 * is in flight at these two moments, so the two numbers are equal if, and only if, no write went past erad in
 * between.  A new target is compared with the note before it lets its first write through:
 *
 *	note	the new target					gap
 *	-------	-----------------------------------------------	-------------------------------------------
 *	IN	is the noted instance				none: erad ended in the activation
 *	IN	in the same device; the device was not written	none
 *		since the noted instance was resumed
 *	IN	came directly after the noted instance		written-past-table if the counter has
 *								grown in between, else none
 *	IN	in the same device, anything else		unknown: no erad saw the target go
 *	IN	in another device of the same boot		unknown: the same, and there is no seal
 *	IN	after a reboot					none: a power cut, or a shutdown without a close
 *	OUT	in the same device				written-past-table if the counter has grown
 *	OUT	in another device, or after a reboot		written-past-table: it cannot be compared
 *	GONE	in the same boot				written-while-closed if the counter of the origin has
 *								grown; unknown if it cannot be compared
 *	GONE	after a reboot					none: a power cut
 *	CLOSED	any						the seal decides (origin.h), and in the same boot
 *								the counter of the origin, as with GONE
 *	no note	any						as CLOSED
 *	IN after a reboot, GONE, CLOSED, no note; the device	written-past-table: its counter began at 0 when
 *		was written before its target came		it was made, after the noted target had gone
 *	any	there are no counters of the device		unknown, but for the first line
 *
 * Metadata in which no era has begun has no gap.
 *
 * The origin has counters, too (device/origin_count.h), and the module counts what it sends there.  When nothing
 * else writes to the origin, the difference of the two is constant.  The note has what the origin's counter was
 * when the module's was 0.  An excess is a gap: *written-to-origin*, or written-while-closed with a note CLOSED.  It is looked
 * for at each checkpoint, when a target goes, after the seal is taken, and when a new target comes in the same boot.
 *
 * All of it is the volume thread's.
 */
#ifndef ERAD_TABLE_NOTE_H
#define ERAD_TABLE_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "common/err.h"
#include "erad/device/origin_count.h"

struct store;
struct volume;

enum table_note_state {
	NOTE_OUT,
	NOTE_IN,
	NOTE_CLOSED,
	NOTE_GONE,
};

/* As in the metadata. */
struct table_note {
	__le32 version;		/* TABLE_NOTE_VERSION; 0: there is no note */
	__le32 state;		/* enum table_note_state */
	char boot[40];		/* the kernel's boot_id: counters begin anew at each boot */
	__le64 diskseq;		/* of the mapped device: no other device of this boot has the same */
	__le64 written;		/* IN: sectors when the instance was resumed first; OUT: when it went; ERAD_WRITTEN_UNKNOWN */
	__le64 instance;	/* IN: its id in the module */
	struct origin_count origin;	/* IN: less what the instance has sent; else: when the instance had gone */
	__u8 zero[408];
};

#define TABLE_NOTE_VERSION	1u

_Static_assert(sizeof(struct table_note) == 512, "one sector");

/* Notes the counters of the instance that the volume is attached to, if it has been suspended or removed.  In memory only. */
void table_note_leave(struct volume *v);

/*
 * Before a new instance lets its first write through: logs a gap, unless the table above says that there is none.  Fills *in with
 * the note of the new instance, which the caller makes durable.
 */
int table_note_arrive(struct volume *v, uint32_t era, struct table_note *in, struct err *err);

/* The new instance's note is durable. */
void table_note_arrived(struct volume *v, const struct table_note *in);

/* The instance that the volume has attached to has lived on. */
int table_note_stay(struct volume *v, struct err *err);

/*
 * Logs a gap if more was written to the origin than v->info.sent says.  now: the origin's counters, read before v->info.
 */
int table_note_check(struct volume *v, const struct origin_count *now, struct err *err);

/* Whether the mapped device of the volume, whose last instance is gone, is still there. */
bool table_note_lives_on(const struct volume *v);

/* Closes the store of a volume whose mapped device lives on.  The counters are kept; the metadata is not marked clean. */
int table_note_close_out(struct volume *v, struct store *s, struct err *err);

/* The mapped device is gone, and the origin is about to be sealed.  Durable, so that a kill in the close makes no gap. */
int table_note_gone(struct volume *v, struct store *s, struct err *err);

/*
 * The mapped device is gone, and the origin has just been sealed.  Logs a gap if the origin was written past erad, until
 * now.  Fills *closed with the note for the close.
 */
int table_note_sealed(struct volume *v, struct store *s, struct table_note *closed, struct err *err);

#endif /* ERAD_TABLE_NOTE_H */
