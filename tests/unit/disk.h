/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory with a volatile write cache: it can fail, lose what was not
 * flushed, and show every state a power failure may leave behind.
 */
#ifndef ERAD_TEST_DISK_H
#define ERAD_TEST_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/engine.h"

#define DISK_SECTOR	512u	/* the unit that is written or is not */

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,
	DISK_ZERO,
};

struct disk_write {
	uint64_t sector;
	uint8_t data[DISK_SECTOR];
};

struct disk {
	pthread_mutex_t lock;
	uint64_t size;
	uint8_t *visible;		/* what is read */
	uint8_t *durable;		/* what is left of it for sure */
	struct disk_write *cache;	/* written since, in order */
	size_t nr_cached, cap;

	uint64_t ops;			/* so far */
	uint64_t fail_from, fail_to;	/* numbers of the first that fails with EIO, and beyond the last */
	uint64_t broken_from;		/* bytes; no write at or behind it succeeds; 0: all may */
	uint64_t bad_from, bad_to;	/* bytes; what overlaps cannot be read until it has been written */
	bool fail_torn;			/* a write that fails does so halfway */
	bool fail_lossy;		/* a flush that fails keeps some of the cache, forgets the rest */
	uint64_t rnd;			/* for these */
	uint64_t tear_below;		/* sectors below this number may be torn within */

	/* Called, with no lock held, before and after each operation. */
	void (*hook)(struct disk *d, enum disk_op op, bool after, void *ctx);
	void *hook_ctx;
};

void disk_init(struct disk *d, uint64_t size);
/* Takes the image as it is, without a copy: it may be read, not written. */
void disk_init_shared(struct disk *d, uint8_t *image, uint64_t size);
/* A disk of its own with that content. */
void disk_init_copy(struct disk *d, const uint8_t *image, uint64_t size);
void disk_destroy(struct disk *d);

/* A new engine on the disk, which outlives it. */
struct engine *disk_engine(struct disk *d);

/*
 * Somebody else writes a sector, with no engine: first it is in the cache, then, with
 * disk_persist(), durable, which is what FUA promises.
 */
void disk_foreign_write(struct disk *d, uint64_t sector, const uint8_t *data);
void disk_persist(struct disk *d, uint64_t sector);

/*
 * Calls fn with states that a power failure now may leave: of each sector any
 * of its cached versions or the durable one.  All of them if these are limit
 * at most; else none, all, each alone, all but each, and random ones until
 * there are limit.  The image is fn's for the time of the call, but must not be
 * changed.  fn's first non-zero value ends it and is returned.
 */
int disk_crash(struct disk *d, uint64_t limit, uint64_t seed,
	       int (*fn)(void *ctx, uint8_t *image), void *ctx);

#endif /* ERAD_TEST_DISK_H */
