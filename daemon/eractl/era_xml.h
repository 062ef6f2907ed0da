/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The XML that eractl, and era_dump and era_restore of thin-provisioning-tools, use for the eras
 * of blocks:
 *
 *	superblock(writeset*, era_array)  @uuid @block_size @nr_blocks @current_era
 *	                                  @nr_sectors @journal_pages @array_chunk @notes
 *	writeset(bit*|marked*)            @era @nr_bits
 *	bit                               @block @value(true|false)
 *	marked                            @block_begin @len
 *	era_array(era*)                   @block @era
 *
 * Only eractl writes the second line of attributes, and each of these attributes may be missing.
 * If several elements name an era for a block, the largest era counts.  A block without an era was
 * never written.
 */
#ifndef ERACTL_ERA_XML_H
#define ERACTL_ERA_XML_H

#include <stdio.h>

#include "common/err.h"
#include "eractl/era_sink.h"

/*
 * Reads all of f.  EBADMSG: f has another format; err begins with "NAME: line N: ", and the sink
 * may already have received some blocks.
 */
int era_xml_read(FILE *f, const char *name, const struct era_sink *sink, void *ctx,
		 struct err *err);

#endif /* ERACTL_ERA_XML_H */
