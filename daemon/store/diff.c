// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists the extents that were written since an era, using the marks in memory and the era array. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/view.h"

/* The state of a listing.  Adjacent extents are joined, even across two pieces. */
struct extents {
	int (*fn)(void *ctx, uint64_t first, uint64_t len);
	int (*look)(void *ctx);	/* the callback of store_diff_watched(), or NULL */
	void *ctx;
	uint32_t since;
	uint64_t *bits;		/* bitmap of a piece, with a bit for each block */
	uint64_t first, len;
};

static int emit_last_extent(struct extents *x)
{
	return x->len ? x->fn(x->ctx, x->first, x->len) : 0;
}

/* Adds the blocks whose bits are set.  Bit i stands for block first + i. */
static int emit_extent(struct extents *x, uint64_t first, uint64_t nr)
{
	uint64_t from, to;
	int ret;

	for (from = bits_find(x->bits, 0, nr, true); from < nr;
	     from = bits_find(x->bits, to, nr, true)) {
		to = bits_find(x->bits, from, nr, false);
		if (x->len && x->first + x->len == first + from) {
			x->len += to - from;
			continue;
		}
		ret = emit_last_extent(x);
		if (ret)
			return ret;
		x->first = first + from;
		x->len = to - from;
	}
	return 0;
}

static void add_marks_since(const struct overlay *o, uint64_t first, uint64_t len, void *ctx)
{
	struct extents *x = ctx;

	overlay_collect(o, x->since, first, len, x->bits);
}

static int add_array_since(struct extents *x, struct view *v, struct err *err)
{
	unsigned int i, k, nr, blocks;
	int ret;

	ret = view_read(v, &nr, err);
	for (i = 0; i < nr && !ret; i++) {
		const struct erad_disk_eras *e = &v->sector[i];
		uint64_t bit = i * ERAD_ERAS_PER_SECTOR;

		if (view_blank(v, i))
			continue;
		blocks = view_sector_blocks(v, i);
		if (view_damaged(v, i)) {
			bits_set(x->bits, bit, blocks);
			continue;
		}
		for (k = 0; k < blocks; k++, bit++)
			x->bits[bit / 64] |= (uint64_t)(le32toh(e->era[k]) >= x->since) << bit % 64;
	}
	return ret;
}

static int diff_pieces(struct view *v, struct extents *x, struct err *err)
{
	int ret;

	while (view_next(v)) {
		ret = x->look ? x->look(x->ctx) : 0;
		if (ret)
			return ret;
		memset(x->bits, 0, (v->len + 63) / 64 * sizeof(*x->bits));
		view_marks(v, add_marks_since, x);
		ret = add_array_since(x, v, err);
		if (!ret)
			ret = emit_extent(x, v->first, v->len);
		if (ret)
			return ret;
	}
	return emit_last_extent(x);
}

int store_diff_watched(struct store *s, enum store_view which, uint32_t since,
		       int (*fn)(void *ctx, uint64_t first, uint64_t len), int (*look)(void *ctx),
		       void *ctx, struct err *err)
{
	struct extents x = { .fn = fn, .look = look, .ctx = ctx, .since = since };
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
	/*
	 * Every block counts as written in the era of the floor or later, so the result is the
	 * whole device.
	 */
	if (since <= v.floor) {
		ret = fn(ctx, 0, v.array.nr_blocks);
		goto out;
	}
	x.bits = malloc(VIEW_BLOCKS / 8);
	if (x.bits)
		ret = diff_pieces(&v, &x, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
out:
	free(x.bits);
	view_end(&v);
	return ret;
}

int store_diff_view(struct store *s, enum store_view which, uint32_t since,
		    int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx,
		    struct err *err)
{
	return store_diff_watched(s, which, since, fn, NULL, ctx, err);
}

int store_diff(struct store *s, uint32_t since,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx, struct err *err)
{
	return store_diff_view(s, STORE_NOW, since, fn, ctx, err);
}
