// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes new, empty metadata: computes its size, and writes it. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/size.h"
#include "store/format.h"
#include "store/super.h"

/*
 * Default size of the ring in pages: RING_SMALL (4 MiB) for at most SMALL_BLOCKS blocks, RING_LARGE
 * (16 MiB) for more blocks.
 */
#define RING_SMALL	1024u
#define RING_LARGE	4096u
#define SMALL_BLOCKS	(16u << 20)
#define CHUNK_PAGES	256u		/* default size of a piece of the array in pages: 1 MiB */
#define WRITE_PAGES	256u		/* zeros are written in units of this many pages */
#define ZERO_BYTES	(64u << 20)	/* bytes that are zeroed between two reports of progress */

static uint64_t default_ring(uint64_t nr_blocks)
{
	return nr_blocks <= SMALL_BLOCKS ? RING_SMALL : RING_LARGE;
}

static uint32_t chunk_of(const struct store_geometry *g)
{
	return g->chunk_pages ? g->chunk_pages : CHUNK_PAGES;
}

uint64_t store_size(const struct store_geometry *g, uint64_t *written)
{
	uint64_t nr_blocks, pages;

	if (written)
		*written = 0;
	if (super_check_device(g->nr_sectors, g->block_sectors, NULL) ||
	    g->journal_pages > ERAD_JOURNAL_MAX || g->chunk_pages > ERAD_CHUNK_MAX)
		return 0;
	nr_blocks = super_nr_blocks(g->nr_sectors, g->block_sectors);
	pages = ERAD_JOURNAL_START;
	pages += g->journal_pages ? g->journal_pages : default_ring(nr_blocks);
	if (written)
		*written = pages * ERAD_PAGE;
	return (pages + super_array_span(super_array_pages(nr_blocks), chunk_of(g))) * ERAD_PAGE;
}

/*
 * Sets *ring and *chunk to the sizes of the ring and of a piece of the array, in pages: the
 * requested sizes or the defaults.  If the metadata device is too small for both, sets *chunk to 0,
 * which gives up the room for snapshots.  If the device is still too small and no size of the ring
 * was requested, reduces *ring to what fits.
 */
static int choose_layout(const struct engine *e, const struct store_geometry *g, uint64_t *ring,
			 uint32_t *chunk, struct err *err)
{
	const uint64_t nr_blocks = super_nr_blocks(g->nr_sectors, g->block_sectors);
	const uint64_t least = g->journal_pages ? g->journal_pages : ERAD_JOURNAL_MIN;
	const uint64_t array = super_array_pages(nr_blocks);
	const uint64_t have = e->size / ERAD_PAGE;
	char size[SIZE_EXACT], needed[SIZE_EXACT], roomy[SIZE_EXACT];
	uint64_t rest;

	*ring = g->journal_pages ? g->journal_pages : default_ring(nr_blocks);
	*chunk = chunk_of(g);
	if (least < ERAD_JOURNAL_MIN || least > ERAD_JOURNAL_MAX)
		return err_set(err, -EINVAL,
			       "%s: a journal of %" PRIu64 " pages was asked for, expected %u to %u",
			       e->name, least, ERAD_JOURNAL_MIN, ERAD_JOURNAL_MAX);
	if (g->chunk_pages > ERAD_CHUNK_MAX)
		return err_set(err, -EINVAL,
			       "%s: chunks of %" PRIu32 " pages were asked for, expected at most %u",
			       e->name, g->chunk_pages, ERAD_CHUNK_MAX);
	rest = ERAD_JOURNAL_START + super_array_span(array, *chunk);
	if (have < rest + *ring) {
		*chunk = 0;
		rest = ERAD_JOURNAL_START + array;
	}
	if (have < rest + least)
		return err_set(err, -ENOSPC, "%s has %s, the metadata needs at least %s, and %s to have room for snapshots",
			       e->name, size_exact(size, e->size),
			       size_exact(needed, (rest + least) * ERAD_PAGE),
			       size_exact(roomy, store_size(g, NULL)));
	if (*ring > have - rest)
		*ring = have - rest;
	return 0;
}

struct zeroing {
	struct engine *e;
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	uint64_t done, total;	/* in bytes */
};

static void advance_zeroing(struct zeroing *z, uint64_t len)
{
	z->done += len;
	if (z->progress)
		z->progress(z->ctx, z->done, z->total);
}

/* Zeroes pages first … end - 1.  buf: zeros to write, or NULL to use the engine's zero function. */
static int zero_pages(struct zeroing *z, uint64_t first, uint64_t end, const void *buf)
{
	const uint64_t step = buf ? WRITE_PAGES * ERAD_PAGE : ZERO_BYTES;
	uint64_t off = first * ERAD_PAGE;
	uint64_t left = (end - first) * ERAD_PAGE;
	int ret;

	while (left) {
		const uint64_t n = left < step ? left : step;

		ret = buf ? z->e->ops->write(z->e, buf, off, n) : z->e->ops->zero(z->e, off, n);
		if (ret)
			return ret;
		advance_zeroing(z, n);
		off += n;
		left -= n;
	}
	return 0;
}

int format_layout(const struct engine *e, const struct store_geometry *g,
		  struct erad_disk_super *sb, struct err *err)
{
	uint32_t chunk;
	uint64_t ring;
	int ret;

	ret = super_check_device(g->nr_sectors, g->block_sectors, err);
	if (ret)
		return err_prefix(err, ret, "%s", e->name);
	ret = choose_layout(e, g, &ring, &chunk, err);
	if (!ret)
		super_init(sb, g->uuid, g->nr_sectors, g->block_sectors, ring, chunk);
	return ret;
}

static int write_error(struct engine *e, int ret, struct err *err)
{
	return err_set(err, ret, "%s: cannot write new metadata: %s", e->name, strerror(-ret));
}

int format_wipe(struct engine *e, const struct erad_disk_super *sb,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		struct err *err)
{
	struct zeroing z = { .e = e, .progress = progress, .ctx = ctx };
	const uint64_t array = le64toh(sb->array_start);
	void *zeros;
	int ret;

	zeros = aligned_alloc(ERAD_PAGE, WRITE_PAGES * ERAD_PAGE);
	if (!zeros)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	memset(zeros, 0, WRITE_PAGES * ERAD_PAGE);
	z.total = super_pages(sb) * ERAD_PAGE;
	ret = zero_pages(&z, ERAD_SUPER_A, ERAD_JOURNAL_START, zeros);
	if (!ret)
		ret = e->ops->flush(e);
	failpoint(FAILPOINT_FORMAT_GONE);
	if (!ret)
		ret = zero_pages(&z, ERAD_JOURNAL_START, array, zeros);
	if (!ret)
		ret = zero_pages(&z, array, super_pages(sb), NULL);
	free(zeros);
	return ret ? write_error(e, ret, err) : 0;
}

int format_finish(struct engine *e, struct erad_disk_super *sb, struct err *err)
{
	void *page;
	int ret, i;

	page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	if (!page)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	ret = e->ops->flush(e);
	failpoint(FAILPOINT_FORMAT_ZEROED);
	for (i = 0; i < 2 && !ret; i++) {
		sb->seq = htole64(le64toh(sb->seq) + 1);
		ret = super_write(e, sb, page);
		failpoint(FAILPOINT_FORMAT_SUPER);
		if (!ret)
			ret = e->ops->flush(e);
	}
	free(page);
	return ret ? write_error(e, ret, err) : 0;
}

int store_format(struct engine *e, const struct store_geometry *g,
		 void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		 struct err *err)
{
	struct erad_disk_super sb;
	int ret;

	ret = format_layout(e, g, &sb, err);
	if (!ret)
		ret = format_wipe(e, &sb, progress, ctx, err);
	return ret ? ret : format_finish(e, &sb, err);
}
