/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seals the origin of a volume that is closed.  Context: the volume thread. */
#ifndef ERAD_ORIGIN_SEAL_H
#define ERAD_ORIGIN_SEAL_H

#include "common/err.h"

struct store;
struct volume;

/*
 * Closes the store of a volume whose target and mapped device are gone, with a seal.  If the origin
 * cannot be sealed, for example because somebody has mounted it already, stores a seal that says
 * so, and the next open records a gap.  Returns the result of store_close_sealed(), or ENOMEM.
 */
int origin_close_sealed(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_ORIGIN_SEAL_H */
