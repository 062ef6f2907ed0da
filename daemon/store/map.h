/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A map: a volume as a grid of cells, each with the newest era of its blocks. */
#ifndef ERAD_STORE_MAP_H
#define ERAD_STORE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* Bands of ages, in eras: 0, 1, 2 to 3, 4 to 7, 8 to 15, 16 to 31, and older. */
#define MAP_BANDS	7

struct map_cell {
	/*
	 * The newest era of the cell's blocks.  0: none of the blocks was written in era `since` or
	 * later.
	 */
	uint32_t era;
	/* Bytes of the cell's blocks that were written in era `since` or later. */
	uint64_t bytes;
};

struct map {
	const char *name;
	struct store_info info;
	uint32_t since;			/* the oldest era that counts, at least 1 */
	/*
	 * Largest size of the grid.  If there are fewer blocks than places in the grid, nr_cells is
	 * smaller than columns * rows, so that each cell contains a block.
	 */
	unsigned int columns, rows;
	uint64_t nr_cells;
	struct map_cell *cell;		/* the cells; map_free() frees them */
	uint64_t bytes[MAP_BANDS];	/* number of bytes whose era is in each band */
};

/*
 * Makes an empty grid.  The caller must set name, since, columns, rows and info first.  Returns 0
 * or ENOMEM.
 */
int map_init(struct map *m);

/* Adds blocks that were last written in `era`. */
void map_add(struct map *m, uint64_t first, uint64_t len, uint32_t era);

void map_free(struct map *m);

/* Returns the first block of a cell, and in *len the number of its blocks. */
uint64_t map_blocks(const struct map *m, uint64_t cell, uint64_t *len);

/*
 * Returns the size of the blocks first … first + len - 1 in bytes, without the part of the last
 * block that lies beyond the device.
 */
uint64_t map_bytes(const struct map *m, uint64_t first, uint64_t len);

unsigned int map_band(const struct map *m, uint32_t era);

/*
 * Sets *newest and *oldest to the newest and the oldest era of a band that are not older than
 * `since`.  Returns false, and sets nothing, if the band has no such era.
 */
bool map_band_eras(const struct map *m, unsigned int band, uint32_t *newest, uint32_t *oldest);

#endif /* ERAD_STORE_MAP_H */
