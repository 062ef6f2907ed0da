// SPDX-License-Identifier: GPL-2.0-or-later
/* Simulates a disk that can fail and lose its cache: see disk.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "rnd.h"

struct disk_engine {
	struct engine engine;
	struct disk *disk;
	bool fua_refused;
};

static struct disk *to_disk(struct engine *e)
{
	return ((struct disk_engine *)e)->disk;
}

static void cache_write(struct disk *d, uint64_t sector, const uint8_t *data)
{
	if (!d->durable)
		abort();	/* abort: the image is shared, so it must not be written */
	if (d->nr_cached == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->cache = realloc(d->cache, d->cap * sizeof(*d->cache));
	}
	d->cache[d->nr_cached].sector = sector;
	memcpy(d->cache[d->nr_cached++].data, data, DISK_SECTOR);
	memcpy(d->visible + sector * DISK_SECTOR, data, DISK_SECTOR);
}

/*
 * Counts the operation.  Returns true if the operation must fail.  Takes the lock in both cases;
 * the caller releases the lock.
 */
static bool begin_op(struct disk *d, enum disk_op op, uint64_t off, uint64_t len)
{
	uint64_t nr;

	if (off % 4096 || len % 4096 || off > d->size || len > d->size - off)
		abort();	/* abort: the caller has broken a rule of engine.h */
	if (d->hook)
		d->hook(d, op, false, d->hook_ctx);
	pthread_mutex_lock(&d->lock);
	nr = d->ops++;
	if (d->broken_from && op != DISK_READ && op != DISK_FLUSH && op != DISK_PERSIST && off >= d->broken_from)
		return true;
	if (op != DISK_PERSIST && off < d->bad_to && off + len > d->bad_from) {
		if (op == DISK_READ)
			return true;
		if (off <= d->bad_from)
			d->bad_from = off + len;
		if (d->bad_from >= d->bad_to)
			d->bad_from = d->bad_to = 0;
	}
	return nr >= d->fail_from && nr < d->fail_to;
}

static void end_op(struct disk *d, enum disk_op op)
{
	pthread_mutex_unlock(&d->lock);
	if (d->hook)
		d->hook(d, op, true, d->hook_ctx);
}

static int disk_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	struct disk *d = to_disk(e);
	const bool fail = begin_op(d, DISK_READ, off, len);
	uint64_t i;

	if ((uintptr_t)buf % 4096)
		abort();
	/* Copy sector by sector, because other threads may write during the copy. */
	for (i = 0; i < len && !fail; i += DISK_SECTOR) {
		memcpy((char *)buf + i, d->visible + off + i, DISK_SECTOR);
		if (i % 4096 == 0) {
			pthread_mutex_unlock(&d->lock);
			pthread_mutex_lock(&d->lock);
		}
	}
	end_op(d, DISK_READ);
	return fail ? -EIO : 0;
}

static int write_sectors(struct disk *d, enum disk_op op, const uint8_t *buf, uint64_t off,
			 uint64_t len)
{
	static const uint8_t zeros[DISK_SECTOR];
	const bool fail = begin_op(d, op, off, len);
	uint64_t i;

	for (i = 0; i < len; i += DISK_SECTOR) {
		if (fail && (!d->fail_torn || rnd(&d->rnd) % 2))
			continue;
		cache_write(d, (off + i) / DISK_SECTOR, buf ? buf + i : zeros);
		if (i % 4096 == 0) {
			pthread_mutex_unlock(&d->lock);
			pthread_mutex_lock(&d->lock);
		}
	}
	end_op(d, op);
	return fail ? -EIO : 0;
}

static int disk_write(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	if ((uintptr_t)buf % 4096)
		abort();
	return write_sectors(to_disk(e), DISK_WRITE, buf, off, len);
}

static int disk_zero(struct engine *e, uint64_t off, uint64_t len)
{
	return write_sectors(to_disk(e), DISK_ZERO, NULL, off, len);
}

/* Makes the visible content of the sector durable.  Context: lock. */
static void persist_sector(struct disk *d, uint64_t sector)
{
	size_t i, kept = 0;

	memcpy(d->durable + sector * DISK_SECTOR, d->visible + sector * DISK_SECTOR, DISK_SECTOR);
	for (i = 0; i < d->nr_cached; i++)
		if (d->cache[i].sector != sector)
			d->cache[kept++] = d->cache[i];
	d->nr_cached = kept;
}

/* Makes some cached writes durable, chosen at random, and loses the others.  Context: lock. */
static void lose_some(struct disk *d)
{
	size_t i;

	for (i = 0; i < d->nr_cached; i++)
		if (rnd(&d->rnd) % 2)
			memcpy(d->durable + d->cache[i].sector * DISK_SECTOR, d->cache[i].data, DISK_SECTOR);
	d->nr_cached = 0;
}

static int disk_flush(struct engine *e)
{
	struct disk *d = to_disk(e);
	const bool fail = begin_op(d, DISK_FLUSH, 0, 0);
	size_t i;

	if (fail && d->fail_lossy)
		lose_some(d);
	for (i = 0; i < d->nr_cached && !fail; i++)
		memcpy(d->durable + d->cache[i].sector * DISK_SECTOR, d->cache[i].data, DISK_SECTOR);
	if (!fail)
		d->nr_cached = 0;
	end_op(d, DISK_FLUSH);
	return fail ? -EIO : 0;
}

static int disk_write_durable(struct engine *e, const void *buf, uint64_t off, uint64_t len)
{
	struct disk_engine *de = (struct disk_engine *)e;
	struct disk *d = de->disk;
	bool fail;
	uint64_t i;
	int ret;

	if (!d->fua || de->fua_refused)
		return -EOPNOTSUPP;
	if (d->refuses_fua) {
		de->fua_refused = true;
		return -EIO;
	}
	if ((uintptr_t)buf % 4096)
		abort();
	ret = write_sectors(d, DISK_WRITE_DURABLE, buf, off, len);
	if (ret)
		return ret;
	fail = begin_op(d, DISK_PERSIST, off, len);
	if (!fail)
		for (i = 0; i < len; i += DISK_SECTOR)
			persist_sector(d, (off + i) / DISK_SECTOR);
	else if (d->fail_lossy)
		lose_some(d);
	end_op(d, DISK_PERSIST);
	return fail ? -EIO : 0;
}

static int disk_grow(struct engine *e, uint64_t size)
{
	return size <= to_disk(e)->size ? 0 : -ENOSPC;
}

static void disk_engine_destroy(struct engine *e)
{
	free((struct disk_engine *)e);
}

static const struct engine_ops disk_ops = {
	.read = disk_read,
	.write = disk_write,
	.write_durable = disk_write_durable,
	.flush = disk_flush,
	.zero = disk_zero,
	.grow = disk_grow,
	.destroy = disk_engine_destroy,
};

struct engine *disk_engine(struct disk *d)
{
	struct disk_engine *e = calloc(1, sizeof(*e));

	e->engine.ops = &disk_ops;
	e->engine.block_device = true;
	e->engine.size = d->size;
	snprintf(e->engine.name, sizeof(e->engine.name), "disk");
	e->disk = d;
	return &e->engine;
}

void disk_init_shared(struct disk *d, uint8_t *image, uint64_t size)
{
	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	d->size = size;
	d->visible = image;
}

void disk_init(struct disk *d, uint64_t size)
{
	disk_init_shared(d, calloc(1, size), size);
	d->durable = calloc(1, size);
}

void disk_init_copy(struct disk *d, const uint8_t *image, uint64_t size)
{
	disk_init_shared(d, malloc(size), size);
	d->durable = malloc(size);
	memcpy(d->visible, image, size);
	memcpy(d->durable, image, size);
}

void disk_destroy(struct disk *d)
{
	if (d->durable)
		free(d->visible);
	free(d->durable);
	free(d->cache);
	pthread_mutex_destroy(&d->lock);
}

void disk_foreign_write(struct disk *d, uint64_t sector, const uint8_t *data)
{
	pthread_mutex_lock(&d->lock);
	cache_write(d, sector, data);
	pthread_mutex_unlock(&d->lock);
}

void disk_persist(struct disk *d, uint64_t sector)
{
	pthread_mutex_lock(&d->lock);
	persist_sector(d, sector);
	pthread_mutex_unlock(&d->lock);
}

/*
 * The versions that one sector may have after a power failure.  Version 0 is the durable content.
 */
struct choice {
	uint64_t sector;
	unsigned int nr, now;
	const uint8_t **version;
};

struct crash {
	struct disk *d;
	uint8_t *image;
	struct choice *choices;
	size_t nr;
	const uint8_t **versions;	/* the versions of all sectors */
	uint8_t *torn;			/* buffer with a torn sector for each write */
	int (*fn)(void *ctx, uint8_t *image);
	void *ctx;
};

static int by_sector(const void *a, const void *b)
{
	const struct disk_write *x = *(struct disk_write *const *)a;
	const struct disk_write *y = *(struct disk_write *const *)b;

	if (x->sector != y->sector)
		return x->sector < y->sector ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Finds the sectors that can have several versions, and their different versions. */
static void find_choices(struct crash *c)
{
	struct disk *d = c->d;
	struct disk_write **w = malloc((d->nr_cached + 1) * sizeof(*w));
	const uint8_t **next = c->versions;
	size_t i;

	for (i = 0; i < d->nr_cached; i++)
		w[i] = &d->cache[i];
	qsort(w, d->nr_cached, sizeof(*w), by_sector);
	for (i = 0; i < d->nr_cached; i++) {
		struct choice *ch = c->nr ? &c->choices[c->nr - 1] : NULL;
		const uint8_t *old = d->durable + w[i]->sector * DISK_SECTOR;
		bool first = !ch || ch->sector != w[i]->sector;

		if (!first)
			old = ch->version[ch->nr - 1];
		if (!memcmp(old, w[i]->data, DISK_SECTOR))
			continue;
		if (first) {
			ch = &c->choices[c->nr++];
			*ch = (struct choice){ .sector = w[i]->sector, .nr = 1, .version = next };
			*next++ = old;
		}
		if (w[i]->sector < d->tear_below) {
			uint8_t *torn = c->torn + i * DISK_SECTOR;

			memcpy(torn, w[i]->data, DISK_SECTOR / 8);
			memcpy(torn + DISK_SECTOR / 8, old + DISK_SECTOR / 8,
			       DISK_SECTOR - DISK_SECTOR / 8);
			*next++ = torn;
			ch->nr++;
		}
		*next++ = w[i]->data;
		ch->nr++;
	}
	free(w);
}

static void choose_version(struct crash *c, size_t i, unsigned int version)
{
	struct choice *ch = &c->choices[i];

	if (ch->now == version)
		return;
	ch->now = version;
	memcpy(c->image + ch->sector * DISK_SECTOR, ch->version[version], DISK_SECTOR);
}

/* Tries all combinations of versions, like a counter whose digits have different bases. */
static int crash_all(struct crash *c)
{
	size_t i;
	int ret;

	for (;;) {
		ret = c->fn(c->ctx, c->image);
		if (ret)
			return ret;
		for (i = 0; i < c->nr; i++) {
			if (c->choices[i].now + 1 < c->choices[i].nr) {
				choose_version(c, i, c->choices[i].now + 1);
				break;
			}
			choose_version(c, i, 0);
		}
		if (i == c->nr)
			return 0;
	}
}

static int crash_some(struct crash *c, uint64_t limit, uint64_t seed)
{
	uint64_t k;
	size_t i;
	int ret;

	for (k = 0; k < limit; k++) {
		const size_t one = (k - 2) / 2;

		for (i = 0; i < c->nr; i++) {
			const unsigned int last = c->choices[i].nr - 1;

			if (k < 2)
				choose_version(c, i, k ? last : 0);
			else if (one < c->nr && k < limit / 2)
				choose_version(c, i, (i == one) == (k % 2) ? last : 0);
			else
				choose_version(c, i, rnd_below(&seed, last + 1));
		}
		ret = c->fn(c->ctx, c->image);
		if (ret)
			return ret;
	}
	return 0;
}

int disk_crash(struct disk *d, uint64_t limit, uint64_t seed,
	       int (*fn)(void *ctx, uint8_t *image), void *ctx)
{
	struct crash c = { .d = d, .fn = fn, .ctx = ctx };
	uint64_t all = 1;
	size_t i;
	int ret;

	c.image = malloc(d->size);
	memcpy(c.image, d->durable, d->size);
	c.choices = calloc(d->nr_cached + 1, sizeof(*c.choices));
	c.versions = calloc(3 * d->nr_cached + 1, sizeof(*c.versions));
	c.torn = malloc(d->nr_cached * DISK_SECTOR + 1);
	find_choices(&c);
	for (i = 0; i < c.nr && all <= limit; i++)
		all *= c.choices[i].nr;
	ret = all <= limit ? crash_all(&c) : crash_some(&c, limit, seed);
	free(c.torn);
	free(c.versions);
	free(c.choices);
	free(c.image);
	return ret;
}
