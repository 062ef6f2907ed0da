/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface between a reader of eras (era_xml.h, dm_era.h) and a writer of metadata. */
#ifndef ERACTL_ERA_SINK_H
#define ERACTL_ERA_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/history.h"

struct era_super {
	bool has_uuid;		/* false: the input has no UUID, or an empty one */
	uint8_t uuid[16];
	uint32_t block_sectors;
	uint64_t nr_blocks;
	uint32_t era;
	/*
	 * Size of the origin.  If the input contains no size, the size of nr_blocks whole blocks.
	 */
	uint64_t nr_sectors;
	uint64_t journal_pages;	/* 0: the input has no such value */
	uint32_t chunk_pages;	/* 0: the input has no such value */
	/*
	 * NULL: the input contains no notes, for example because dm-era's metadata contains none.
	 */
	const struct store_notes *notes;
};

/* Each function returns 0, or a negative errno with err set, which ends the reading. */
struct era_sink {
	int (*super)(void *ctx, const struct era_super *sb, struct err *err);
	/*
	 * Called for runs of blocks within the device.  era is at least 1, and at most the current
	 * era.
	 */
	int (*blocks)(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err);
};

#endif /* ERACTL_ERA_SINK_H */
