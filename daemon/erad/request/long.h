/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits how many requests that may take long erad carries out at a time. */
#ifndef ERAD_LONG_H
#define ERAD_LONG_H

#include "common/err.h"

/*
 * Limit of long requests.  The socket serves 64 connections.  The other 16 are for status, abort
 * and so on.
 */
#define LONG_MAX	48u

/*
 * While erad carries out so many long requests, it refuses a further one for a volume that has one
 * already.  So the places that are left go to other volumes: if the devices of a few volumes hang, their
 * requests cannot take the places of all volumes.
 */
#define LONG_SHARED	24u

/*
 * Call this before a request that may take long.  volume: the name of its volume, or "" for a request
 * about several volumes.  Returns a place, which the caller gives to long_leave() after the request.
 * EAGAIN: there are too many long requests.
 */
int long_enter(const char *volume, struct err *err);
void long_leave(int place);

#endif /* ERAD_LONG_H */
