/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The export of an NBD server to which backup writes: connects to the server, and has several
 * requests in flight.  Uses at most NBD_SLOTS buffers of NBD_PIECE bytes.
 *
 * After the first error of a request, all further calls that write, read or wait fail with this
 * error.  An exception is nbd_target_read().  One thread uses a target.
 */
#ifndef ERACTL_NBD_TARGET_H
#define ERACTL_NBD_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define NBD_SLOTS	16u
#define NBD_PIECE	(1u << 20)	/* limit of the data of one request, in bytes */

struct nbd_handle;

/* An extent that was written: with zeros, or with data that have the checksum crc. */
struct nbd_written {
	uint64_t offset, length;	/* in bytes; the length of data is at most NBD_PIECE */
	uint32_t crc;			/* CRC-32C of the data; 0 for zeros */
	uint32_t zeros;			/* 1: zeros */
};

struct nbd_slot {
	uint8_t *buf;		/* buffer of NBD_PIECE bytes, allocated at the first use */
	bool busy, done;	/* a request was made; the server has answered it */
	int error;		/* errno of the answer; 0: the request has succeeded */
	const char *verb;	/* what the request does, for messages */
	uint64_t offset;	/* place of the request */
	/* If check is true: what is expected in the buffer when the request, a read, is done. */
	bool check;
	struct nbd_written expected;
};

struct nbd_target {
	const char *uri;		/* a URI, or qcow2:FILE (nbd_image.h) */
	struct nbd_handle *nbd;		/* NULL: not connected */
	uint64_t size;			/* size of the export in bytes */
	/* Units of the server in bytes, powers of two: each request is aligned to `minimum`. */
	uint64_t minimum, preferred;
	uint64_t piece;			/* limit of the data of one request; a multiple of `minimum` */
	bool can_zero, can_flush, can_fua;
	uint64_t unflushed;		/* bytes written since the last flush was begun */
	struct nbd_slot slot[NBD_SLOTS];
	/*
	 * If the volume does not end at a multiple of `minimum`: what the export contains in the
	 * last unit of the volume, because a request can only write whole units.
	 */
	uint8_t *tail;
	int failed;			/* the first error, a negative errno; 0: none */
	bool other_content;		/* nbd_target_check() has found other content */
	struct err why;			/* message of the first error */
};

/* Returns whether the text has the form SCHEME://… or qcow2:…, and so names no directory. */
bool nbd_is_uri(const char *text);

/*
 * EINVAL: the URI has another scheme than nbd, nbds, nbd+unix, nbds+unix and qcow2; the URI is too
 * long or contains a newline; or the FILE of qcow2:FILE is not an absolute path.
 */
int nbd_check_uri(const char *uri, struct err *err);

/*
 * Connects to the server, or starts qemu-nbd.  t is zero except for uri.  EROFS: the export is
 * read-only.  The caller calls nbd_target_close() also after an error.
 */
int nbd_target_open(struct nbd_target *t, struct err *err);

/* Closes the connection without waiting for requests, and frees the buffers. */
void nbd_target_close(struct nbd_target *t);

/*
 * Checks that the export has room for the volume, and reads what follows the volume in its last
 * unit.  ENOSPC: the export is smaller than the volume.  Call this before the first write.
 */
int nbd_target_set_volume(struct nbd_target *t, uint64_t size, struct err *err);

/*
 * Begins to write data, and copies the data before it returns.  offset is a multiple of `minimum`,
 * and so is the end, unless it is the end of the volume.  length is at most `piece`.  Waits only if
 * all slots are busy.
 */
int nbd_target_write(struct nbd_target *t, const uint8_t *data, uint64_t length, uint64_t offset, struct err *err);

/*
 * Begins to write zeros.  offset and length as for nbd_target_write(), but length may be up to
 * NBD_ZEROS.  The server may deallocate the extent.
 */
#define NBD_ZEROS	(32u << 20)
int nbd_target_zero(struct nbd_target *t, uint64_t length, uint64_t offset, struct err *err);

/*
 * Waits for all requests.  Then asks the server to make all data durable, if the server can do
 * this.
 */
int nbd_target_flush(struct nbd_target *t, struct err *err);

/*
 * Begins to read an extent back, which is at most `piece` bytes long, and was written by one call.
 * This call or a later one, at the latest nbd_target_wait(), fails with EIO if the export has other
 * content.
 */
int nbd_target_check(struct nbd_target *t, const struct nbd_written *w, struct err *err);

/* Waits for all requests. */
int nbd_target_wait(struct nbd_target *t, struct err *err);

/*
 * Reads from the export, and waits for the data.  Any offset and length within the export are
 * allowed.  Waits for all other requests, too.  Only call this when no request is in flight: after an
 * error that is an answer of the server, further calls are possible, and t->failed is 0.
 */
int nbd_target_read(struct nbd_target *t, uint8_t *buf, uint64_t length, uint64_t offset, struct err *err);

#endif /* ERACTL_NBD_TARGET_H */
