/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices what went past erad while a volume was closed: whether the origin is still the same device, by its identity, and
 * whether it was written, by its seal.
 *
 * All of it is the volume thread's.
 */
#ifndef ERAD_ORIGIN_H
#define ERAD_ORIGIN_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "store/history.h"

struct store;
struct volume;

/*
 * Before a new target lets its first write through: compares the origin with the identity and with the seal in the
 * metadata.  A difference becomes a gap.  The identity of the origin is kept, if it is new.
 */
int origin_compare(struct volume *v, struct err *err);

/*
 * Closes the store of a volume whose target and mapped device are gone, with a seal.  If the origin cannot be
 * sealed, for example because somebody has mounted it already, the seal says so, and the next open makes that a gap.  As store_close().
 */
int origin_close_sealed(struct volume *v, struct store *s, struct err *err);

/* Logs a gap in the metadata and in the journal; the next era must begin before a write is let through. */
int origin_gap(struct volume *v, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * EXDEV, with both identities in the sentence, if dev is another device than the one that the metadata was used with last.
 * Any thread.
 */
int origin_check(struct store *s, const char *path, dev_t dev, uint64_t nr_sectors, struct err *err);

#endif /* ERAD_ORIGIN_H */
