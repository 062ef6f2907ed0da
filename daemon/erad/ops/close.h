/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closes volumes.  These functions may take long, and run in the thread of the request.  Error
 * messages do not begin with the name of the volume, because the caller adds it.
 */
#ifndef ERAD_CLOSE_H
#define ERAD_CLOSE_H

#include "common/err.h"

/*
 * Returns 0 if the volume is closed now, or was closed already.  EBUSY: the device is in use, or
 * the volume has an image.
 */
int op_close(const char *name, struct err *err);

#endif /* ERAD_CLOSE_H */
