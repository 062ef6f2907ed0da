/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closes volumes.  This may take long, and runs in the thread of the request.  Error sentences do
 * not name the volume: the caller adds its name.
 */
#ifndef ERAD_CLOSE_H
#define ERAD_CLOSE_H

#include "common/err.h"

/* Returns 0 if the volume is closed, also if it was closed before.  EBUSY: the device is in use. */
int op_close(const char *name, struct err *err);

#endif /* ERAD_CLOSE_H */
