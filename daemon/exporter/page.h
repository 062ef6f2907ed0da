/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page for people: how erad's volumes are, as HTML and SVG without scripts. */
#ifndef EXPORTER_PAGE_H
#define EXPORTER_PAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE_TYPE	"text/html; charset=utf-8"
#define PAGE_REFRESH_S	30	/* of a page that was asked to load itself anew */

/* What erad has answered.  All may be NULL, and of any content: what cannot be understood is left out. */
struct page {
	const char *host;		/* name of the machine */
	const char *volume;		/* the only volume that is shown in full; NULL: the first ones */
	const char *error;		/* why erad has not answered; "": it has */
	bool refresh;			/* the page loads itself anew */
	uint64_t now;			/* seconds since 1970 */
	struct json_object *ping;
	struct json_object *status;	/* has passed metrics_check() */
	struct json_object *writers;	/* by name of the volume: an element of the answer to writers */
	struct json_object *maps;	/* by name: the answer to map, or {"error": a sentence} */
	struct json_object *cgroups;	/* cgroups_read() */
};

#define PAGE_SHOWN	8u	/* volumes that a page shows in full */

/* Whether the page shows this volume, the one with this number in the status, in full. */
bool page_shows(const struct page *p, size_t number, const char *volume);

/* Writes the page.  Any thread. */
void page_print(FILE *f, const struct page *p);

/* The page's style sheet, text/css. */
extern const char page_style[];

#endif /* EXPORTER_PAGE_H */
