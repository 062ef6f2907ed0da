/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests the contents of the status page from erad, and makes the page. */
#ifndef EXPORTER_LOOK_H
#define EXPORTER_LOOK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns the page, which the caller frees, and sets *len to its length.  NULL: out of memory.
 * volume: the only volume to be shown in full.  If volume is NULL, or a name that erad does not
 * know, the first volumes are shown in full.  refresh: the page reloads itself.  socket: the path
 * of erad's socket.
 *
 * Any thread may call this.  Only one thread at a time sends requests to erad, for at most
 * SCRAPE_MS.  The answers are used for all pages of the next LOOK_KEEP_MS.
 */
char *look_page(const char *socket, const char *volume, bool refresh, size_t *len);

/* Frees the answers.  Call this when no other thread calls look_page(). */
void look_end(void);

#endif /* EXPORTER_LOOK_H */
