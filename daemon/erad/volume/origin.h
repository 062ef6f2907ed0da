/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions about the origin of a volume, which another process answers, and gaps: the times in
 * which writes may have gone past erad.  Context: the volume thread, unless a function says
 * otherwise.
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
 * Asks a question for the seal of a close.  Returns the code of the answer, or an error of
 * origin_ask().
 */
int origin_ask_for_seal(struct volume *v, const struct origin_question *q, struct origin_answer *a, struct err *err);

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
