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

#include <stdio.h>

#include "common/err.h"
#include "eractl/era_sink.h"

/*
 * Reads all of f.  EBADMSG, with "NAME: line N: " in front of the sentence, for
 * whatever is not exactly this; the sink may have heard of much before.
 */
int era_xml_read(FILE *f, const char *name, const struct era_sink *sink, void *ctx,
		 struct err *err);

#endif /* ERACTL_ERA_XML_H */
