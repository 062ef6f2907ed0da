/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes values of any origin as text of an HTML page, which is also well-formed XML. */
#ifndef EXPORTER_HTML_H
#define EXPORTER_HTML_H

#include <stdint.h>
#include <stdio.h>

/*
 * Writes text, UTF-8 or not, for use between tags and in attributes with double quotes.  What would end the
 * text is escaped.  U+FFFD stands for control characters, for characters that change the direction of writing,
 * and for each byte that is not UTF-8.
 */
void html_text(FILE *f, const char *text);

/* Writes a number of bytes as people read it, as in "64 KiB". */
void html_size(FILE *f, uint64_t bytes);

/* Writes a number of seconds as people read it, with two units at most, as in "3 h 12 min". */
void html_duration(FILE *f, uint64_t seconds);

/* Writes a time, in seconds since 1970, as a <time> element in the local time zone. */
void html_time(FILE *f, uint64_t seconds);

#endif /* EXPORTER_HTML_H */
