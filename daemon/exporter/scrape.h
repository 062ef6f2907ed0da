/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks erad, and writes the answers as metrics. */
#ifndef EXPORTER_SCRAPE_H
#define EXPORTER_SCRAPE_H

#include <stddef.h>

#include "common/err.h"

#define SCRAPE_MS	3000	/* limit for erad's answers */

/*
 * Returns the metrics, which the caller frees, with their length in *len.  Returns NULL if there is
 * no memory.  Takes at most SCRAPE_MS.  err gets the reason why the metrics say that erad is not
 * up, or "".  socket: the path of erad's socket.
 */
char *scrape(const char *socket, size_t *len, struct err *err);

#endif /* EXPORTER_SCRAPE_H */
