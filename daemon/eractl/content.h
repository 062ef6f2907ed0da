/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the content of a volume at one moment: all of it, or the blocks that were written since a
 * token.
 */
#ifndef ERACTL_CONTENT_H
#define ERACTL_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/token.h"
#include "eractl/changes.h"
#include "eractl/compared.h"
#include "eractl/stream.h"

#define CONTENT_PIECE	(1u << 20)	/* limit of the bytes in one call of content_fn */

/* One entry of the temporary file `extents`, in bytes. */
struct content_extent {
	uint64_t offset, length;
};

struct content {
	/* The caller sets these four fields, and sets device.fd to -1. */
	/* Name of the volume, or a path of metadata, which has a '/'. */
	const char *operand;
	/* The device with the data: the volume, or a snapshot of the volume. */
	const char *device_path;
	/* Token of the earlier copy; NULL: read all of the volume. */
	const char *since;
	/* Directory for temporary files.  NULL: the system's directory for temporary files. */
	const char *directory;

	struct token from, to;		/* the moments of `since`, and of the content */
	bool has_to;			/* `to` is set */
	struct changes_head head;
	/*
	 * A temporary file for the extents, so that erad need not wait for the reader of the
	 * content.
	 */
	FILE *extents;
	/* Number of extents in the temporary file, and the sum of their bytes. */
	uint64_t nr_extents, extent_bytes;
	struct compared device;
	/* All of the volume is listed, because writes may have gone past erad. */
	bool whole;
	/*
	 * The gaps that erad reported when it began the era, or NULL.  content_list() prints the
	 * gaps.  If the whole volume is listed, content_list() prints the reason, and not the gaps.
	 * In both cases, content_list() frees the gaps and sets this field to NULL.
	 */
	struct json_object *gaps;
	bool full_copy_due;		/* the metadata does not know the moment of a token */
};

/*
 * Called for each extent, which is either zeros or data, and has at most CONTENT_PIECE bytes.  A
 * negative errno, with err set, ends the reading.
 */
typedef int (*content_fn)(void *ctx, const struct stream_extent *e, struct err *err);

/*
 * Opens the device.  From then on, compared_check_still() notices each write to the device.  The
 * caller calls content_close() also after an error of this function and of the other functions.
 */
int content_open(struct content *c, struct err *err);
void content_close(struct content *c);

/*
 * Finds the moment of the content.  to: if the device is a snapshot, the token of the era that had
 * begun when the snapshot was made; else NULL.  If to is NULL and the volume is open, begins a new
 * era.  If to is NULL and the volume is closed, leaves the moment to content_list().  ESTALE: the
 * metadata does not know the moment of to; c->full_copy_due is true.
 */
int content_find_moment(struct content *c, const char *to, struct err *err);

/*
 * Lists the extents for content_read(), and sets c->head.  ESTALE: a full copy is due; the caller
 * may set c->since to NULL and call this again.
 */
int content_list(struct content *c, struct err *err);

/*
 * Reads the data and calls fn for each extent, in ascending order.  align: a power of two.  Each
 * extent begins at a multiple of align, and ends at a multiple of align or at the end of the
 * volume, so an extent may contain data around the bytes that were written.  Runs of zeros are
 * found in units of grain bytes, which is a multiple of align and at most CONTENT_PIECE.  what: the
 * verb that the progress display shows, such as "copying".
 */
int content_read(struct content *c, uint64_t align, uint64_t grain, const char *what, content_fn fn, void *ctx, struct err *err);

/*
 * Extends the extent to multiples of align, a power of two, but not beyond `size`, the end of the
 * volume.
 */
void content_align_extent(struct content_extent *e, uint64_t align, uint64_t size);

/* Returns whether all of the buffer is zeros.  len is not 0. */
bool content_all_zeros(const char *buf, uint64_t len);

#endif /* ERACTL_CONTENT_H */
