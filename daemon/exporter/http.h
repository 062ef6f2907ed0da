/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves the metrics and the page for people over HTTP. */
#ifndef EXPORTER_HTTP_H
#define EXPORTER_HTTP_H

#include "common/err.h"

#define HTTP_ADDRESS	"127.0.0.1:9813"	/* used if there is no other address */

/*
 * Makes a socket that listens at address: "ADDRESS:PORT" or "[ADDRESS]:PORT", in digits.  Port 0:
 * any free port.  EINVAL: address is something else.
 */
int http_listen(const char *address, int *fd, struct err *err);

/*
 * Serves requests at fd, a listening socket, until http_stop().  On success, fd belongs to the
 * server.  Call this once at a time.  socket: the path of erad's socket, constant until
 * http_stop().
 */
int http_start(int fd, const char *socket, struct err *err);

/* Ends the server when the current requests are answered. */
void http_stop(void);

#endif /* EXPORTER_HTTP_H */
