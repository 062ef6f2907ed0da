/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads which extents were written since an era: from erad for a volume, or from the metadata of a closed volume. */
#ifndef ERACTL_CHANGES_H
#define ERACTL_CHANGES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Sizes are in bytes. */
struct changes_head {
	uint64_t block_size, size;
	uint64_t since, era;
	const char *token;		/* of era, or NULL; this and gaps are valid in begin() only */
	struct json_object *gaps;	/* a list, or NULL */
};

struct changes_reader {
	const char *token;	/* or NULL: since is what was given */
	uint32_t since;
	bool snapshot;		/* read the volume's snapshot */
	void *ctx;
	/* Called once, first.  A negative errno, with err set, ends the reading. */
	int (*begin)(void *ctx, const struct changes_head *head, struct err *err);
	/* Called for each extent, in ascending order; neighbours are one extent.  All are within the volume. */
	int (*extent)(void *ctx, uint64_t offset, uint64_t length, struct err *err);
};

/*
 * operand: the name of a volume, or a path of metadata, which has a '/'.  Returns 0 when all extents were read,
 * the result of one of the functions if it was not 0, or another negative errno.  ESTALE: a full copy
 * is due, and err is the reason alone, without the name of the volume; begin() was not called.
 */
int changes_read(const char *operand, const struct changes_reader *r, struct err *err);

/* Checks that the metadata knows the moment of the token.  Returns as changes_read(). */
int changes_check_token(const char *operand, const char *token, struct err *err);

/* Prints a note to stderr if the whole volume is listed because of a gap. */
void changes_complain_of_gaps(const char *operand, const struct changes_head *head);

#endif /* ERACTL_CHANGES_H */
