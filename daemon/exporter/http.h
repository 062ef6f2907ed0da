/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves the metrics and the status page over HTTP. */
#ifndef EXPORTER_HTTP_H
#define EXPORTER_HTTP_H

#include "common/err.h"
#include "exporter/scrape.h"

#define HTTP_ADDRESS	"127.0.0.1:9813"	/* default address */

/*
 * Makes a socket that listens at address: "ADDRESS:PORT" or "[ADDRESS]:PORT", in digits.  Port 0
 * means any free port.  EINVAL: address has another form.
 */
int http_listen(const char *address, int *fd, struct err *err);

/*
 * Serves requests at fd, a listening socket, until http_stop().  On success, fd belongs to the
 * server.  There can be only one server at a time.  The strings in sources must stay valid until
 * http_stop().
 */
int http_start(int fd, const struct scrape_from *sources, struct err *err);

/* Waits until the current requests are answered, and ends the server. */
void http_stop(void);

#endif /* EXPORTER_HTTP_H */
