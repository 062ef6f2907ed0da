/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices other devices on the origin of an open volume, whose writes go past the volume.  For
 * example, LVM has put a logical volume back on the physical volume beside the volume, or somebody
 * has made a loop device on the origin.
 *
 * erad looks at the holders of the origin (erad/device/holders.h) when a target becomes active,
 * before each checkpoint, before each diff and dump of the current eras, before a snapshot begins,
 * at each status, and after each fold.  If a look finds such a device, every block counts as
 * written in the current era: a diff since this era or an older one lists the whole volume.  This
 * is a gap of the kind ERAD_GAP_UNKNOWN.  The device may write again after the look, so the first
 * look that no longer finds the device records a gap, too.  The metadata contains a note of the
 * devices that the last look has found, so that this second gap is recorded even if erad ends in
 * between.  A device that comes and goes between two looks is not noticed.
 *
 * While the device is there, a look records the gap again for each new era.  In the list of gaps,
 * this is one gap, with the newest of these eras: see store_gap_goes_on().  volume_state() reports
 * the device as an error.
 *
 * An open that is refused because the origin is in use also makes this note, with the boot and the
 * counter of the origin, because a mount that uses the origin until the shutdown leaves no other
 * trace.  Nothing is noted if the user is a program of erad that only reads the origin
 * (common/reader_lock.h).  The next open records the gap, unless the counter proves that nothing
 * was written: see table_note_counts_all().  In a later boot, the counter proves nothing, because
 * the writes of the earlier boot are not known.  If the noted counter is 0 and belongs to a
 * partition, it proves nothing, either, because the counter begins with 0 again when the partition
 * table is read again.
 *
 * While a volume is open, its writes and the kernel's counter of the origin are not compared,
 * because the two may differ without a foreign write.  Some kernels add the sectors to the counter
 * of a mapped device when a write begins, others when the write ends.  A mapped device counts a
 * write again that its target has requeued, for example below multipath.  The block layer may merge
 * writes to two adjacent partitions into one request, which counts at one of them.
 *
 * Order: the note becomes durable before the gap when a device has come, and after the gap when the
 * device has gone.  After a crash in between, the next look records the gap.
 */
#ifndef ERAD_PAST_H
#define ERAD_PAST_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/past_note.h"

struct store;
struct volume;

/*
 * For a closed volume: returns whether its metadata contains the note.  If so, the devices may have
 * written after the newest gap that is recorded, and the next open records another gap.  Sets text
 * to the devices, or to "".
 */
bool past_is_noted(struct store *s, char text[PAST_NOTE_TEXT]);

/*
 * For an open that is refused because the origin is in use: makes the note, unless the metadata
 * contains a note already, or each device on the origin belongs to the volume's image or cannot
 * have written.  who: the user, as probe_in_use() names it.  The note is durable when this returns
 * 1.  Returns 0 if there is nothing to note, or a negative errno.
 */
int past_note_user(struct store *s, dev_t origin, const char *who, struct err *err);

/*
 * Looks once, and records the gap if there is one.  The gap is durable when this returns 0.  Does
 * nothing if the volume does not serve writes, because the next activation looks.  s: the store of
 * v, to which the caller has a reference.  Returns an error if the look fails, or if the gap cannot
 * be recorded.  Waits for I/O of the metadata only if there is a gap.  Any thread except the volume
 * thread may call this.
 */
int past_look(struct volume *v, struct store *s, struct err *err);

/* Calls past_look() with the store of v.  Does nothing if the store is not open. */
int past_look_open(struct volume *v, struct err *err);

/*
 * Looks as past_look_first() does, before the target exists.  Keeps the note of an earlier look or of a
 * refused open, because the open may still fail.  Context: no other thread uses the volume yet.
 */
int past_look_before(struct volume *v, struct err *err);

/*
 * Looks as past_look() does, when a target becomes active.  If the target is new, call this before
 * an era begins.  EUCLEAN: see origin_refuse_gap().  Context: the volume thread.
 */
int past_look_first(struct volume *v, struct err *err);

/*
 * Call this before erad removes NAME-image and NAME-image-origin, with the numbers of these devices,
 * or 0 for a device that does not exist; and call it with 0 and 0 when erad no longer removes them.
 * While the kernel removes a device, a look cannot read which device it is.  Any thread may call this.
 */
void past_image_leaves(struct volume *v, dev_t image, dev_t image_origin);

/*
 * For a status: requests a past_look() from the fold thread.  Does not wake the fold thread; call
 * home_ask() afterwards, which does.  Does not wait.
 */
void past_ask(struct volume *v);
/* Carries out the request of past_ask().  Context: the fold thread. */
void past_look_if_asked(struct volume *v);

#endif /* ERAD_PAST_H */
