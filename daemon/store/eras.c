// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists the newest era of every block as runs, using the marks in memory and the era array. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/view.h"

/* The state of a listing.  Adjacent runs with the same era are joined, even across two pieces. */
struct runs {
	int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era);
	int (*look)(void *ctx);	/* the callback of store_eras_watched(), or NULL */
	void *ctx;
	__le32 *eras;		/* eras of a piece, one for each block */
	uint64_t first, len;
	uint32_t era;
	/* Number of blocks whose entries are damaged.  NULL: a damaged entry is an error. */
	uint64_t *damaged;
};

static int emit_last_run(struct runs *r)
{
	return r->len && r->era ? r->fn(r->ctx, r->first, r->len, r->era) : 0;
}

/* Adds nr blocks to the list.  eras[i] is the era of block first + i. */
static int emit_run(struct runs *r, uint64_t first, uint64_t nr)
{
	uint64_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		if (r->len && r->era == le32toh(r->eras[i])) {
			r->len++;
			continue;
		}
		ret = emit_last_run(r);
		if (ret)
			return ret;
		r->first = first + i;
		r->len = 1;
		r->era = le32toh(r->eras[i]);
	}
	return 0;
}

static void add_mark_eras(const struct overlay *o, uint64_t first, uint64_t len, void *ctx)
{
	struct runs *r = ctx;

	overlay_raise(o, first, len, r->eras);
}

static int refuse_damage(struct view *v, unsigned int i, struct err *err)
{
	const uint64_t page = v->page + i / ARRAY_PAGE_SECTORS;
	uint64_t one = 1;

	return err_set(err, -EUCLEAN, "%s: era array sector %" PRIu64 " (page %" PRIu64
		       " of the metadata) is damaged", v->s->e->name,
		       v->page * ARRAY_PAGE_SECTORS + i,
		       array_place(&v->array, ARRAY_MAIN, page, &one));
}

static int add_array_eras(struct runs *r, struct view *v, struct err *err)
{
	unsigned int i, k, nr, blocks;
	int ret;

	ret = view_read(v, &nr, err);
	for (i = 0; i < nr && !ret; i++) {
		__le32 *eras = &r->eras[i * ERAD_ERAS_PER_SECTOR];
		const bool damaged = view_damaged(v, i);

		if (view_blank(v, i))
			continue;
		blocks = view_sector_blocks(v, i);
		if (damaged && !r->damaged)
			return refuse_damage(v, i, err);
		if (damaged)
			*r->damaged += blocks;
		for (k = 0; k < blocks; k++) {
			const uint32_t era = damaged ? v->era : le32toh(v->sector[i].era[k]);

			if (le32toh(eras[k]) < era)
				eras[k] = htole32(era);
		}
	}
	return ret;
}

static int all_eras(struct view *v, struct runs *r, struct err *err)
{
	uint64_t i;
	int ret;

	while (view_next(v)) {
		ret = r->look ? r->look(r->ctx) : 0;
		if (ret)
			return ret;
		for (i = 0; i < v->len; i++)
			r->eras[i] = htole32(v->floor);
		view_marks(v, add_mark_eras, r);
		ret = add_array_eras(r, v, err);
		if (!ret)
			ret = emit_run(r, v->first, v->len);
		if (ret)
			return ret;
	}
	return emit_last_run(r);
}

int store_eras_watched(struct store *s, enum store_view which,
		       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era),
		       int (*look)(void *ctx), void *ctx, uint64_t *damaged, struct err *err)
{
	struct runs r = { .fn = fn, .look = look, .ctx = ctx, .damaged = damaged };
	struct view v;
	int ret;

	if (damaged)
		*damaged = 0;
	ret = view_begin(&v, s, which, err);
	if (ret)
		goto out;
	r.eras = malloc(VIEW_BLOCKS * sizeof(*r.eras));
	if (r.eras)
		ret = all_eras(&v, &r, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
out:
	free(r.eras);
	view_end(&v);
	return ret;
}

int store_eras(struct store *s, enum store_view which,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era), void *ctx,
	       uint64_t *damaged, struct err *err)
{
	return store_eras_watched(s, which, fn, NULL, ctx, damaged, err);
}

int store_newest_era(struct store *s, uint64_t first, uint64_t len, uint32_t *era, struct err *err)
{
	uint64_t damaged = 0, i;
	struct runs r = { .damaged = &damaged };
	struct view v;
	int ret;

	ret = view_begin(&v, s, STORE_NOW, err);
	if (!ret && !view_at(&v, first, len))
		ret = err_set(err, -ERANGE, "%s: got %" PRIu64 " blocks from block %" PRIu64 ", expected at most 4096 of %" PRIu64,
			      s->e->name, len, first, v.array.nr_blocks);
	if (ret)
		goto out;
	r.eras = malloc(v.len * sizeof(*r.eras));
	if (!r.eras) {
		ret = err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
		goto out;
	}
	for (i = 0; i < v.len; i++)
		r.eras[i] = htole32(v.floor);
	view_marks(&v, add_mark_eras, &r);
	ret = add_array_eras(&r, &v, err);
	*era = 0;
	for (i = first - v.first; i < first - v.first + len; i++)
		if (*era < le32toh(r.eras[i]))
			*era = le32toh(r.eras[i]);
out:
	free(r.eras);
	view_end(&v);
	return ret;
}
