/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves the metrics over HTTP. */
#ifndef EXPORTER_HTTP_H
#define EXPORTER_HTTP_H

#include "common/err.h"

#define HTTP_ADDRESS	"127.0.0.1:9813"	/* where there is no other */

/*
 * A socket that listens at address, "ADDRESS:PORT" or "[ADDRESS]:PORT", all in digits; port 0: any that
 * is free.  EINVAL if address is none.
 */
int http_listen(const char *address, int *fd, struct err *err);

/*
 * Serves at fd, a listening socket, which it takes over if it works, until http_stop().  One at
 * a time.  socket: erad's, constant until then.
 */
int http_start(int fd, const char *socket, struct err *err);

/* Ends it, when the requests under way are answered. */
void http_stop(void);

#endif /* EXPORTER_HTTP_H */
