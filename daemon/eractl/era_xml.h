/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The XML in which era_dump and era_restore of thin-provisioning-tools, and
 * eractl, keep what was written when:
 *
 *	superblock(writeset*, era_array)  @uuid @block_size @nr_blocks @current_era
 *	                                  @nr_sectors @journal_pages @array_chunk
 *	writeset(bit*|marked*)            @era @nr_bits
 *	bit                               @block @value(true|false)
 *	marked                            @block_begin @len
 *	era_array(era*)                   @block @era
 *
 * The second line of attributes is eractl's, and each of them may be missing.
 * A block's era is the largest that is said of it; of what nothing is said was
 * never written.
 */
#ifndef ERACTL_ERA_XML_H
#define ERACTL_ERA_XML_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"

struct era_xml_super {
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
struct era_xml_sink {
	int (*super)(void *ctx, const struct era_xml_super *sb, struct err *err);
	/* All of them on the device, and era neither 0 nor after the current one. */
	int (*blocks)(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err);
};

/*
 * Reads all of f.  EBADMSG, with "NAME: line N: " in front of the sentence, for
 * whatever is not exactly this; the sink may have heard of much before.
 */
int era_xml_read(FILE *f, const char *name, const struct era_xml_sink *sink, void *ctx,
		 struct err *err);

#endif /* ERACTL_ERA_XML_H */
