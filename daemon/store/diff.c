// SPDX-License-Identifier: GPL-2.0-or-later
/* What was written since an era: the marks in memory and the era array, as one list of extents. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/view.h"

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

/* Adds what pages page … page + nr - 1 of the array say. */
static int collect_array(struct view *v, uint32_t since, uint64_t page, uint64_t nr,
			 uint64_t *bits, struct err *err)
{
	const uint64_t first_sector = page * ARRAY_PAGE_SECTORS;
	uint64_t index, end;
	unsigned int i;
	bool zeros;
	int ret;

	ret = view_read(v, page, nr, &zeros, err);
	if (ret || zeros)
		return ret;
	for (index = first_sector; index < (page + nr) * ARRAY_PAGE_SECTORS; index++) {
		const struct erad_disk_eras *e = &v->sector[index - first_sector];
		uint64_t first = index * ERAD_ERAS_PER_SECTOR;

		if (first >= v->array.nr_blocks)
			break;
		end = array_sector_end(&v->array, index) - page * ERAD_ERAS_PER_PAGE;
		first -= page * ERAD_ERAS_PER_PAGE;
		if (view_damaged(v, index - first_sector)) {
			bits_set(bits, first, end - first);
			continue;
		}
		for (i = 0; first + i < end; i++)
			bits[(first + i) / 64] |= (uint64_t)(le32toh(e->era[i]) >= since) <<
						  (first + i) % 64;
	}
	return 0;
}

/*
 * Memory before the array: a fold moves marks from the one to the other, and
 * drops them here only when they can be read there.  A snapshot is all in the array.
 */
static void collect_marks(struct view *v, uint32_t since, uint64_t first, uint64_t len,
			  uint64_t *bits)
{
	struct store *s = v->s;

	if (v->of_snapshot)
		return;
	pthread_mutex_lock(&s->lock);
	/* The device may have become smaller. */
	if (first >= s->array.nr_blocks)
		len = 0;
	else if (len > s->array.nr_blocks - first)
		len = s->array.nr_blocks - first;
	overlay_collect(&s->active, since, first, len, bits);
	overlay_collect(&s->frozen, since, first, len, bits);
	pthread_mutex_unlock(&s->lock);
}

static int diff(struct view *v, uint32_t since, struct extents *x, uint64_t *bits, struct err *err)
{
	uint64_t page, nr, first, end;
	int ret;

	for (page = 0; page < v->array.pages; page += nr) {
		nr = v->array.pages - page;
		if (nr > VIEW_PAGES)
			nr = VIEW_PAGES;
		first = page * ERAD_ERAS_PER_PAGE;
		end = array_sector_end(&v->array, (page + nr) * ARRAY_PAGE_SECTORS - 1);
		memset(bits, 0, (end - first + 63) / 64 * sizeof(*bits));
		collect_marks(v, since, first, end - first, bits);
		ret = collect_array(v, since, page, nr, bits, err);
		if (!ret)
			ret = emit(x, bits, first, end - first);
		if (ret)
			return ret;
	}
	return emit_last(x);
}

int store_diff_view(struct store *s, enum store_view which, uint32_t since,
		    int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx,
		    struct err *err)
{
	struct extents x = { .fn = fn, .ctx = ctx };
	uint64_t *bits = NULL;
	struct view v;
	int ret;

	ret = view_begin(&v, s, which, err);
	if (ret)
		goto out;
	if (since > v.era) {
		ret = err_set(err, -EINVAL, "%s: era %" PRIu32 " has not begun, the %s era is %"
			      PRIu32, s->e->name, since, v.of_snapshot ? "snapshot's" : "current",
			      v.era);
		goto out;
	}
	if (since == 0) {
		ret = fn(ctx, 0, v.array.nr_blocks);
		goto out;
	}
	bits = malloc(VIEW_BLOCKS / 8);
	if (bits)
		ret = diff(&v, since, &x, bits, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
out:
	free(bits);
	view_end(&v);
	return ret;
}

int store_diff(struct store *s, uint32_t since,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx, struct err *err)
{
	return store_diff_view(s, STORE_NOW, since, fn, ctx, err);
}
