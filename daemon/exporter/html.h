/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes values as text of an HTML page.  The text is also well-formed XML, whatever the values
 * are.
 */
#ifndef EXPORTER_HTML_H
#define EXPORTER_HTML_H

#include <stdint.h>
#include <stdio.h>

/*
 * Writes text for use between tags, and in attributes with double quotes.  Escapes the characters
 * that have a meaning in HTML.  Replaces control characters, characters that change the direction
 * of writing, and bytes that are not UTF-8 by U+FFFD.
 */
void html_text(FILE *f, const char *text);

/* Writes a number of bytes with a unit, for example "64 KiB". */
void html_size(FILE *f, uint64_t bytes);

/* Writes a number of seconds with at most two units, for example "3 h 12 min". */
void html_duration(FILE *f, uint64_t seconds);

/* Writes a time, in seconds since 1970, as a <time> element in the local time zone. */
void html_time(FILE *f, uint64_t seconds);

#endif /* EXPORTER_HTML_H */
