/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A volume as a grid of cells that know when they were last written, and drawings of it. */
#ifndef ERACTL_MAP_H
#define ERACTL_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

#define MAP_BANDS	7	/* of ages: 0, 1, 2 and 3, 4 to 7, 8 to 15, 16 to 31, and older */

struct map_cell {
	uint32_t era;		/* the newest of its blocks; 0: none is of era `since` or newer */
	uint64_t bytes;		/* of blocks that are */
};

struct map {
	const char *name;
	struct store_info info;
	uint32_t since;			/* the oldest era that counts, at least 1 */
	unsigned int columns, rows;	/* at most; a cell has one block or more */
	uint64_t nr_cells;
	struct map_cell *cell;		/* map_free() */
	uint64_t bytes[MAP_BANDS];	/* of blocks, by the age of their era */
};

enum map_colour { MAP_PLAIN, MAP_256, MAP_TRUE };

/* After name, since, columns, rows and info are set.  ENOMEM. */
int map_init(struct map *m);

/* These blocks were last written in era `era`. */
void map_add(struct map *m, uint64_t first, uint64_t len, uint32_t era);

void map_free(struct map *m);

/* The blocks of a cell, *len of them from the returned one on. */
uint64_t map_blocks(const struct map *m, uint64_t cell, uint64_t *len);

/* Of that many blocks, of which the last one may go beyond the device. */
uint64_t map_bytes(const struct map *m, uint64_t first, uint64_t len);

unsigned int map_band(const struct map *m, uint32_t era);

/* The newest and the oldest era in a band that count; false if there is none. */
bool map_band_eras(const struct map *m, unsigned int band, uint32_t *newest, uint32_t *oldest);

/* Print on stdout, or to a file; errors are the stream's. */
void map_print(const struct map *m, enum map_colour colour);
void map_print_json(const struct map *m);
void map_print_svg(const struct map *m, FILE *f);

#endif /* ERACTL_MAP_H */
