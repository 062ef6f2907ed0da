/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fails the held writes of a volume. */
#ifndef ERAD_ABORT_H
#define ERAD_ABORT_H

#include "common/err.h"

/*
 * Fails the volume's held writes with EIO.  Waits for no I/O, so it works even if the metadata or
 * the origin hangs.
 */
int op_abort(const char *name, struct err *err);

#endif /* ERAD_ABORT_H */
