// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the era array in pieces: see view.h. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/view.h"

int view_begin(struct view *v, struct store *s, enum store_view which, struct err *err)
{
	uint64_t pages = VIEW_PAGES;

	*v = (struct view){ .s = s, .of_snapshot = which == STORE_SNAPSHOT };
	pthread_mutex_lock(&s->lock);
	v->array = s->array;
	/*
	 * Leave out `saved`, because a fold changes it without s->lock, and readers do not need it.
	 */
	memcpy(&v->snapshot, &s->snapshot, offsetof(struct snapshot, saved));
	v->era = s->era;
	v->floor = store_floor(s);
	pthread_mutex_unlock(&s->lock);
	if (v->of_snapshot) {
		if (!v->snapshot.era)
			return err_set(err, -ENOENT, "%s: no snapshot is held", s->e->name);
		v->array.nr_blocks = v->snapshot.nr_blocks;
		v->array.pages = v->snapshot.pages;
		v->era = v->snapshot.era;
		v->floor = v->snapshot.floor_era;
	}
	if (pages > v->array.pages)
		pages = v->array.pages;
	v->sector = aligned_alloc(ERAD_PAGE, pages * ERAD_PAGE);
	if (v->of_snapshot)
		v->copies = aligned_alloc(ERAD_PAGE, pages * ERAD_PAGE);
	if (!v->sector || (v->of_snapshot && !v->copies))
		return err_set(err, -ENOMEM, "%s: out of memory", s->e->name);
	return 0;
}

void view_end(struct view *v)
{
	free(v->sector);
	free(v->copies);
}

/* Moves to the piece of these pages. */
static void set_piece(struct view *v, uint64_t page, uint64_t nr_pages)
{
	v->page = page;
	v->nr_pages = nr_pages;
	v->first = page * ERAD_ERAS_PER_PAGE;
	v->len = array_sector_end(&v->array, (page + nr_pages) * ARRAY_PAGE_SECTORS - 1) - v->first;
}

bool view_next(struct view *v)
{
	const uint64_t page = v->page + v->nr_pages, left = v->array.pages - page;

	if (left)
		set_piece(v, page, left < VIEW_PAGES ? left : VIEW_PAGES);
	return left;
}

bool view_at(struct view *v, uint64_t first, uint64_t len)
{
	const uint64_t page = first / ERAD_ERAS_PER_PAGE;

	if (!len || len > 4096 || first >= v->array.nr_blocks || len > v->array.nr_blocks - first)
		return false;
	set_piece(v, page, (first + len - 1) / ERAD_ERAS_PER_PAGE - page + 1);
	return true;
}

void view_marks(struct view *v,
		void (*add)(const struct overlay *o, uint64_t first, uint64_t len, void *ctx),
		void *ctx)
{
	struct store *s = v->s;
	uint64_t len = v->len;

	/*
	 * Leave out the marks in memory: they are newer than the snapshot, and the array contains
	 * everything that the snapshot shows.
	 */
	if (v->of_snapshot)
		return;
	pthread_mutex_lock(&s->lock);
	/* The device may have become smaller since view_begin(). */
	if (v->first >= s->array.nr_blocks)
		len = 0;
	else if (len > s->array.nr_blocks - v->first)
		len = s->array.nr_blocks - v->first;
	add(&s->active, v->first, len, ctx);
	add(&s->frozen, v->first, len, ctx);
	pthread_mutex_unlock(&s->lock);
}

static int read_view_part(struct view *v, uint64_t from, uint64_t to, struct err *err)
{
	return from == to ? 0 : array_read(&v->array, ARRAY_MAIN, v->sector + from * ARRAY_PAGE_SECTORS,
					   v->page + from, to - from, err);
}

/*
 * Reads the piece without its holes.  In a large file with few eras, this saves reading many zeros.
 */
static int read_main(struct view *v, struct err *err)
{
	uint64_t page, nr, from = 0;
	int ret = 0;

	for (page = 0; page < v->nr_pages && !ret; page += nr) {
		nr = v->nr_pages - page;
		if (nr > VIEW_STEP)
			nr = VIEW_STEP;
		if (!array_hole(&v->array, ARRAY_MAIN, v->page + page, nr))
			continue;
		bits_set(v->blank, page * ARRAY_PAGE_SECTORS, nr * ARRAY_PAGE_SECTORS);
		ret = read_view_part(v, from, page, err);
		from = page + nr;
	}
	return ret ? ret : read_view_part(v, from, v->nr_pages, err);
}

/* Reads the pages.  Sets *damaged to true if a sector is damaged. */
static int read_pages(struct view *v, bool *damaged, struct err *err)
{
	const uint64_t first = v->page * ARRAY_PAGE_SECTORS;
	uint64_t i;
	int ret;

	*damaged = false;
	memset(v->damaged, 0, sizeof(v->damaged));
	memset(v->blank, 0, sizeof(v->blank));
	ret = v->of_snapshot ?
		snapshot_read(&v->snapshot, &v->array, v->sector, v->copies, v->page, v->nr_pages,
			      err) :
		read_main(v, err);
	for (i = 0; i < v->nr_pages * ARRAY_PAGE_SECTORS && !ret; i++) {
		if (view_blank(v, i) || array_sector_valid(&v->array, &v->sector[i], first + i))
			continue;
		v->damaged[i / 64] |= 1ULL << i % 64;
		*damaged = true;
	}
	return ret;
}

/*
 * Checks that the snapshot still exists.  After it is dropped, folds change pages without copying
 * them.
 */
static int still_held(struct view *v, struct err *err)
{
	struct store *s = v->s;
	bool held;

	if (!v->of_snapshot)
		return 0;
	pthread_mutex_lock(&s->lock);
	held = s->snapshot.era == v->snapshot.era;
	pthread_mutex_unlock(&s->lock);
	return held ? 0 : err_set(err, -ESTALE, "%s: the snapshot of era %" PRIu32
				  " was dropped while it was read", s->e->name, v->snapshot.era);
}

int view_read(struct view *v, unsigned int *nr, struct err *err)
{
	bool damaged;
	int ret;

	*nr = 0;
	/*
	 * A fold writes the copies of a piece, for the snapshot, before it writes the piece.  So the
	 * piece may still be a hole although it has copies.  Skip a hole only if it has no copies.
	 */
	if (array_hole(&v->array, ARRAY_MAIN, v->page, v->nr_pages) &&
	    (!v->of_snapshot || array_hole(&v->array, ARRAY_COPY, v->page, v->nr_pages)))
		return still_held(v, err);
	*nr = (v->len + ERAD_ERAS_PER_SECTOR - 1) / ERAD_ERAS_PER_SECTOR;
	ret = read_pages(v, &damaged, err);
	if (!ret && damaged) {
		/*
		 * A fold may have been writing the damaged sector.  Read again while no fold runs.
		 */
		pthread_mutex_lock(&v->s->fold_lock);
		ret = read_pages(v, &damaged, err);
		pthread_mutex_unlock(&v->s->fold_lock);
	}
	return ret ? ret : still_held(v, err);
}
