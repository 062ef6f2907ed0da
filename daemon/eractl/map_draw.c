// SPDX-License-Identifier: GPL-2.0-or-later
/* Draws a map as text, JSON or SVG: see map_draw.h. */
#include <inttypes.h>
#include <string.h>

#include "common/size.h"
#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/eractl.h"
#include "eractl/map_draw.h"

/* Index of the band for cells whose blocks were never written. */
#define NOTHING		MAP_BANDS
#define LABEL		10		/* width of the offset in front of a row */
#define SVG_CELL	8		/* width and height of a cell in pixels */
#define SVG_LINE	20

/*
 * The symbols and colours of the bands, from the newest to the oldest.  The last entry is for
 * NOTHING.
 */
static const struct {
	char plain;
	unsigned char code;	/* number in the palette of 256 colours */
	unsigned char r, g, b;
} look[] = {
	{ '@', 228, 0xff, 0xf1, 0x8a },
	{ '#', 215, 0xfd, 0xb3, 0x4a },
	{ '*', 202, 0xf4, 0x6d, 0x2f },
	{ '+', 161, 0xd0, 0x2c, 0x58 },
	{ '=', 90, 0x8c, 0x1f, 0x7c },
	{ '-', 55, 0x55, 0x1b, 0x85 },
	{ ':', 18, 0x2a, 0x1a, 0x72 },
	{ '.', 236, 0x30, 0x30, 0x30 },
};

_Static_assert(sizeof(look) / sizeof(look[0]) == NOTHING + 1, "each band has a look");

static unsigned int band_of(const struct map *m, const struct map_cell *c)
{
	return c->era ? map_band(m, c->era) : NOTHING;
}

static void put_cell(unsigned int band, enum map_colour colour)
{
	if (colour == MAP_PLAIN)
		putchar(look[band].plain);
	else if (colour == MAP_256)
		printf("\033[48;5;%um ", look[band].code);
	else
		printf("\033[48;2;%u;%u;%um ", look[band].r, look[band].g, look[band].b);
}

static void end_colour(enum map_colour colour)
{
	if (colour != MAP_PLAIN)
		fputs("\033[0m", stdout);
}

static uint64_t map_size(const struct map *m)
{
	return m->info.nr_sectors * ERAD_SECTOR;
}

/*
 * Sets text to the legend's text for a band, and *bytes to the bytes of the band.  Returns false if
 * there is no era in the band; then text is not set.
 */
static bool describe_band(const struct map *m, unsigned int band, char text[64], uint64_t *bytes)
{
	uint32_t newest, oldest;

	if (band == NOTHING) {
		*bytes = map_size(m);
		for (unsigned int i = 0; i < MAP_BANDS; i++)
			*bytes -= m->bytes[i];
		if (m->since > 1)
			snprintf(text, 64, "not since era %" PRIu32, m->since);
		else
			snprintf(text, 64, "never written");
		return true;
	}
	*bytes = m->bytes[band];
	if (!map_band_eras(m, band, &newest, &oldest))
		return false;
	if (newest == oldest)
		snprintf(text, 64, "era %" PRIu32 "%s", newest, band ? "" : ", the current one");
	else
		snprintf(text, 64, "eras %" PRIu32 " to %" PRIu32, oldest, newest);
	return true;
}

void map_print(const struct map *m, enum map_colour colour)
{
	char size[SIZE_TEXT], text[64];
	uint64_t len, bytes;

	map_blocks(m, 0, &len);
	print_printable(stdout, m->name);
	printf(": %s, %s%s for each cell\n", size_format(size, map_size(m)),
	       m->info.nr_blocks % m->nr_cells ? "about " : "",
	       size_format(text, len * m->info.block_sectors * ERAD_SECTOR));
	for (uint64_t i = 0; i < m->nr_cells; i++) {
		if (i % m->columns == 0)
			printf("%*s  ", LABEL, size_format(size, map_bytes(m, 0, map_blocks(m, i, &len))));
		put_cell(band_of(m, &m->cell[i]), colour);
		if (i % m->columns == m->columns - 1 || i + 1 == m->nr_cells) {
			end_colour(colour);
			putchar('\n');
		}
	}
	putchar('\n');
	for (unsigned int band = 0; band <= NOTHING; band++) {
		if (!describe_band(m, band, text, &bytes))
			continue;
		printf("%*s", LABEL + 2, "");
		put_cell(band, colour);
		end_colour(colour);
		printf(" %-26s %10s\n", text, size_format(size, bytes));
	}
}

void map_print_json(const struct map *m)
{
	const char *comma = "";
	char uuid[UUID_TEXT_SIZE];

	printf("{\"version\":%d,\"uuid\":\"%s\",\"era\":%" PRIu32 ",\"since\":%" PRIu32
	       ",\"size\":%" PRIu64 ",\"block_size\":%" PRIu64 ",\"columns\":%u,\"ages\":[",
	       JSON_VERSION, uuid_text(m->info.uuid, uuid), m->info.era, m->since, map_size(m),
	       (uint64_t)m->info.block_sectors * ERAD_SECTOR, m->columns);
	for (unsigned int band = 0; band < MAP_BANDS; band++) {
		uint32_t newest, oldest;

		if (!map_band_eras(m, band, &newest, &oldest))
			break;
		printf("%s{\"oldest\":%" PRIu32 ",\"newest\":%" PRIu32 ",\"bytes\":%" PRIu64 "}",
		       comma, oldest, newest, m->bytes[band]);
		comma = ",";
	}
	fputs("],\"cells\":[", stdout);
	for (uint64_t i = 0; i < m->nr_cells; i++) {
		const struct map_cell *c = &m->cell[i];
		uint64_t first, len;

		first = map_blocks(m, i, &len);
		printf("%s\n{\"offset\":%" PRIu64 ",\"length\":%" PRIu64 ",\"era\":%" PRIu32
		       ",\"bytes\":%" PRIu64 "}", i ? "," : "", map_bytes(m, 0, first),
		       map_bytes(m, first, len), c->era, c->bytes);
	}
	fputs("\n]}\n", stdout);
}

static void put_rect(FILE *f, unsigned int x, unsigned int y, unsigned int width, unsigned int band)
{
	fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#%02x%02x%02x\"/>\n",
		x, y, width, SVG_CELL, look[band].r, look[band].g, look[band].b);
}

static void put_text(FILE *f, unsigned int x, unsigned int y, const char *text)
{
	fprintf(f, "<text x=\"%u\" y=\"%u\">", x, y);
	for (; *text; text++) {
		if (*text == '<' || *text == '&' || (unsigned char)*text < ' ')
			fprintf(f, "&#%u;", (unsigned char)*text < ' ' ? '?' : *text);
		else
			putc(*text, f);
	}
	fputs("</text>\n", f);
}

void map_print_svg(const struct map *m, FILE *f)
{
	const unsigned int rows = (m->nr_cells + m->columns - 1) / m->columns;
	unsigned int y = 2 * SVG_LINE + rows * SVG_CELL;
	const unsigned int width = (m->columns + 2) * SVG_CELL;
	char text[4352], size[SIZE_TEXT];
	uint64_t bytes;

	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#ddd\">\n",
		width, y + (NOTHING + 1) * SVG_LINE + SVG_CELL);
	fputs("<rect width=\"100%\" height=\"100%\" fill=\"#181818\"/>\n", f);
	snprintf(text, sizeof(text), "%s, %s", m->name, size_format(size, map_size(m)));
	put_text(f, SVG_CELL, SVG_LINE, text);
	for (uint64_t i = 0, n; i < m->nr_cells; i += n) {
		const unsigned int band = band_of(m, &m->cell[i]), x = i % m->columns;

		/* To keep the file small, draw adjacent cells of one band as one rectangle. */
		for (n = 1; x + n < m->columns && i + n < m->nr_cells &&
		     band_of(m, &m->cell[i + n]) == band; n++)
			;
		put_rect(f, (x + 1) * SVG_CELL, SVG_LINE + SVG_CELL + i / m->columns * SVG_CELL,
			 n * SVG_CELL, band);
	}
	for (unsigned int band = 0; band <= NOTHING; band++) {
		char what[64];

		if (!describe_band(m, band, what, &bytes))
			continue;
		put_rect(f, SVG_CELL, y, SVG_CELL, band);
		snprintf(text, sizeof(text), "%s: %s", what, size_format(size, bytes));
		put_text(f, 3 * SVG_CELL, y + SVG_CELL, text);
		y += SVG_LINE;
	}
	fputs("</svg>\n", f);
}
