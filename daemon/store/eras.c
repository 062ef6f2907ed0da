// SPDX-License-Identifier: GPL-2.0-or-later
/* The era of every block: the marks in memory and the era array, as one list of runs. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/view.h"

/* Joins what touches and has one era, across chunks. */
struct runs {
	int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era);
	void *ctx;
	uint64_t first, len;
	uint32_t era;
	uint64_t *damaged;	/* blocks whose entry is; NULL: refuse them */
};

static int emit_last(struct runs *r)
{
	return r->len && r->era ? r->fn(r->ctx, r->first, r->len, r->era) : 0;
}

static int emit(struct runs *r, const uint32_t *eras, uint64_t first, uint64_t nr)
{
	uint64_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		if (r->len && r->era == eras[i]) {
			r->len++;
			continue;
		}
		ret = emit_last(r);
		if (ret)
			return ret;
		r->first = first + i;
		r->len = 1;
		r->era = eras[i];
	}
	return 0;
}

static void raise_era(uint32_t *era, uint32_t to)
{
	if (*era < to)
		*era = to;
}

/* Raises what pages page … page + nr - 1 of the array say; eras[0] is of the first of their blocks. */
static int collect_array(struct view *v, uint64_t page, uint64_t nr, uint32_t *eras,
			 struct runs *r, struct err *err)
{
	const uint64_t first_sector = page * ARRAY_PAGE_SECTORS;
	uint64_t index, b, end, one;
	bool zeros;
	int ret;

	ret = view_read(v, page, nr, &zeros, err);
	if (ret || zeros)
		return ret;
	for (index = first_sector; index < (page + nr) * ARRAY_PAGE_SECTORS; index++) {
		const struct erad_disk_eras *e = &v->sector[index - first_sector];
		const uint64_t first = index * ERAD_ERAS_PER_SECTOR;
		const bool damaged = view_damaged(v, index - first_sector);

		if (first >= v->array.nr_blocks)
			break;
		end = array_sector_end(&v->array, index);
		if (damaged && !r->damaged) {
			one = 1;
			return err_set(err, -EUCLEAN, "%s: era array sector %" PRIu64 " (page %"
				       PRIu64 " of the metadata) is damaged", v->s->e->name, index,
				       array_place(&v->array, ARRAY_MAIN, index / ARRAY_PAGE_SECTORS,
						   &one));
		}
		if (damaged)
			*r->damaged += end - first;
		for (b = first; b < end; b++)
			raise_era(&eras[b - page * ERAD_ERAS_PER_PAGE],
				  damaged ? v->era : le32toh(e->era[b - first]));
	}
	return 0;
}

static void raise_marks(const struct overlay *o, uint64_t first, uint64_t len, uint32_t *eras)
{
	const struct overlay_era *oe;
	uint64_t b, to;

	for (oe = o->newest; oe; oe = oe->older) {
		for (b = bitset_find(&oe->blocks, first, first + len, true); b < first + len;
		     b = bitset_find(&oe->blocks, to, first + len, true)) {
			to = bitset_find(&oe->blocks, b, first + len, false);
			for (; b < to; b++)
				raise_era(&eras[b - first], oe->era);
		}
	}
}

/* Memory before the array, for the reason that diff.c gives. */
static void collect_marks(struct view *v, uint64_t first, uint64_t len, uint32_t *eras)
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
	raise_marks(&s->active, first, len, eras);
	raise_marks(&s->frozen, first, len, eras);
	pthread_mutex_unlock(&s->lock);
}

static int all_eras(struct view *v, struct runs *r, uint32_t *eras, struct err *err)
{
	uint64_t page, nr, first, end;
	int ret;

	for (page = 0; page < v->array.pages; page += nr) {
		nr = v->array.pages - page;
		if (nr > VIEW_PAGES)
			nr = VIEW_PAGES;
		first = page * ERAD_ERAS_PER_PAGE;
		end = array_sector_end(&v->array, (page + nr) * ARRAY_PAGE_SECTORS - 1);
		memset(eras, 0, (end - first) * sizeof(*eras));
		collect_marks(v, first, end - first, eras);
		ret = collect_array(v, page, nr, eras, r, err);
		if (!ret)
			ret = emit(r, eras, first, end - first);
		if (ret)
			return ret;
	}
	return emit_last(r);
}

int store_eras(struct store *s, enum store_view which,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era), void *ctx,
	       uint64_t *damaged, struct err *err)
{
	struct runs r = { .fn = fn, .ctx = ctx, .damaged = damaged };
	uint32_t *eras = NULL;
	struct view v;
	int ret;

	if (damaged)
		*damaged = 0;
	ret = view_begin(&v, s, which, err);
	if (ret)
		goto out;
	eras = malloc(VIEW_BLOCKS * sizeof(*eras));
	if (eras)
		ret = all_eras(&v, &r, eras, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
out:
	free(eras);
	view_end(&v);
	return ret;
}
