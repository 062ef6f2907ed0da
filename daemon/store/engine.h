/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only way the metadata library does I/O: a small table of functions, so
 * that tests can stand in for a disk.
 */
#ifndef ERAD_ENGINE_H
#define ERAD_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

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
	/*
	 * 0 unless the file has fewer than e->size bytes: EUCLEAN, because it was truncated.  With
	 * by_path, also whether the path that it was opened with still leads to it.  ENOENT: the file is
	 * deleted, nothing is in its place, and the same file system is mounted there.  ESTALE:
	 * anything else.  Sets err.  by_path may wait for a file system that hangs.  May be NULL.
	 */
	int (*find)(struct engine *e, bool by_path, struct err *err);
	/*
	 * For a file that find() says is deleted.  begin_copy() makes a new file beside it,
	 * with a name of its own, and the same length, mode and lock.  The caller copies what is in e to it.  end_copy() makes the
	 * new file durable, gives it the path, and has e use it from then on; it never overwrites a
	 * file.  While end_copy() runs, nobody may write to e.  If it fails, e is as it was, unless
	 * only the new name could not be made durable.  The caller ends copy.  May be NULL if find is.
	 */
	int (*begin_copy)(struct engine *e, struct engine **copy, struct err *err);
	int (*end_copy)(struct engine *e, struct engine *copy, struct err *err);
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
	ENGINE_CLAIM,		/* the same, and nobody else has a block device in use */
};

/*
 * Opens a regular file or block device, with O_DIRECT where the file allows
 * it.  flush is always fdatasync(): where a device's write cache is "write
 * through" the kernel makes it free, and it looks at each flush whether it
 * still is.  Caller ends it with engine_destroy().
 *
 * The lock is an open file description lock, gone with the engine: on the file, which
 * for a device is the node, and for a device on a file in /run/erad, too, so
 * that all nodes of the device are one.  It keeps out only those who use
 * engine_open().  ENGINE_CLAIM is for formatting and repairing a device that no
 * target uses: it opens the device with O_EXCL, so that EBUSY is returned
 * while the device is mounted, swap or held by another device, and nobody can
 * mount it or make a table with it before engine_destroy(); and it takes
 * flock(LOCK_EX), so that udev does not examine the device meanwhile.  With
 * ENGINE_WRITE it is the target that keeps others out: the module has claimed the
 * device for as long as the table lives.
 */
int engine_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err);

/*
 * Creates a regular file of size bytes for engine_open(); EEXIST if there is
 * one.  The first `written` bytes are written with zeros, so that no later
 * write in them has to allocate; the rest is sparse.  *made, unless NULL, describes
 * the new file: its owner removes no other file with aside_remove().
 */
int engine_create_file(const char *path, uint64_t size, uint64_t written, struct stat *made,
		       struct err *err);

/*
 * The file or device that e, of engine_open(), has open, which may not be at its path any more; and gives such
 * a file a size in bytes.
 */
int engine_stat(struct engine *e, struct stat *st);
int engine_truncate(struct engine *e, uint64_t size);

static inline bool engine_hole(struct engine *e, uint64_t off, uint64_t len)
{
	return e->ops->hole && e->ops->hole(e, off, len);
}

static inline int engine_find(struct engine *e, bool by_path, struct err *err)
{
	return e->ops->find ? e->ops->find(e, by_path, err) : 0;
}

static inline void engine_destroy(struct engine *e)
{
	if (e)
		e->ops->destroy(e);
}

#endif /* ERAD_ENGINE_H */
