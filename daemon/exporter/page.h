/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status page: the states of erad's volumes, as HTML and SVG without scripts. */
#ifndef EXPORTER_PAGE_H
#define EXPORTER_PAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE_TYPE	"text/html; charset=utf-8"
#define PAGE_REFRESH_S	30	/* a page with "refresh" reloads itself after this many seconds */

/*
 * The contents of the page.  Each answer of erad may be NULL.  The page leaves out content that has
 * another form than expected.
 */
struct page {
	const char *host;		/* name of this machine */
	/* The only volume that is shown in full.  NULL: the first volumes. */
	const char *volume;
	const char *error;		/* why erad has not answered; "": it has answered */
	bool refresh;			/* the page reloads itself every PAGE_REFRESH_S */
	uint64_t now;			/* current time in seconds since 1970 */
	struct json_object *ping;
	struct json_object *status;	/* answer to status, which has passed metrics_check() */
	/*
	 * Keys: names of volumes.  Values: elements of the answer to writers, or {"error": a
	 * sentence}.
	 */
	struct json_object *writers;
	/* Keys: names of volumes.  Values: answers to map, or {"error": a sentence}. */
	struct json_object *maps;
	struct json_object *cgroups;	/* result of cgroups_read() */
};

#define PAGE_SHOWN	8u	/* limit of the volumes that a page shows in full */

/* Returns whether the page shows a volume in full.  number: index of the volume in the status. */
bool page_shows(const struct page *p, size_t number, const char *volume);

/* Writes the page to f.  Any thread may call this. */
void page_print(FILE *f, const struct page *p);

/* Style sheet of the page, as text/css. */
extern const char page_style[];

#endif /* EXPORTER_PAGE_H */
