/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unix socket: a connection, a thread, a request. */
#ifndef ERAD_SOCKET_H
#define ERAD_SOCKET_H

#include <stdbool.h>

#include "common/err.h"
#include "common/jsonl.h"

/*
 * Listens at ERAD_SOCKET, replacing what a dead erad has left.  The caller
 * holds the lock that there is one erad.  *fd says POLLIN when
 * socket_accept() is to be called.
 */
int socket_listen(int *fd, struct err *err);

/* Takes one connection and has serve(), in a thread of its own, answer it; never waits. */
void socket_accept(int fd, void (*serve)(struct jsonl *j));

/* Removes the socket, and waits for the connections that there are; false after ms. */
bool socket_stop(int fd, unsigned int ms);

#endif /* ERAD_SOCKET_H */
