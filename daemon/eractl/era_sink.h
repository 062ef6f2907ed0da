/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reader of eras, from XML or dm-era's metadata, tells whoever wants to know. */
#ifndef ERACTL_ERA_SINK_H
#define ERACTL_ERA_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct era_super {
	bool has_uuid;		/* "" is none */
	uint8_t uuid[16];
	uint32_t block_sectors;
	uint64_t nr_blocks;
	uint32_t era;
	uint64_t nr_sectors;	/* of as many blocks, if it is not said */
	uint64_t journal_pages;	/* 0: not said */
	uint32_t chunk_pages;	/* 0: not said */
};

/* Each returns 0 or a negative errno, with err set, that ends the reading. */
struct era_sink {
	int (*super)(void *ctx, const struct era_super *sb, struct err *err);
	/* All of them on the device, and era neither 0 nor after the current one. */
	int (*blocks)(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err);
};

#endif /* ERACTL_ERA_SINK_H */
