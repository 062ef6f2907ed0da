/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads which extents were written since an era: from erad for a volume, or from the metadata of a
 * closed volume.
 */
#ifndef ERACTL_CHANGES_H
#define ERACTL_CHANGES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* What is known before the first extent.  Sizes are in bytes. */
struct changes_head {
	uint64_t block_size, size;
	uint64_t since, era;
	/* Token of `era`, or NULL.  token and gaps are valid only during begin(). */
	const char *token;
	struct json_object *gaps;	/* list of gaps, or NULL */
};

struct changes_reader {
	/* The token that the user has given.  NULL: the user has given the era `since`. */
	const char *token;
	uint32_t since;
	bool snapshot;		/* true: read the volume's snapshot */
	void *ctx;
	/*
	 * Called once, before the first extent.  A negative errno, with err set, ends the reading.
	 */
	int (*begin)(void *ctx, const struct changes_head *head, struct err *err);
	/*
	 * Called for each extent, in ascending order.  offset and length are in bytes.  Adjacent
	 * extents are joined.  All extents are within the volume.  A negative errno, with err set,
	 * ends the reading.
	 */
	int (*extent)(void *ctx, uint64_t offset, uint64_t length, struct err *err);
};

/*
 * Reads the extents.  operand: the name of a volume, or a path of metadata, which has a '/'.
 * Returns 0 when all extents were read.  Otherwise returns the error of a function of the reader,
 * or a negative errno.
 *
 * ESTALE: a full copy is due.  begin() was not called, and err contains only the reason, without
 * the name of the volume.
 */
int changes_read(const char *operand, const struct changes_reader *r, struct err *err);

/*
 * Checks that the metadata knows the moment of the token.  Returns the same values as
 * changes_read().
 */
int changes_check_token(const char *operand, const char *token, struct err *err);

/* Prints a note to stderr if the diff contains the whole volume because of a gap. */
void changes_complain_of_gaps(const char *operand, const struct changes_head *head);

#endif /* ERACTL_CHANGES_H */
