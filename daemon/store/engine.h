/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface by which the metadata library does I/O: a small table of functions, so that a test
 * can take the place of a disk.
 */
#ifndef ERAD_ENGINE_H
#define ERAD_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/err.h"

struct engine;

/*
 * Offsets, lengths and buffers are multiples of 4 KiB.  Each function returns 0 or a negative
 * errno; an operation is done in full, or has failed.  Reading a hole returns zeros.  Several
 * threads may call the functions at once.
 */
struct engine_ops {
	int (*read)(struct engine *e, void *buf, uint64_t off, uint64_t len);
	int (*write)(struct engine *e, const void *buf, uint64_t off, uint64_t len);
	/*
	 * Makes durable every write that has returned before the call.  If this fails, every write
	 * that was not durable must be repeated, by any thread: although its content can still be
	 * read, another flush need not make it durable.
	 */
	int (*flush)(struct engine *e);
	/* Makes a range read as zeros.  Not durable before a flush. */
	int (*zero)(struct engine *e, uint64_t off, uint64_t len);
	/*
	 * Returns whether nothing was ever written to the range, so that reading it would return
	 * zeros; false if this is not known.  The pointer may be NULL.
	 */
	bool (*hole)(struct engine *e, uint64_t off, uint64_t len);
	/*
	 * Ensures that there are at least `size` bytes, and sets e->size.  A file is made longer;
	 * its new bytes read as zeros.  ENOSPC: a device is too small.
	 */
	int (*grow)(struct engine *e, uint64_t size);
	/*
	 * Checks that the file has not been truncated: EUCLEAN if it has fewer than e->size bytes.
	 * With by_path, also checks that the path with which the file was opened still leads to it.
	 * ENOENT: the file is deleted, nothing is in its place, and the same file system is mounted
	 * there.  ESTALE: any other difference.  Sets err.  by_path may wait for a file system that
	 * hangs.  The pointer may be NULL.
	 */
	int (*find)(struct engine *e, bool by_path, struct err *err);
	/*
	 * These replace a file that find() has reported as deleted.  begin_copy() makes a new file
	 * beside it, with a name of its own, and with the same length, mode and lock.  The caller
	 * copies the content of e to the new file.  end_copy() makes the new file durable, renames
	 * it to the path, and makes e use it from then on; it never overwrites another file.  While
	 * end_copy() runs, nobody may write to e.  If it fails, e is as before, with one exception:
	 * only making the new name durable has failed.  The caller destroys copy.  May be NULL if
	 * find is NULL.
	 */
	int (*begin_copy)(struct engine *e, struct engine **copy, struct err *err);
	int (*end_copy)(struct engine *e, struct engine *copy, struct err *err);
	/* Removes what a crash has left of copies of e, whose metadata has this UUID.  May be NULL. */
	void (*remove_copies)(struct engine *e, const uint8_t uuid[16]);
	void (*destroy)(struct engine *e);
};

struct engine {
	const struct engine_ops *ops;
	uint64_t size;		/* bytes */
	bool block_device;	/* a block device; otherwise a file */
	char name[256];		/* path, for messages */
};

enum engine_mode {
	ENGINE_READ,		/* shared lock: EBUSY while somebody has the metadata open for writing */
	ENGINE_WRITE,		/* exclusive lock: a second process gets EBUSY */
	ENGINE_CLAIM,		/* as ENGINE_WRITE, and nobody else may be using a block device */
};

/*
 * Opens a regular file or block device, with O_DIRECT if the file allows it.  flush is always
 * fdatasync().  If a device's write cache is "write through", the kernel makes fdatasync() free,
 * and it checks this at each flush.  The caller ends the engine with engine_destroy().
 *
 * The lock is an open file description lock, which ends with the engine.  It is on the file.  For a
 * device, it is on the node, and there is another one on a file in /run/erad, so that all nodes of
 * the device share one lock.  It only keeps out processes that use engine_open().
 *
 * ENGINE_CLAIM is for formatting and repairing a device that no target uses.  It opens the device
 * with O_EXCL: EBUSY is returned while the device is mounted, is swap space or is held by another
 * device; and before engine_destroy() nobody can mount it or load a table with it.  It also takes
 * flock(LOCK_EX), so that udev does not examine the device meanwhile.  ENGINE_WRITE needs neither:
 * the module has claimed the device for as long as the target's table exists.
 */
int engine_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err);

/*
 * Creates a regular file of `size` bytes for engine_open().  EEXIST: there is a file already.  The
 * first `written` bytes are written with zeros, so that no later write to them has to allocate
 * space; the rest is sparse.  If made is not NULL, *made describes the new file, for
 * aside_remove(), which removes no other file.
 */
int engine_create_file(const char *path, uint64_t size, uint64_t written, struct stat *made,
		       struct err *err);

/*
 * engine_stat() describes the file or device that e, of engine_open(), has open; it may not be at
 * its path any more.  engine_truncate() gives such a file another size in bytes.
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
