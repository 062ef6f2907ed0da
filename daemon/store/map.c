// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the grid of a map: see map.h. */
#include <errno.h>
#include <stdlib.h>

#include "erad_format.h"
#include "store/map.h"

int map_init(struct map *m)
{
	m->nr_cells = (uint64_t)m->columns * m->rows;
	if (m->nr_cells > m->info.nr_blocks)
		m->nr_cells = m->info.nr_blocks;
	m->cell = calloc(m->nr_cells, sizeof(*m->cell));
	return m->cell ? 0 : -ENOMEM;
}

void map_free(struct map *m)
{
	free(m->cell);
	m->cell = NULL;
}

static uint64_t first_block(const struct map *m, uint64_t cell)
{
	const unsigned __int128 n = (unsigned __int128)cell * m->info.nr_blocks;

	return (n + m->nr_cells - 1) / m->nr_cells;
}

uint64_t map_blocks(const struct map *m, uint64_t cell, uint64_t *len)
{
	const uint64_t first = first_block(m, cell);

	*len = first_block(m, cell + 1) - first;
	return first;
}

uint64_t map_bytes(const struct map *m, uint64_t first, uint64_t len)
{
	const uint64_t end = (first + len) * m->info.block_sectors;

	return ((end < m->info.nr_sectors ? end : m->info.nr_sectors) -
		first * m->info.block_sectors) * ERAD_SECTOR;
}

unsigned int map_band(const struct map *m, uint32_t era)
{
	unsigned int band = 0;

	for (uint32_t age = m->info.era - era; age && band < MAP_BANDS - 1; age >>= 1)
		band++;
	return band;
}

bool map_band_eras(const struct map *m, unsigned int band, uint32_t *newest, uint32_t *oldest)
{
	const uint32_t least = band ? 1u << (band - 1) : 0, most = band ? 2 * least - 1 : 0;

	if (m->info.era < m->since || m->info.era - m->since < least)
		return false;
	*newest = m->info.era - least;
	*oldest = m->since;
	if (band < MAP_BANDS - 1 && m->info.era - m->since > most)
		*oldest = m->info.era - most;
	return true;
}

void map_add(struct map *m, uint64_t first, uint64_t len, uint32_t era)
{
	uint64_t cell;

	/*
	 * Count newer eras as the current era of info, and ignore blocks beyond the size in info:
	 * since info was read, an era may have begun, and the volume may have grown.
	 */
	if (era > m->info.era)
		era = m->info.era;
	if (era < m->since || first >= m->info.nr_blocks)
		return;
	if (len > m->info.nr_blocks - first)
		len = m->info.nr_blocks - first;
	m->bytes[map_band(m, era)] += map_bytes(m, first, len);
	cell = (unsigned __int128)first * m->nr_cells / m->info.nr_blocks;
	while (len) {
		struct map_cell *c = &m->cell[cell++];
		uint64_t part = first_block(m, cell) - first;

		if (part > len)
			part = len;
		if (era > c->era)
			c->era = era;
		c->bytes += map_bytes(m, first, part);
		first += part;
		len -= part;
	}
}
