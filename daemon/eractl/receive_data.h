/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data of a stream: writing them to the copy, reading them back, and comparing them with the
 * copy.  The copy is open: see receive_prepare().
 */
#ifndef ERACTL_RECEIVE_DATA_H
#define ERACTL_RECEIVE_DATA_H

#include "eractl/receive.h"

/* Writes the stream to the copy, and makes the copy durable. */
int receive_apply(struct receive *rc, struct err *err);

/*
 * Reads back the data that receive_apply() has written, from the medium if possible, and the zeros
 * that it has written.  Does not read the holes of a file, which are zeros.  EIO: the copy contains
 * other data.
 */
int receive_verify(struct receive *rc, struct err *err);

/*
 * Compares a stream with a copy of the same era.  The two can differ, although they are of the same
 * era: for closed metadata, and with --to, this era may not have ended when send made the stream.
 * So the volume may have been written after the copy was made.  ESTALE: they differ;
 * rc->full_copy_due is true.  Reads the stream to its end, because otherwise the program that
 * writes the stream would fail.
 */
int receive_compare(struct receive *rc, struct err *err);

#endif /* ERACTL_RECEIVE_DATA_H */
