/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks erad what the page for people shows, and makes the page. */
#ifndef EXPORTER_LOOK_H
#define EXPORTER_LOOK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns the page, for the caller to free, and its bytes in *len; NULL: out of memory.  volume: the only
 * volume to be shown in full; NULL: the first ones.  Several threads may call this: one of them at a time asks
 * erad, for SCRAPE_MS at most, and the answers serve all pages of the next LOOK_KEEP_MS.  socket: erad's.
 */
char *look_page(const char *socket, const char *volume, bool refresh, size_t *len);

/* Frees the answers.  No other thread may be in look_page(). */
void look_end(void);

#endif /* EXPORTER_LOOK_H */
