/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices writes to the origin while the volume was closed.  The identity shows whether the origin
 * is still the same device.  The seal shows whether the origin was written.  After a crash there is
 * no seal, and the witness takes its place: see witness.h.  Context: the volume
 * thread, unless a function says otherwise.
 */
#ifndef ERAD_ORIGIN_H
#define ERAD_ORIGIN_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "erad/device/origin_reader.h"
#include "store/history.h"

struct store;
struct volume;

/*
 * Limits for a read of the origin, in ms.  ORIGIN_OPEN_MS: for an open.  ORIGIN_AGAIN_MS: for each
 * later attempt of this open, while a question of an earlier attempt has no answer.
 */
#define ORIGIN_OPEN_MS		20000u
#define ORIGIN_AGAIN_MS		1000u
/* Limit for the first witness of an open. */
#define ORIGIN_WITNESS_MS	5000u
/*
 * Limit for the seal of a close.  ORIGIN_STOP_MS: how long this read may go on while erad is
 * stopping.
 */
#define ORIGIN_CLOSE_MS		30000u
#define ORIGIN_STOP_MS		3000u
/* Limit for a read during which LVM's locks are held, because LVM's commands wait for the locks. */
#define ORIGIN_LOCKED_MS	5000u

/* Makes a question about the origin of the volume. */
void origin_question(const struct volume *v, enum origin_read what, struct origin_question *q);

/*
 * Asks the question for an open, and waits for the answer.  Returns 0 if there is an answer, or an
 * error of origin_ask().  After an error, the volume must not let writes through.  The next attempt
 * to attach asks again.  If it asks the same question for the same instance, it may get the late
 * answer to the first question.  The late answer is right: since the first attempt, this instance
 * has used the origin exclusively, and has let no write through.
 */
int origin_read(struct volume *v, const struct origin_question *q, unsigned int ms, struct origin_answer *a,
		struct err *err);

/*
 * Compares the origin with the identity and the seal in the metadata, and records a gap if one of
 * the two differs.  Stores the identity that the origin has now.  If a part of the identity cannot
 * be read, keeps the former identity.  Call this before a new target lets its first write through.
 * An open with gap=refuse also calls this before there is a target.
 */
int origin_compare(struct volume *v, struct err *err);

/*
 * If there is no seal, compares the origin with the witness, and records a gap if they differ or if
 * the origin cannot be read.  Call this after table_note_arrive(): if table_note_arrive() has
 * recorded a gap, this function compares no place, and the gap has a more precise reason.  Does
 * nothing after a reload, because the old target was suspended until the new one came.
 */
int origin_compare_witness(struct volume *v, struct err *err);

/*
 * Closes the store of a volume whose target and mapped device are gone, with a seal.  If the origin
 * cannot be sealed, for example because somebody has mounted it already, stores a seal that says
 * so, and the next open records a gap.  Returns the result of store_close_sealed(), or ENOMEM.
 */
int origin_close_sealed(struct volume *v, struct store *s, struct err *err);

/*
 * Returns EUCLEAN if eratab has gap=refuse, and the volume is still being opened.  If so, the
 * caller must not record the gap, so that the next open finds the gap again.
 */
int origin_refuse_gap(const struct volume *v, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * Records a gap in the metadata, and logs the gap.  After origin_gap(), the caller must begin an
 * era before it lets a write through.  EUCLEAN: see origin_refuse_gap().
 */
int origin_gap(struct volume *v, enum erad_gap_kind kind, const char *detail, struct err *err);

/* Logs a gap that is in the metadata.  Any thread may call this. */
void origin_log_gap(const struct volume *v, enum erad_gap_kind kind, const char *detail);

/*
 * Returns EXDEV, with both identities in the message, if dev is not the device with which the
 * metadata was last used.  Any thread may call this.
 */
int origin_check(struct store *s, const char *path, dev_t dev, uint64_t nr_sectors, struct err *err);

/*
 * Reads the UUID of the physical volume of LVM on dev, in another process, and waits at most ms
 * milliseconds.  ENODATA: dev has no label of LVM.  ETIMEDOUT: the label was not read in time.  Any
 * thread may call this.
 */
int origin_pv_uuid(dev_t dev, unsigned int ms, char uuid[PV_UUID_SIZE], struct err *err);

#endif /* ERAD_ORIGIN_H */
