/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines files and devices at paths that users have named.  A process of its own does this, so a
 * device or a file system that hangs stops no thread of erad for longer than the caller allows.
 *
 * A function that takes a claim or a lock, and then uses such a path itself, calls peek_ask()
 * first.  So if the place hangs already, the function waits for a limited time only.  If the place
 * begins to hang after peek_ask(), the function still waits for the place.
 */
#ifndef ERAD_PEEK_H
#define ERAD_PEEK_H

#include "common/err.h"
#include "erad/device/place_peek.h"

/*
 * Limit, in ms, for a place that an operation is about to use: a disk that was switched off to save power
 * takes about ten seconds.
 */
#define PEEK_OPEN_MS	20000u

/*
 * Calls place_peek() in another process, and waits at most ms milliseconds.  Returns 0 also if
 * there is nothing at the path.  *out receives the result; out may be NULL.  ETIMEDOUT: the device
 * or the file system has not answered.  ENAMETOOLONG: the path is too long.  Another errno, for
 * example EUSERS or EAGAIN: within ms milliseconds, no process could be started.  If there is no
 * reader process, for example in unit tests, the call takes as long as the place takes.
 */
int peek_ask(const char *path, enum peek_depth depth, unsigned int ms, struct peek *out, struct err *err);

/*
 * As peek_ask(), but waits only once for a path that hangs: after ETIMEDOUT, a thread goes on
 * waiting for the answer.  As long as the thread waits, each further call of the same depth for the
 * same path returns ETIMEDOUT at once.  When the answer comes, the thread calls late(), unless late
 * is NULL.  The thread can be killed at any time, so it does not delay the end of erad.  A path
 * that is too long is no error: *out says that nothing exists there.  ENOMEM: there is no memory.
 * EAGAIN: no thread can be started.
 */
int peek_within(const char *path, enum peek_depth depth, unsigned int ms, void (*late)(void),
		struct peek *out);

#endif /* ERAD_PEEK_H */
