/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unix socket: a connection, a thread, a request. */
#ifndef ERAD_SOCKET_H
#define ERAD_SOCKET_H

#include <stdbool.h>

#include "common/err.h"
#include "common/jsonl.h"

/*
 * Listens at ERAD_SOCKET, for root, replacing what a dead erad has left.  The caller
 * holds the lock that there is one erad.  *fd says POLLIN when
 * socket_accept() is to be called.
 */
int socket_listen(int *fd, struct err *err);

/* Answers a connection, in a thread of its own.  root: root has made it; else a member of the group erad. */
typedef void (*socket_serve_fn)(struct jsonl *j, bool root);

/* Takes one connection and has serve answer it; never waits. */
void socket_accept(int fd, socket_serve_fn serve);

/*
 * Has serve answer those, too, who connect to ERAD_STATUS_SOCKET: the group erad, if there is one.  They
 * are taken by a thread of its own and can neither hold root up nor the rest of erad.  Once.
 */
int socket_listen_guests(socket_serve_fn serve, struct err *err);

/*
 * Removes the sockets, and waits for root's connections that there are.  False if some were left after ms, or
 * of guests at once: then their threads still run.
 */
bool socket_stop(int fd, unsigned int ms);

#endif /* ERAD_SOCKET_H */
