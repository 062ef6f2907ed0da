/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks erad and makes metrics of what it answers. */
#ifndef EXPORTER_SCRAPE_H
#define EXPORTER_SCRAPE_H

#include <stddef.h>

#include "common/err.h"

#define SCRAPE_MS	3000	/* for erad to answer in */

/*
 * The metrics, for the caller to free, and their bytes in *len; NULL: out of memory.  Takes
 * at most SCRAPE_MS.  err gets why they say that erad is not up, or "".  socket: erad's.
 */
char *scrape(const char *socket, size_t *len, struct err *err);

#endif /* EXPORTER_SCRAPE_H */
