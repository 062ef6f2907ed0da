/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listens at the unix sockets.  Each connection has a thread of its own, and serves one request. */
#ifndef ERAD_SOCKET_H
#define ERAD_SOCKET_H

#include <stdbool.h>

#include "common/err.h"
#include "common/jsonl.h"

/*
 * Listens at ERAD_SOCKET, for root.  Replaces the socket of a dead erad, so the caller must hold
 * the lock that allows only one erad.  When *fd reports POLLIN, call socket_accept().
 */
int socket_listen(int *fd, struct err *err);

/*
 * Serves one connection in its own thread.  root true: the caller is root.  root false: the caller
 * is in the group erad.
 */
typedef void (*socket_serve_fn)(struct jsonl *j, bool root);

/*
 * Accepts one connection, and starts a thread in which serve answers it.  Does not wait for the
 * caller.  If accept() fails, for example because there is no memory, pauses for 0.1 seconds.
 */
void socket_accept(int fd, socket_serve_fn serve);

/*
 * Listens at ERAD_STATUS_SOCKET, for the group erad, as soon as this group exists.  A separate
 * thread waits for the group and accepts the connections, because guests must delay neither root
 * nor the rest of erad.  After an error, the thread tries again.  Call this once.
 */
int socket_listen_guests(socket_serve_fn serve, struct err *err);

/*
 * Removes the sockets, and waits at most ms milliseconds until root's connections have ended.  Does
 * not wait for guests.  Returns true if all connections have ended.  If not, some of their threads
 * still run.
 */
bool socket_stop(int fd, unsigned int ms);

#endif /* ERAD_SOCKET_H */
