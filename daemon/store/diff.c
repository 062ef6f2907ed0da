// SPDX-License-Identifier: GPL-2.0-or-later
/* What was written since an era: the marks in memory and the era array, as one list of extents. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_priv.h"

#define CHUNK_PAGES	256u	/* of the array, read at a time: 1 MiB */
#define CHUNK_BLOCKS	(CHUNK_PAGES * ERAD_ERAS_PER_PAGE)

/* Joins what touches, across chunks. */
struct extents {
	int (*fn)(void *ctx, uint64_t first, uint64_t len);
	void *ctx;
	uint64_t first, len;
};

static int emit_last(struct extents *x)
{
	return x->len ? x->fn(x->ctx, x->first, x->len) : 0;
}

/* Bit i of bits stands for block first + i. */
static int emit(struct extents *x, const uint64_t *bits, uint64_t first, uint64_t nr)
{
	uint64_t from, to;
	int ret;

	for (from = bits_find(bits, 0, nr, true); from < nr; from = bits_find(bits, to, nr, true)) {
		to = bits_find(bits, from, nr, false);
		if (x->len && x->first + x->len == first + from) {
			x->len += to - from;
			continue;
		}
		ret = emit_last(x);
		if (ret)
			return ret;
		x->first = first + from;
		x->len = to - from;
	}
	return 0;
}

/* Adds what pages page … page + nr - 1 of the array say; buf has room for them. */
static int collect_array(struct store *s, uint32_t since, uint64_t page, uint64_t nr,
			 struct erad_disk_eras *buf, uint64_t *bits, struct err *err)
{
	const uint64_t first_sector = page * ARRAY_PAGE_SECTORS;
	bool settled = false;
	uint64_t index, end;
	unsigned int i;
	int ret;

	ret = array_read(&s->array, buf, page, nr, err);
	if (ret)
		return ret;
	for (index = first_sector; index < (page + nr) * ARRAY_PAGE_SECTORS; index++) {
		const struct erad_disk_eras *e = &buf[index - first_sector];
		uint64_t first = index * ERAD_ERAS_PER_SECTOR;

		if (first >= s->array.nr_blocks)
			break;
		end = array_sector_end(&s->array, index);
		if (!array_sector_valid(&s->array, e, index) && !settled) {
			/* Perhaps a fold was just writing it: once more, while none does. */
			pthread_mutex_lock(&s->fold_lock);
			ret = array_read(&s->array, buf, page, nr, err);
			pthread_mutex_unlock(&s->fold_lock);
			if (ret)
				return ret;
			settled = true;
		}
		if (!array_sector_valid(&s->array, e, index)) {
			bits_set(bits, first - page * ERAD_ERAS_PER_PAGE, end - first);
			continue;
		}
		first -= page * ERAD_ERAS_PER_PAGE;
		end -= page * ERAD_ERAS_PER_PAGE;
		for (i = 0; first + i < end; i++)
			bits[(first + i) / 64] |= (uint64_t)(le32toh(e->era[i]) >= since) <<
						  (first + i) % 64;
	}
	return 0;
}

static int diff(struct store *s, uint32_t since, struct extents *x, void *buf, uint64_t *bits,
		struct err *err)
{
	uint64_t page, nr, first, end;
	int ret;

	for (page = 0; page < s->array.pages; page += nr) {
		nr = s->array.pages - page;
		if (nr > CHUNK_PAGES)
			nr = CHUNK_PAGES;
		first = page * ERAD_ERAS_PER_PAGE;
		end = array_sector_end(&s->array, (page + nr) * ARRAY_PAGE_SECTORS - 1);
		memset(bits, 0, (end - first + 63) / 64 * sizeof(*bits));

		/*
		 * Memory before the array: a fold moves marks from the one to the
		 * other, and drops them here only when they can be read there.
		 */
		pthread_mutex_lock(&s->lock);
		overlay_collect(&s->active, since, first, end - first, bits);
		overlay_collect(&s->frozen, since, first, end - first, bits);
		pthread_mutex_unlock(&s->lock);
		if (!array_hole(&s->array, page, nr)) {
			ret = collect_array(s, since, page, nr, buf, bits, err);
			if (ret)
				return ret;
		}
		ret = emit(x, bits, first, end - first);
		if (ret)
			return ret;
	}
	return emit_last(x);
}

int store_diff(struct store *s, uint32_t since,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx, struct err *err)
{
	const uint64_t pages = s->array.pages < CHUNK_PAGES ? s->array.pages : CHUNK_PAGES;
	struct extents x = { .fn = fn, .ctx = ctx };
	uint64_t *bits;
	uint32_t era;
	char *buf;
	int ret;

	pthread_mutex_lock(&s->lock);
	era = s->era;
	pthread_mutex_unlock(&s->lock);
	if (since > era)
		return err_set(err, -EINVAL, "%s: era %" PRIu32 " has not begun, the current era is %"
			       PRIu32, s->e->name, since, era);
	if (since == 0)
		return fn(ctx, 0, s->array.nr_blocks);

	buf = aligned_alloc(ERAD_PAGE, pages * ERAD_PAGE);
	bits = malloc(CHUNK_BLOCKS / 8);
	if (buf && bits)
		ret = diff(s, since, &x, buf, bits, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
	free(bits);
	free(buf);
	return ret;
}
