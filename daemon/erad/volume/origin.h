/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices writes that went past erad while a volume was closed.  The identity of the origin tells
 * whether the origin is still the same device, and the seal whether the origin was written.
 * Context: the volume thread, unless a function says otherwise.
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
 * Compares the origin with the identity and with the seal in the metadata.  Logs a gap for each
 * difference.  Keeps the identity of the origin if it is new.  Call this before a new target lets
 * its first write through.
 */
int origin_compare(struct volume *v, struct err *err);

/*
 * Closes the store of a volume whose target and mapped device are gone, with a seal.  If the origin
 * cannot be sealed, for example because somebody has mounted it already, the seal says so, and the
 * next open logs a gap.  Returns as store_close() does.
 */
int origin_close_sealed(struct volume *v, struct store *s, struct err *err);

/* Logs a gap, in the metadata and in erad's log.  The next era must begin before a write is let through. */
int origin_gap(struct volume *v, enum erad_gap_kind kind, const char *detail, struct err *err);

/*
 * Returns EXDEV, with both identities in the sentence, if dev is another device than the one with
 * which the metadata was used last.  Any thread may call this.
 */
int origin_check(struct store *s, const char *path, dev_t dev, uint64_t nr_sectors, struct err *err);

#endif /* ERAD_ORIGIN_H */
