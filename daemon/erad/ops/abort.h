/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failing the held writes of a volume. */
#ifndef ERAD_ABORT_H
#define ERAD_ABORT_H

#include "common/err.h"

/* Fails held writes.  Waits for nothing, so that it helps where all else hangs. */
int op_abort(const char *name, struct err *err);

#endif /* ERAD_ABORT_H */
