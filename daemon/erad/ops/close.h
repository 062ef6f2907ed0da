/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closing volumes.
 *
 * May take long and runs in the requester's thread.  Sentences do not name the volume: the caller does.
 */
#ifndef ERAD_CLOSE_H
#define ERAD_CLOSE_H

#include "common/err.h"

/* 0 too if it is closed already.  EBUSY if the device is in use. */
int op_close(const char *name, struct err *err);

#endif /* ERAD_CLOSE_H */
