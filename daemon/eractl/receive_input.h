/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input of receive: the stream on standard input, and the signals that interrupt receive. */
#ifndef ERACTL_RECEIVE_INPUT_H
#define ERACTL_RECEIVE_INPUT_H

#include <sys/types.h>

#include "eractl/receive.h"

/*
 * From now on, SIGINT, SIGTERM and SIGHUP end receive after the current step, so that receive can
 * note in the state how it leaves the copy.  Sets rc->signals, which becomes readable when one of
 * the signals arrives.  A signal that the caller of receive ignores stays ignored, for example with
 * nohup(1).  An ignored signal must not be blocked, because the kernel queues a blocked signal even
 * if it is ignored.
 */
int receive_catch_signals(struct receive *rc, struct err *err);

/* Returns EINTR if one of the signals has arrived, else 0. */
int receive_interrupted(const struct receive *rc, struct err *err);

/*
 * Reads from standard input, for stream_open(); ctx: the struct receive.  Returns -1 and sets errno
 * on failure.  ECANCELED: one of the signals has arrived.
 */
ssize_t receive_read(void *ctx, void *buf, size_t len);

#endif /* ERACTL_RECEIVE_INPUT_H */
