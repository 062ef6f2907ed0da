/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface between a reader of eras, from XML or from dm-era's metadata, and the writer of metadata. */
#ifndef ERACTL_ERA_SINK_H
#define ERACTL_ERA_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct era_super {
	bool has_uuid;		/* false also if the text was "" */
	uint8_t uuid[16];
	uint32_t block_sectors;
	uint64_t nr_blocks;
	uint32_t era;
	uint64_t nr_sectors;	/* if the input has no number of sectors: that of nr_blocks whole blocks */
	uint64_t journal_pages;	/* 0: not in the input */
	uint32_t chunk_pages;	/* 0: not in the input */
};

/* Each function returns 0, or a negative errno with err set, which ends the reading. */
struct era_sink {
	int (*super)(void *ctx, const struct era_super *sb, struct err *err);
	/* All blocks are on the device.  era is at least 1, and not newer than the current era. */
	int (*blocks)(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err);
};

#endif /* ERACTL_ERA_SINK_H */
