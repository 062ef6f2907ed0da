/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices after a crash, when there is no seal, that the origin was written past erad.
 *
 * The metadata keeps a witness (common/witness.h): the hashes of some places of the origin, and an
 * era E.  The volume may be in use while the places are read.  At the next open, a place is
 * compared only if the metadata says that none of its blocks was written in era E or later.  If the
 * content of the place differs, the origin was written past erad.
 *
 * A difference of a place is never a false alarm.  For the proof, let B be the blocks of a place, and t the
 * time at which the place was read.  Let the metadata of the next open have no block of B in era E
 * or later.
 *
 *  1. Before t, every write that was recorded in an era before E had ended.  E comes from the
 *     answer to a checkpoint, which is sent after the drain; or E is the first era of a target,
 *     which has let no write through yet, and the targets before it are gone or suspended.
 *  2. No write to B that the target has let through in era E or later exists, neither before t nor
 *     after t: each such write is recorded durably before it is let through, and the metadata would
 *     have its block in E or later.  A write that a target lets pass unrecorded raises the floor to
 *     the era of the write, which is E or later.  A repair that loses records raises the floor to
 *     the newest era, and a gap raises the floor to the current era.
 *  3. By 1 and 2, no write through erad has changed B after t, and none was in flight at t.
 *  4. The origin was flushed after the writes of 1 had ended, and before t.  So a power cut does
 *     not bring older content back.
 *  5. By 3 and 4, the content of B has not changed since t, unless somebody has written to B past
 *     erad.  Like the seal, this assumes that a disk returns the same content for a block until the
 *     block is written.  Some disks do not do so after a discard.  A superblock or a journal is
 *     seldom discarded.
 *
 * Even if a disk breaks 4, because it loses what it has flushed, the difference is no false alarm:
 * the content of B has changed since era E began, and a diff since E would not list it.
 *
 * It does not matter how much later than the beginning of E the places are read, and how old the
 * witness is at the next open: writes in between only make more places drop out.  Metadata that was
 * put back from an older copy has an older witness, too, so the comparison may find a written block
 * that the older copy does not contain.
 *
 * The content identity (common/content_id.h) is compared, too, even if the start of the origin was
 * written through erad since E, because the writes of a mounted file system do not change it.  It
 * shows that another device is the origin, if the devices have no identity (common/identity.h).  A
 * difference may be a false alarm in one case: the volume was formatted, or got a new UUID, through
 * erad since E.  erad cannot distinguish this case from another device that is at the path of the
 * origin now, because the start of the origin was written in both cases.  The false alarm costs one
 * full copy, and happens only if the crash comes before the next checkpoint.  Silence about another
 * device would cost a wrong copy.
 *
 * The comparison does not notice a write that changes no place, or a write to a place whose blocks
 * were written through erad since E.  A mounted file system writes some places itself.
 *
 * The mount count and the mount time of ext4, and the generations of xfs and btrfs, would not help
 * with these places.  A mount past erad changes these numbers, but so does each mount and remount
 * through the volume after t, and erad does not see mounts.  The flag in the superblock that says
 * "mounted" does not help either: it is also set after a crash, until the next mount.  So a
 * difference would be no proof.  An example of a false alarm: the volume is opened after a crash, its
 * file system is mounted, and there is a second crash before the next checkpoint.  A replay of the
 * journal by a read-only mount past erad changes neither the count nor the time.
 */
#ifndef ERAD_VOLUME_WITNESS_H
#define ERAD_VOLUME_WITNESS_H

#include <stdint.h>

#include "common/err.h"
#include "common/token.h"
#include "common/witness.h"

struct volume;

/*
 * Compares the origin with the witness, as described above.  Sets *code to 0 if no place differs, or
 * if there is no witness; to a result of witness_difference(); or to a negative errno if the origin
 * cannot be opened.  If *code is not 0, *difference contains a sentence.  Returns 0, or an
 * error if the comparison has not ended: see origin_read().  Context: the volume thread, before a
 * new target lets its first write through.
 */
int witness_compare(struct volume *v, int *code, struct err *difference, struct err *err);

/*
 * Takes the witness of a volume that is being opened: era is its first era, which is durable, and
 * the target lets no write through yet.  If the origin cannot be read within ORIGIN_WITNESS_MS, keeps
 * the former witness.  Returns an error if the metadata cannot be written.  Context: the volume thread.
 */
int witness_begin(struct volume *v, uint32_t era, struct err *err);

/*
 * Keeps a witness that another process has taken after it received the token in the answer to a
 * checkpoint.  If the metadata already has a newer witness, keeps the newer one and returns 0.
 * ESTALE: the token is not of the current activation, so the places may be on another device.
 * EINVAL: the witness is not valid, or is of another era.  Any thread may call this.
 */
int witness_keep(struct volume *v, const struct token *t, const struct witness *w, struct err *err);

#endif /* ERAD_VOLUME_WITNESS_H */
