/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A map: a volume as a grid of cells, each with the newest era of its blocks. */
#ifndef ERAD_STORE_MAP_H
#define ERAD_STORE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define MAP_BANDS	7	/* bands of ages in eras: 0, 1, 2 to 3, 4 to 7, 8 to 15, 16 to 31, and older */

struct map_cell {
	uint32_t era;		/* the newest era of the cell's blocks; 0: all of them were last written before era `since` */
	uint64_t bytes;		/* bytes of the cell's blocks that were written in era `since` or later */
};

struct map {
	const char *name;
	struct store_info info;
	uint32_t since;			/* the oldest era that counts, at least 1 */
	unsigned int columns, rows;	/* largest grid; it gets smaller if there are fewer blocks than cells */
	uint64_t nr_cells;
	struct map_cell *cell;		/* the cells; map_free() frees them */
	uint64_t bytes[MAP_BANDS];	/* how many bytes have an era in each band */
};

/* Makes an empty grid.  The caller sets name, since, columns, rows and info first.  Returns 0 or ENOMEM. */
int map_init(struct map *m);

/* Adds blocks that were last written in `era`. */
void map_add(struct map *m, uint64_t first, uint64_t len, uint32_t era);

void map_free(struct map *m);

/* Returns the first block of a cell, and in *len the number of its blocks. */
uint64_t map_blocks(const struct map *m, uint64_t cell, uint64_t *len);

/*
 * Returns the size of these blocks in bytes, without the part of the last block that is beyond the end of the device.
 */
uint64_t map_bytes(const struct map *m, uint64_t first, uint64_t len);

unsigned int map_band(const struct map *m, uint32_t era);

/*
 * Returns the newest and the oldest era of a band, not older than `since`.  Returns false if the
 * band has no such era.
 */
bool map_band_eras(const struct map *m, unsigned int band, uint32_t *newest, uint32_t *oldest);

#endif /* ERAD_STORE_MAP_H */
