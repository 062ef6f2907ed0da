/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gets the answers of erad, and writes them as metrics. */
#ifndef EXPORTER_SCRAPE_H
#define EXPORTER_SCRAPE_H

#include <stddef.h>

#include "common/err.h"

#define SCRAPE_MS	3000	/* how long to wait for erad's answers, in milliseconds */

/* The sources of the metrics.  Both paths belong to the caller. */
struct scrape_from {
	const char *socket;	/* socket of erad */
	const char *backups;	/* directory with the reports of backups, see backups.h */
};

/*
 * Returns the metrics, which the caller frees, and sets *len to their length.  NULL: out of memory.
 * Waits for erad at most SCRAPE_MS.  If erad does not answer, or its answer cannot be understood,
 * the metrics say that erad is down, and err is the reason; otherwise err is "".
 */
char *scrape(const struct scrape_from *from, size_t *len, struct err *err);

#endif /* EXPORTER_SCRAPE_H */
