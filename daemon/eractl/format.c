// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints a diff in one of several formats: see format.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/format.h"

/* The format "table", for people: offsets are exact, lengths are rounded. */

static int offset_width(const struct diff *d)
{
	int width = snprintf(NULL, 0, "%" PRIu64, d->offset + d->head.size);

	return width < 6 ? 6 : width;
}

static void table_begin(const struct diff *d)
{
	printf("%*s  %10s\n", offset_width(d), "OFFSET", "LENGTH");
}

static void table_extent(const struct diff *d, uint64_t offset, uint64_t length)
{
	char text[SIZE_TEXT];

	printf("%*" PRIu64 "  %10s\n", offset_width(d), offset, size_format(text, length));
}

static void table_end(const struct diff *d)
{
	double percent = d->head.size ? 100.0 * d->changed / d->head.size : 0;
	char changed[SIZE_TEXT], size[SIZE_TEXT];

	printf("%" PRIu64 " extent%s, %s changed of %s (", d->extents, d->extents == 1 ? "" : "s",
	       size_format(changed, d->changed), size_format(size, d->head.size));
	if (d->changed && percent < 0.1)
		printf("less than 0.1 %%)\n");
	else
		printf("%.1f %%)\n", percent);
}

/*
 * The format "json": one object.  If the end of the object is missing, it is not valid JSON, so
 * cut_off() is not needed.
 */

static void json_begin(const struct diff *d)
{
	printf("{\"version\":%d,\"volume\":", JSON_VERSION);
	print_json_string(d->volume);
	printf(",\"offset\":%" PRIu64 ",\"block_size\":%" PRIu64 ",\"since\":%" PRIu64 ",\"era\":%" PRIu64
	       ",\"token\":", d->offset, d->head.block_size, d->head.since, d->head.era);
	if (d->head.token)
		print_json_string(d->head.token);
	else
		printf("null");
	printf(",\"gaps\":%s,\"extents\":[", d->head.gaps ? json_object_to_json_string_ext(d->head.gaps, JSON_C_TO_STRING_PLAIN) : "[]");
}

static void json_extent(const struct diff *d, uint64_t offset, uint64_t length)
{
	printf("%s\n{\"offset\":%" PRIu64 ",\"length\":%" PRIu64 ",\"type\":\"written\"}",
	       d->extents ? "," : "", offset, length);
}

static void json_end(const struct diff *d)
{
	printf("%s],\"changed_bytes\":%" PRIu64 "}\n", d->extents ? "\n" : "", d->changed);
}

/* The format "ranges", for shell loops. */

static void ranges_begin(const struct diff *d)
{
	(void)d;
}

static void ranges_extent(const struct diff *d, uint64_t offset, uint64_t length)
{
	(void)d;
	printf("%" PRIu64 " %" PRIu64 "\n", offset, length);
}

static void ranges_end(const struct diff *d)
{
	(void)d;
}

/* The format "ddrescue", for ddrescue --domain-mapfile: + is inside the domain, ? is outside. */

static void ddrescue_line(uint64_t offset, uint64_t length, char status)
{
	printf("0x%08" PRIX64 "  0x%08" PRIX64 "  %c\n", offset, length, status);
}

static void ddrescue_begin(const struct diff *d)
{
	printf("# Mapfile. Written by eractl: volume ");
	print_printable(stdout, d->volume);
	printf(", written since era %" PRIu64 ", in era %" PRIu64 "\n", d->head.since, d->head.era);
	printf("# current_pos  current_status  current_pass\n"
	       "0x00000000     ?               1\n"
	       "#      pos        size  status\n");
}

static void ddrescue_extent(const struct diff *d, uint64_t offset, uint64_t length)
{
	if (offset > d->end)
		ddrescue_line(d->end, offset - d->end, '?');
	ddrescue_line(offset, length, '+');
}

static void ddrescue_end(const struct diff *d)
{
	if (d->offset + d->head.size > d->end)
		ddrescue_line(d->end, d->offset + d->head.size - d->end, '?');
}

/* The format "xml": the same bytes that era_invalidate of thin-provisioning-tools 0.9 prints. */

static void xml_begin(const struct diff *d)
{
	(void)d;
	puts("<blocks>");
}

static void xml_extent(const struct diff *d, uint64_t offset, uint64_t length)
{
	const uint64_t first = offset / d->head.block_size;
	/* The last block may reach beyond the end of the device. */
	const uint64_t end = (offset + length - 1) / d->head.block_size + 1;

	if (end - first == 1)
		printf("  <block block=\"%" PRIu64 "\"/>\n", first);
	else
		printf("  <range begin=\"%" PRIu64 "\" end = \"%" PRIu64 "\"/>\n", first, end);
}

static void xml_end(const struct diff *d)
{
	(void)d;
	puts("</blocks>");
}

/*
 * Prints a line that is neither a number nor a comment.  A shell loop fails at this line, and
 * ddrescue refuses the file.
 */
static void print_incomplete(void)
{
	puts("incomplete");
}

static const struct diff_format formats[] = {
	{ "table", table_begin, table_extent, table_end, NULL, false },
	{ "json", json_begin, json_extent, json_end, NULL, false },
	{ "ranges", ranges_begin, ranges_extent, ranges_end, print_incomplete, false },
	{ "ddrescue", ddrescue_begin, ddrescue_extent, ddrescue_end, print_incomplete, false },
	{ "xml", xml_begin, xml_extent, xml_end, NULL, true },
};

const struct diff_format *diff_format_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}
