/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durable writes: a write that is durable when the call returns, with one command to the disk.  A
 * write and fdatasync() are two commands, and the second command waits until the disk has emptied
 * its write cache.
 *
 * An asynchronous direct write with RWF_DSYNC is one command with FUA ("force unit access"), which
 * makes only its own data durable.  A synchronous write, by pwritev2(), would also flush the disk.
 * (Linux 6.1: __blkdev_direct_IO_async() and blkdev_write_iter() in block/fops.c.)
 *
 * This file uses libaio, not io_uring.  With io_uring, the kernel may pass a write that has to wait
 * to another thread.  Creating that thread needs memory.  To free memory, the kernel may need to
 * write to a volume whose writes wait for this write.
 */
#ifndef ERAD_FUA_H
#define ERAD_FUA_H

#include <libaio.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fua {
	pthread_mutex_t lock;	/* one write at a time */
	io_context_t context;	/* NULL: none */
	bool ready;		/* durable writes are possible */
};

/*
 * Prepares durable writes to the open file or device.  They are possible with O_DIRECT on a disk
 * that has FUA, and in a file of ext4 or xfs on a disk that has FUA.  They are not possible on a
 * device that consists of other devices, because some targets of device-mapper ignore FUA
 * (dm-writecache, dm-zoned).  If durable writes are not possible, or f is a struct of zeros,
 * fua_write() returns EOPNOTSUPP.  The caller calls fua_destroy() at the end.
 */
void fua_init(struct fua *f, int fd);
void fua_destroy(struct fua *f);

/*
 * Writes len bytes at offset, durably.  buf, len and offset are multiples of 4 KiB.  Any thread may
 * call this.
 *
 * EOPNOTSUPP: durable writes are not possible, and nothing was done.  Other negative errnos: the
 * write has failed, and earlier writes that were not durable may be lost, as after a failed
 * fdatasync().  After a failed write, all further calls return EOPNOTSUPP, because the disk may be
 * one that refuses FUA.
 *
 * If the process is killed during the write, the kernel keeps the file open and locked until the
 * disk has completed the write.  So the write cannot reach the disk after another process has got
 * the lock.
 */
int fua_write(struct fua *f, int fd, const void *buf, size_t len, uint64_t offset);

#endif /* ERAD_FUA_H */
