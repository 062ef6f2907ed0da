/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory with a volatile write cache.  It can fail, lose writes that were not flushed,
 * and produce every state that a power failure could leave.
 */
#ifndef ERAD_TEST_DISK_H
#define ERAD_TEST_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/engine.h"

/* the disk writes a sector as a whole or not at all, but see tear_below */
#define DISK_SECTOR	512u

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,
	/* the first half of a durable write: its data is in the cache after this half */
	DISK_WRITE_DURABLE,
	/* the second half of a durable write: its data is durable after this half */
	DISK_PERSIST,
	DISK_ZERO,
};

struct disk_write {
	uint64_t sector;
	uint8_t data[DISK_SECTOR];
};

struct disk {
	pthread_mutex_t lock;
	uint64_t size;
	uint8_t *visible;		/* the content that reads return */
	uint8_t *durable;		/* the content that a power failure cannot change */
	struct disk_write *cache;	/* writes since the last flush, in order */
	size_t nr_cached, cap;

	uint64_t ops;			/* how many operations there were so far */
	uint64_t fail_from, fail_to;	/* operations fail_from to fail_to - 1 fail with EIO */
	/* offset in bytes: writes at or after it fail; 0: no write fails */
	uint64_t broken_from;
	/* byte offsets: reads of this range fail until the range is written */
	uint64_t bad_from, bad_to;
	/* whether the disk supports durable writes; if not, they return EOPNOTSUPP */
	bool fua;
	/*
	 * whether the disk refuses durable writes with EIO, although it supports them; an engine
	 * makes no more durable writes after an error
	 */
	bool refuses_fua;
	bool fail_torn;			/* whether a failing write writes a part of its data */
	bool fail_lossy;		/* whether a failing flush or DISK_PERSIST makes some cached writes durable, and loses the others */
	uint64_t rnd;			/* random state for fail_torn and fail_lossy */
	/* a power failure can leave a sector partly written if the sector's number is smaller */
	uint64_t tear_below;

	/* Called, with no lock held, before and after each operation. */
	void (*hook)(struct disk *d, enum disk_op op, bool after, void *ctx);
	void *hook_ctx;
};

void disk_init(struct disk *d, uint64_t size);
/* Makes a disk that uses the image itself, without a copy.  Such a disk must not be written. */
void disk_init_shared(struct disk *d, uint8_t *image, uint64_t size);
/* Makes a disk with a copy of the image. */
void disk_init_copy(struct disk *d, const uint8_t *image, uint64_t size);
void disk_destroy(struct disk *d);

/* Returns a new engine on the disk.  The disk must live longer than the engine. */
struct engine *disk_engine(struct disk *d);

/*
 * Writes a sector without an engine, as the module does.  The write is in the cache until
 * disk_persist() makes it durable.  The two calls together are a write with FUA.
 */
void disk_foreign_write(struct disk *d, uint64_t sector, const uint8_t *data);
void disk_persist(struct disk *d, uint64_t sector);

/*
 * Calls fn with states that a power failure now could leave.  In each state, a sector has its
 * durable version, one of its cached versions, or a torn one (see tear_below).  If there are at
 * most `limit` states, fn is called with all of them.  Otherwise fn is called with `limit` states:
 * one without any cached write, one with all cached writes, up to limit / 2 states in which one
 * sector differs from one of these two states, and random states.  fn must not change the image.
 * If fn returns another value than 0, disk_crash() stops and returns this value.
 */
int disk_crash(struct disk *d, uint64_t limit, uint64_t seed,
	       int (*fn)(void *ctx, uint8_t *image), void *ctx);

#endif /* ERAD_TEST_DISK_H */
