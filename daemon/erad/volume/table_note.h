/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices writes to a mapped device while its target was not in its table.  This happens if
 * somebody loads another table, and later one with the target again, whether erad runs or not.
 *
 * The metadata has a *table note*: where the target of the last activation is, with counters.  The
 * note is durable before the target lets its first write through.
 *
 *	IN	the target is in the table of the mapped device
 *	OUT	another table has taken the target's place; erad has seen this, and has noted the counter
 *		of the mapped device
 *	GONE	the mapped device is gone; erad has noted the counter of the origin, and begins to seal
 *		the origin
 *
 * The kernel counts the sectors that are written to a mapped device, whichever table the device has.
 * The module reports the count at the last suspend of an instance, and at the first resume of the
 * next one.  No write is in flight at these moments.  So the two numbers are equal if, and only if,
 * no write went past erad in between.  The module also reports the oldest instance since which this
 * was so (erad_info.since_id).
 *
 * A new target is compared with the note before it lets its first write through:
 *
 *	note	the new target					gap
 *	-------	-----------------------------------------------	-------------------------------------------
 *	IN	is the noted instance				none: erad ended in the activation
 *	IN	every write since the noted instance went	none
 *		through an instance
 *	IN	in the same device, which was not written	none
 *		since the noted instance was resumed
 *	IN	in the same device, anything else		unknown: no erad saw the target go
 *	IN	in another device of the same boot		unknown: the same, and there is no seal
 *	OUT	in the same device				written-past-table if the counter has grown
 *	OUT	in another device, or after a reboot		written-past-table: it cannot be compared
 *	GONE	in the same boot				written-while-closed if the origin's counter has
 *								changed; unknown if it cannot be compared
 *	IN or	after a reboot					none: a power cut, or a shutdown without a close
 *	GONE
 *	IN or	the same, but the device was written before	written-past-table: a device has the counter 0
 *	GONE	its target came					when it is made
 *
 * If the metadata has a seal, the seal decides in place of the note IN or GONE: see origin.h.  But
 * the counter of the note GONE is compared in the same boot, too, because a small write may miss all
 * places that the seal has.
 * Metadata in which no era has begun has no gap.
 *
 * What this does not notice: a write to the origin after the mapped device has gone and before erad
 * has made the note GONE durable, which is the time of one write of metadata if erad is not
 * busy; a write while somebody has switched off the counters (queue/iostats in
 * sysfs) and on again; and a write to the origin itself.
 *
 * Context: the volume thread.
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
	NOTE_GONE,
};

/* The layout in the metadata. */
struct table_note {
	__le32 version;		/* is TABLE_NOTE_VERSION; 0: there is no note */
	__le32 state;		/* enum table_note_state */
	char boot[40];		/* the kernel's boot_id; the counters begin with 0 at each boot */
	__le64 diskseq;		/* number of the mapped device, which no other device of this boot has */
	__le64 written;		/* sectors at the instance's first resume (IN), or at its last suspend; or ERAD_WRITTEN_UNKNOWN */
	__le64 instance;	/* IN: the instance's id */
	struct origin_count origin;	/* GONE: counter of the origin */
	__u8 zero[408];
};

#define TABLE_NOTE_VERSION	1u

_Static_assert(sizeof(struct table_note) == 512, "one sector");

/*
 * Keeps the counters of the attached instance, if it has been suspended or removed.  Writes nothing
 * to the metadata.
 */
void table_note_leave(struct volume *v);

/*
 * Compares a new instance as the table above says, and records a gap if there is one.  Call this
 * before the instance lets its first write through.  era: the era of the metadata.  *in receives the
 * note of the new instance, which the caller makes durable.
 */
int table_note_arrive(struct volume *v, uint32_t era, struct table_note *in, struct err *err);

/*
 * Call this when the volume has attached to an instance that has existed while erad was down.  Makes
 * the note of the instance durable.
 */
int table_note_stay(struct volume *v, struct err *err);

/*
 * Call this as soon as the volume's last instance has gone.  If the mapped device has gone too, makes
 * the note GONE durable, with the counter of the origin: so erad may be killed before the seal is
 * durable, and the origin may be written before it is sealed.  Returns 1 if the note is durable, and
 * 0 if there is nothing to note.
 */
int table_note_end(struct volume *v, struct err *err);

/*
 * Tries again to make the note durable that table_note_end() could not write: TABLE_NOTE_TRIES times,
 * with a pause before each.  s: the store, which the volume does not have any more.  The note has the
 * counter that table_note_end() has read.  Returns as table_note_end() does.
 */
int table_note_end_again(struct volume *v, struct store *s, struct err *err);

#define TABLE_NOTE_TRIES	4u
#define TABLE_NOTE_PAUSE_MS	500u

/*
 * Returns whether the mapped device existed when the volume's last instance had gone, or exists now.
 * Call table_note_end() before.
 */
bool table_note_lives_on(const struct volume *v);

/* Returns whether the counter of the origin has changed since table_note_end(). */
bool table_note_written_since_end(const struct volume *v);

/*
 * Returns 1, with a sentence in *difference, if the metadata has the note GONE of this boot, and the
 * counter of the origin has changed since.  Returns 0 if the counter is the same, or cannot be
 * compared.
 */
int table_note_written_while_closed(const struct volume *v, struct err *difference);

/*
 * Closes the store of a volume whose mapped device still exists.  Makes the note OUT durable, and
 * does not mark the metadata clean.
 */
int table_note_close_out(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_TABLE_NOTE_H */
