/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only way the metadata library does I/O: a small table of functions, so
 * that tests can stand in for a disk.
 */
#ifndef ERAD_ENGINE_H
#define ERAD_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct engine;

/*
 * Offsets, lengths and buffers are multiples of 4 KiB.  0 or negative errno;
 * an operation is done in full or has failed.  Reads beyond a hole give
 * zeros.  Calls may come from several threads at once.
 */
struct engine_ops {
	int (*read)(struct engine *e, void *buf, uint64_t off, uint64_t len);
	int (*write)(struct engine *e, const void *buf, uint64_t off, uint64_t len);
	/*
	 * Everything whose write has returned before the call is durable after
	 * it.  If it fails, all that was not durable must be written again,
	 * by whomever it was written: though it may still be read, another
	 * flush need not make it durable.
	 */
	int (*flush)(struct engine *e);
	/* Makes a range read as zeros; not durable before a flush. */
	int (*zero)(struct engine *e, uint64_t off, uint64_t len);
	/*
	 * Whether nothing was ever written to the range, so that reading it
	 * would give zeros; false if that is not known.  May be NULL.
	 */
	bool (*hole)(struct engine *e, uint64_t off, uint64_t len);
	/*
	 * Sees to it that there are size bytes at least, and e->size says so; new
	 * ones read as zeros where a file had to be made longer.  ENOSPC if
	 * a device is too small.
	 */
	int (*grow)(struct engine *e, uint64_t size);
	void (*destroy)(struct engine *e);
};

struct engine {
	const struct engine_ops *ops;
	uint64_t size;		/* bytes */
	bool block_device;	/* page 0 is its first; else a file */
	char name[256];		/* for messages: the path */
};

enum engine_mode {
	ENGINE_READ,		/* shared lock: refused while somebody writes */
	ENGINE_WRITE,		/* exclusive lock: a second opener is refused, EBUSY */
};

/*
 * Opens a regular file or block device, with O_DIRECT where the file allows
 * it.  flush is always fdatasync(): where a device's write cache is "write
 * through" the kernel makes it free, and it looks at each flush whether it
 * still is.  The lock is an open file description lock on the file, gone with
 * the engine.  Caller ends it with engine_destroy().
 */
int engine_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err);

/*
 * Creates a regular file of size bytes for engine_open(); EEXIST if there is
 * one.  The first `written` bytes are written with zeros, so that no later
 * write in them has to allocate; the rest is sparse.
 */
int engine_create_file(const char *path, uint64_t size, uint64_t written, struct err *err);

static inline bool engine_hole(struct engine *e, uint64_t off, uint64_t len)
{
	return e->ops->hole && e->ops->hole(e, off, len);
}

static inline void engine_destroy(struct engine *e)
{
	if (e)
		e->ops->destroy(e);
}

#endif /* ERAD_ENGINE_H */
