/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices writes to a mapped device while its target was not in its table.  This happens if
 * somebody loads another table, and later a table with the target again, whether erad runs or not.
 *
 * The metadata contains a *table note*: where the target of the last activation is, with counters.
 * The note is durable before the target lets its first write through.  The note has one of these
 * states:
 *
 *	IN	the target is in the table of the mapped device
 *	OUT	another table has replaced the target's table; erad has seen this, and has noted the
 *		counters of the mapped device and of the origin
 *	GONE	the mapped device is gone; erad has noted the counter of the origin, and begins to
 *		seal the origin
 *
 * The kernel counts the sectors that are written to a mapped device, whichever table the device
 * has.  The module reports the count at the last suspend of an instance, and at the first resume of
 * the next instance.  No write is in flight at these moments.  So the two numbers are equal if, and
 * only if, no write went past erad between the two moments.  The module also reports the oldest
 * instance with this property: since its first resume, no write went past an instance
 * (erad_info.since_id).
 *
 * A new target is compared with the note before the target lets its first write through:
 *
 *	note	the new target				gap
 *	-------	---------------------------------------	-------------------------------------------
 *	IN	is the noted instance			none: erad ended during the activation
 *	IN	every write since the noted instance	none
 *		went through an instance
 *	IN	in the same device, which was not	none
 *		written since the noted instance was
 *		resumed
 *	IN	in the same device, anything else	unknown: no erad saw the target go
 *	IN	in another device of the same boot	unknown: no erad saw the target go, and
 *						there is no seal
 *	OUT	in the same device			written-past-table if a counter has grown,
 *						or if the device has no counter
 *	OUT	in another device, or after a reboot	written-past-table: no counter can be
 *						compared
 *	GONE	in the same boot			written-while-closed if the origin's
 *						counter has changed; unknown if it cannot
 *						be compared
 *	IN or	after a reboot				none: a power cut, or a shutdown without a
 *	GONE						close
 *	IN or	after a reboot, and the origin has	written-while-closed: the volume was not
 *	GONE	counted writes in this boot		open in this boot
 *	IN	after a reboot, and the device was	written-past-table: a new device has the
 *		written before its target came		counter 0
 *	GONE	in a device that was written before	written-past-table: likewise
 *		its target came
 *
 * The origin is flushed before its counter is compared.  If the flush fails, the gap is unknown.
 *
 * If the metadata has a seal, the seal decides in place of the notes IN and GONE: see origin.h. But
 * the counter of the origin is compared, too, with the note GONE of the same boot, or with 0 if the
 * note is of an earlier boot, because a small write may miss all places that the seal contains.
 * Without a seal, the witness is compared, too: see witness.h.  Metadata in which no era has begun
 * has no gap.
 *
 * These writes are not noticed:
 *
 * - to the origin, after the mapped device has gone, and before erad has made the note GONE
 *   durable; if erad is not busy, this takes one write of metadata;
 * - while the counters are switched off (queue/iostats in sysfs), if they are switched on again
 *   later;
 * - to the origin itself, past the mapped device, with the note IN;
 * - in a boot between the boot of the note and this one, if neither the seal nor the witness differs;
 * - before the origin was removed and found or created again in this boot, if neither the seal nor the
 *   witness differs; writes after that are noticed by the counter of the new device;
 * - after a reboot, to an origin whose counters do not count the writes to its content (see
 *   origin_count.h), if neither the seal nor the witness differs.
 *
 * Context: the volume thread.
 */
#ifndef ERAD_TABLE_NOTE_H
#define ERAD_TABLE_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/origin_count.h"
#include "common/table_state.h"

struct store;
struct volume;

/*
 * Call this before detaching.  If the attached instance has been suspended or removed, keeps its
 * counters in memory.
 */
void table_note_leave(struct volume *v);

/*
 * Compares a new instance with the note, as the table above says, and records the gap if there is
 * one.  Call this before the instance lets its first write through.  era: the era of the metadata.
 * *in receives the note of the new instance.  The caller must make this note durable.
 */
int table_note_arrive(struct volume *v, uint32_t era, struct table_note *in, struct err *err);

/*
 * Makes the note of the attached instance durable.  Call this when the volume has attached to an
 * instance that another process, or this process, was attached to before.
 */
int table_note_stay(struct volume *v, struct err *err);

/*
 * Call this as soon as the volume's last instance has gone.  If the mapped device has also gone,
 * makes the note GONE durable, with the counter of the origin.  By this counter, a write to the
 * origin is noticed even if erad is killed before the seal is durable, or if the write comes before
 * erad has sealed the origin.  Returns 1 if the note is durable, 0 if there is nothing to note, or
 * a negative errno.
 */
int table_note_end(struct volume *v, struct err *err);

/*
 * Tries again to write the note that table_note_end() could not write, for TABLE_NOTE_AGAIN_MS, with
 * a pause before each attempt.  An attempt that hangs takes longer.  s: the store, which the volume
 * no longer has.  The note contains the counter that table_note_end() has read.  Returns the same
 * values as table_note_end().
 */
int table_note_end_again(struct volume *v, struct store *s, struct err *err);

#define TABLE_NOTE_AGAIN_MS	5000u
#define TABLE_NOTE_PAUSE_MS	500u

/*
 * Returns whether the mapped device has outlived the volume's last instance: table_note_end() has found
 * the device, or the device exists now.  Call table_note_end() first.
 */
bool table_note_lives_on(const struct volume *v);

/*
 * Returns whether the metadata of a closed volume contains the note OUT.  If so, writes may have
 * gone past the target, and only the next open finds out.
 */
bool table_note_is_out(struct store *s);

/*
 * Returns whether the counter of the origin has changed since table_note_end().  Returns false if
 * the counter cannot be compared.
 */
bool table_note_written_since_end(const struct volume *v);

/*
 * s: the metadata of a volume that is closed, or is being opened.  origin: number of its origin.
 * Returns 1 if the counter of the origin has changed since the note GONE of this boot, or if the origin
 * has appeared again since this note and was written, or if the note is of an earlier boot and the
 * origin was written in this boot.  If so, *difference is a sentence about these writes.  Otherwise
 * returns 0, also if the counter cannot be compared.
 *
 * Context: any thread.
 */
int table_note_written_while_closed(struct store *s, dev_t origin, struct err *difference);

/*
 * Returns whether the counter of the origin has counted all writes of this boot since the metadata
 * was last used.  There are two such cases: the note is of an earlier boot, and the counter has
 * counted only writes to the origin's present content; or the note is GONE, of this boot and of the
 * same device.  If so, table_note_arrive() and origin_compare() have recorded a gap if there was a
 * write.  Returns false if the volume was activated already since its open, because the note is
 * then of this activation.
 */
bool table_note_counts_all(const struct volume *v);

/* Sets boot to the kernel's boot_id, or to "" if it cannot be read. */
void table_note_boot(char boot[TABLE_NOTE_BOOT]);

/*
 * Closes the store of a volume whose mapped device still exists.  Makes the note OUT durable, and
 * does not mark the metadata clean.
 */
int table_note_close_out(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_TABLE_NOTE_H */
