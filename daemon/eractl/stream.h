/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream that send writes and receive reads: Ceph's rbd diff, version 1, with checks.
 *
 *	"rbd diff v1\n"
 *	'f' length name		the snapshot that the target must have; missing: the stream is a
 *				full copy
 *	't' length name		the snapshot that the target has afterwards
 *	's' size		of the volume, 8 bytes
 *	'w' offset length data	offset and length have 8 bytes each; offsets ascend
 *	'z' offset length	zeros
 *	'e'			the end; nothing follows
 *
 * Lengths of names have 4 bytes, and all numbers are little-endian.  The names that send writes are
 * erad-TOKEN, with '-' in place of each ':' of the token.
 *
 * A check is a 'z' of length 0, for which `rbd import-diff` does nothing.  The field offset of a
 * check is no offset.  It has these parts:
 *
 *	bits 48 to 63	STREAM_CHECK
 *	bits 32 to 47	enum stream_check
 *	bits 0 to 31	CRC-32C of all bytes since the last check, then of the kind (4 bytes) and
 *			of the position of the check in the stream (8 bytes)
 *
 * The first check follows 's', and shows that the stream has checks.  A check follows each group of
 * records.  A group has up to STREAM_GROUP bytes of data and up to STREAM_EXTENTS records, so that
 * a reader can keep it in memory until it has verified the check.  The last check is in front of
 * 'e'.  A reader uses no record of the last group before it has found that the input ends after
 * 'e'.
 *
 * `rbd export-diff` writes no checks.  Damage of its streams is noticed only if the stream is no
 * longer in this format.
 */
#ifndef ERACTL_STREAM_H
#define ERACTL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/token.h"

#define STREAM_MAGIC	"rbd diff v1\n"
#define STREAM_NAME_MAX	255u		/* longest name in bytes */
#define STREAM_GROUP	(16u << 20)
#define STREAM_EXTENTS	8192u
#define STREAM_CHECK	0xe7adull

enum stream_check {
	CHECK_HEAD = 1,
	CHECK_GROUP,
	CHECK_END,
};

struct stream_head {
	/* Names of the two moments; "": no name. */
	char from[STREAM_NAME_MAX + 1], to[STREAM_NAME_MAX + 1];
	uint64_t size;		/* size of the volume in bytes */
};

struct stream_extent {
	uint64_t offset, length;
	const uint8_t *data;	/* valid until the next stream_next(); NULL: the extent is zeros */
};

/*
 * stream_name() returns in name the name for a token, shorter than TOKEN_TEXT_SIZE + 8 bytes.
 * stream_token() is the inverse, and returns false if the name is not the name of a token.
 */
void stream_name(const struct token *t, char name[STREAM_NAME_MAX + 1]);
bool stream_token(const char *name, struct token *t);

/* ---- reading ---- */

struct stream_in;

/*
 * Reads bytes of the stream, as read(2) does: returns their number, 0 at the end, or -1 with errno.
 */
typedef ssize_t (*stream_read_fn)(void *ctx, void *buf, size_t len);

/*
 * Reads the head and the first check, and nothing after the first check.  In a stream without
 * checks, reads the head, and the first record without its data.  EBADMSG: this is not a stream of
 * this format, or it is damaged.  EPIPE: the stream was cut.  After success, the caller calls
 * stream_close().
 */
int stream_open(stream_read_fn fn, void *ctx, struct stream_in **out, struct err *err);
void stream_close(struct stream_in *s);

const struct stream_head *stream_get_head(const struct stream_in *s);
bool stream_has_checks(const struct stream_in *s);

/*
 * Returns whether the record 'e' was read.  If so, stream_next() waits for the end of the input
 * before it returns the last group.
 */
bool stream_is_at_end(const struct stream_in *s);

/*
 * Returns 1 and the next extent, 0 at the end of the stream, or a negative errno as stream_open()
 * does.  Extents ascend, are not empty, and are within the volume.  The data of one 'w' may be
 * returned as several extents.
 */
int stream_next(struct stream_in *s, struct stream_extent *e, struct err *err);

/* ---- writing ---- */

struct stream_out {
	FILE *file;
	uint64_t position;
	uint32_t crc;
	uint64_t group_bytes;
	unsigned int group_extents;
};

/*
 * Writes the head to file.  The other functions write to the same file.  The caller must check
 * whether a write has failed: by ferror(), or for stdout by output_failed().
 */
void stream_write_head(struct stream_out *o, FILE *file, const struct stream_head *h);
/* Writes an extent.  data NULL: zeros of any length; otherwise length is at most STREAM_GROUP. */
void stream_write_extent(struct stream_out *o, const struct stream_extent *e);
void stream_write_end(struct stream_out *o);

#endif /* ERACTL_STREAM_H */
