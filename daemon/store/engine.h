/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface by which the metadata library does I/O: a table of functions.  A test can supply
 * its own functions instead of a disk.
 */
#ifndef ERAD_ENGINE_H
#define ERAD_ENGINE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/err.h"

struct engine;

/*
 * Offsets, lengths and the addresses of buffers are multiples of 4 KiB.  A function with a range
 * returns 0 when it has processed the whole range, or a negative errno.  A hole reads as zeros.
 * Several threads may call the functions at the same time.
 */
struct engine_ops {
	int (*read)(struct engine *e, void *buf, uint64_t off, uint64_t len);
	int (*write)(struct engine *e, const void *buf, uint64_t off, uint64_t len);
	/*
	 * Writes, and makes only this range durable before it returns.  EOPNOTSUPP: the engine has
	 * no durable writes, and nothing was done; the caller uses write and flush instead.  After
	 * any other error, as after a failed flush, the caller must repeat all writes, of all
	 * threads, that were not durable yet.  The pointer may be NULL.
	 */
	int (*write_durable)(struct engine *e, const void *buf, uint64_t off, uint64_t len);
	/*
	 * Makes all writes durable that have returned before the call.  After a failure, the caller
	 * must repeat all writes, of all threads, that were not durable yet, because the kernel may
	 * keep the content in memory without writing it at the next flush.
	 */
	int (*flush)(struct engine *e);
	/* Makes the range read as zeros.  Not durable before a flush. */
	int (*zero)(struct engine *e, uint64_t off, uint64_t len);
	/*
	 * Returns true if nothing was ever written to the range, so that it reads as zeros.
	 * Returns false if this is not known.  The pointer may be NULL.
	 */
	bool (*hole)(struct engine *e, uint64_t off, uint64_t len);
	/*
	 * Ensures that there are at least `size` bytes, and sets e->size.  Extends a file that is
	 * shorter; the new bytes read as zeros.  ENOSPC: a device is too small.  EUCLEAN: the file
	 * was truncated.
	 */
	int (*grow)(struct engine *e, uint64_t size);
	/*
	 * Checks that the file still exists and is complete.  EUCLEAN: the file has fewer than
	 * e->size bytes, so it was truncated.
	 *
	 * by_path true: also checks that the path with which the file was opened still leads to the
	 * file.  ENOENT: the file is deleted, there is no other file at the path, and the same file
	 * system is mounted there.  ESTALE: any other difference.  With by_path, the call may wait
	 * for a file system that hangs.
	 *
	 * The pointer may be NULL.
	 */
	int (*find)(struct engine *e, bool by_path, struct err *err);
	/*
	 * These two replace a file that find() has reported as deleted.  begin_copy() creates a new
	 * file beside the path, under another name; *copy receives an engine for it.  The new file
	 * has the length, the owner and the mode of the old file, and is locked for writing.  Then
	 * the caller copies the content of e to the new file.  end_copy() makes the new file
	 * durable and renames it to the path; from then on, e uses the new file.
	 *
	 * end_copy() never replaces another file.  Nobody may write to e while end_copy() runs.
	 * After a failure, e is unchanged, with one exception: if only the new name could not be
	 * made durable, e uses the new file.
	 *
	 * The caller destroys copy.  The pointers may be NULL if find is NULL.
	 */
	int (*begin_copy)(struct engine *e, struct engine **copy, struct err *err);
	int (*end_copy)(struct engine *e, struct engine *copy, struct err *err);
	/*
	 * Removes the copies of e's file that were left by crashes.  uuid: the UUID of the
	 * metadata.  The pointer may be NULL.
	 */
	void (*remove_copies)(struct engine *e, const uint8_t uuid[16]);
	void (*destroy)(struct engine *e);
};

struct engine {
	const struct engine_ops *ops;
	uint64_t size;		/* size in bytes */
	bool block_device;	/* true: a block device; false: a file */
	char name[256];		/* path of the file or device, for messages */
};

enum engine_mode {
	ENGINE_READ,		/* shared lock; EBUSY: somebody has the metadata open for writing */
	ENGINE_WRITE,		/* exclusive lock; EBUSY: somebody has the metadata open */
	/* Exclusive lock.  EBUSY: another program or the kernel uses the block device. */
	ENGINE_CLAIM,
};

/*
 * Opens a regular file or a block device.  Uses O_DIRECT if the file allows it.  The caller closes
 * the engine with engine_destroy().
 *
 * A flush is always fdatasync().  The kernel checks the mode of a device's write cache at each
 * flush; if the mode is "write through", fdatasync() does nothing.
 *
 * The lock is an open file description lock on the file, which ends with the engine.  A device has
 * two locks: one on the node, and one on a file in /run/erad, which is the same file for all nodes
 * of the device.  The locks exclude only processes that use engine_open().
 *
 * ENGINE_CLAIM is for formatting and repairing a device that no target uses.  It opens the device
 * with O_EXCL.  EBUSY: the device is mounted, is swap space, or is used by another device.  Until
 * engine_destroy(), nobody can mount the device or load a table with it.  ENGINE_CLAIM also takes
 * flock(LOCK_EX), so that udev does not examine the device.
 *
 * ENGINE_WRITE uses neither O_EXCL nor flock(), because the module has claimed the device for as
 * long as the target's table exists.
 */
int engine_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err);

/*
 * Creates a regular file of `size` bytes, for engine_open().  EEXIST: there is a file at the path.
 * Writes zeros to the first `written` bytes, so that later writes to these bytes need no new space;
 * the rest is sparse.  *made receives the stat of the new file, for aside_remove(); made may be
 * NULL.
 */
int engine_create_file(const char *path, uint64_t size, uint64_t written, struct stat *made,
		       struct err *err);

/*
 * These functions accept only an engine from engine_open().  engine_stat() describes the open file
 * or device, which may no longer be at its path.  engine_truncate() sets the size of the file in
 * bytes.
 */
int engine_stat(struct engine *e, struct stat *st);
int engine_truncate(struct engine *e, uint64_t size);

static inline int engine_write_durable(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	return e->ops->write_durable ? e->ops->write_durable(e, buf, off, len) : -EOPNOTSUPP;
}

static inline bool engine_hole(struct engine *e, uint64_t off, uint64_t len)
{
	return e->ops->hole && e->ops->hole(e, off, len);
}

static inline int engine_find(struct engine *e, bool by_path, struct err *err)
{
	return e->ops->find ? e->ops->find(e, by_path, err) : 0;
}

static inline void engine_remove_copies(struct engine *e, const uint8_t uuid[16])
{
	if (e->ops->remove_copies)
		e->ops->remove_copies(e, uuid);
}

static inline void engine_destroy(struct engine *e)
{
	if (e)
		e->ops->destroy(e);
}

#endif /* ERAD_ENGINE_H */
