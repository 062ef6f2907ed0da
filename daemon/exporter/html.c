// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes values as HTML: see html.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

#include "common/size.h"
#include "exporter/html.h"

#define REPLACEMENT	"\xef\xbf\xbd"	/* U+FFFD in UTF-8 */

/* Decodes the character at p.  Returns its length in bytes, or 0 if it is not valid UTF-8. */
static unsigned int decode(const unsigned char *p, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned int len = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 :
		*p >= 0xf0 && *p < 0xf5 ? 4 : 0;

	*c = len < 2 ? *p : *p & (0x7f >> len);
	for (unsigned int i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	return *c < least[len] || *c > 0x10ffff ? 0 : len;
}

/* Returns whether the page may contain the character unchanged. */
static bool is_printable(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !(c >= 0xd800 && c < 0xe000) &&
	       c != 0x61c && c != 0x200e && c != 0x200f && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069) && (c & 0xfffe) != 0xfffe;
}

void html_text(FILE *f, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned int len;
	uint32_t c;

	for (; *p; p += len ? len : 1) {
		len = decode(p, &c);
		if (!len || !is_printable(c))
			fputs(REPLACEMENT, f);
		else if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			fprintf(f, "&#%u;", (unsigned int)c);
		else
			fwrite(p, 1, len, f);
	}
}

void html_size(FILE *f, uint64_t bytes)
{
	char text[SIZE_TEXT];

	fputs(size_format(text, bytes), f);
}

void html_duration(FILE *f, uint64_t seconds)
{
	const uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (!minutes)
		fprintf(f, "%" PRIu64 " s", seconds);
	else if (!hours)
		fprintf(f, "%" PRIu64 " min", minutes);
	else if (!days)
		fprintf(f, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
	else if (days < 10)
		fprintf(f, "%" PRIu64 " d %" PRIu64 " h", days, hours % 24);
	else
		fprintf(f, "%" PRIu64 " d", days);
}

void html_time(FILE *f, uint64_t seconds)
{
	/* The limit is the last second of the year 9999. */
	const time_t t = seconds > 253402300799 ? 253402300799 : (time_t)seconds;
	char machine[32], people[64];
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	strftime(machine, sizeof(machine), "%FT%TZ", &tm);
	if (!localtime_r(&t, &tm))
		return;
	strftime(people, sizeof(people), "%F %H:%M", &tm);
	fprintf(f, "<time datetime=\"%s\">", machine);
	html_text(f, people);
	fputs("</time>", f);
}
