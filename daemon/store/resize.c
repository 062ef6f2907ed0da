// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes the metadata when the size of the tracked device has changed.  Three conditions make this
 * safe:
 *
 * 1. The journal is empty, and the tail is beyond the pages in which failed appends may be.  So no
 *    mark in the journal is of a block that no longer exists.
 * 2. Before the new size is durable, the new blocks of the device are durably marked as written in
 *    the current era, because no earlier copy of the device contains them.
 * 3. Both superblocks get the same size before anything else is recorded, even if the resize has
 *    failed.  So the next open cannot find a superblock with another size.
 *
 * Each step may be repeated.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/size.h"
#include "store/fold.h"
#include "store/resize.h"

/*
 * Returns the first block that a device of nr_sectors does not contain completely.  If the device
 * ends in the middle of a block, the result is this last block.
 */
static uint64_t first_gained(const struct store *s, uint64_t nr_sectors)
{
	return nr_sectors / s->block_sectors;
}

/*
 * Sets entries of a sector in the buffer to the current era: all entries if the sector is damaged,
 * else the entries of the blocks from `from` on.  Entries beyond the device become 0.  index:
 * number of the sector.
 */
static void mark_sector(struct store *s, const struct array *a, struct erad_disk_eras *e, uint64_t index,
			uint64_t from)
{
	const uint64_t first = index * ERAD_ERAS_PER_SECTOR;
	const bool valid = array_sector_valid(a, e, index);
	unsigned int i;

	for (i = 0; i < ERAD_ERAS_PER_SECTOR; i++) {
		if (first + i >= a->nr_blocks)
			e->era[i] = 0;
		else if (first + i >= from || !valid)
			e->era[i] = htole32(s->era);
	}
	array_seal(e, a->tag, index);
}

/*
 * Copies the pages of the blocks from `from` on, for the snapshot, which may show a larger device.
 */
static int save_copies(struct store *s, struct array *a, uint64_t from, struct err *err)
{
	const uint64_t end = a->nr_blocks < s->snapshot.nr_blocks ? a->nr_blocks : s->snapshot.nr_blocks;
	struct nodes nodes = { 0 };
	struct overlay o = { .nr_blocks = a->nr_blocks, .pool = &nodes };
	int ret;

	if (!s->snapshot.era || from >= end)
		return 0;
	ret = overlay_add_all(&o, 1, &(struct run){ from, end - from }, 1);
	if (ret)
		store_io_error(s, err, ret, "cannot save the snapshot's pages");
	else
		ret = store_save_pages(s, a, &o, err);
	overlay_destroy(&o, &nodes);
	nodes_free(&nodes);
	return ret;
}

/*
 * Marks blocks from … a->nr_blocks - 1 as written in the current era.  Overwrites entries from a
 * time in which the device was larger.  Not durable before a flush.  a has the new size.
 */
static int mark_blocks(struct store *s, struct array *a, uint64_t from, struct err *err)
{
	struct erad_disk_eras *sectors = s->fold_buf;
	uint64_t page = from / ERAD_ERAS_PER_PAGE, nr, i;
	int ret;

	ret = save_copies(s, a, from, err);
	for (; !ret && page < a->pages; page += nr) {
		/* Read only the first page, because the other pages have no entries to keep. */
		const bool keeps = page * ERAD_ERAS_PER_PAGE < from;

		nr = a->pages - page;
		if (keeps)
			nr = 1;
		else if (nr > ARRAY_FOLD_PAGES)
			nr = ARRAY_FOLD_PAGES;
		memset(sectors, 0, nr * ERAD_PAGE);
		if (keeps)
			ret = array_read(a, ARRAY_MAIN, sectors, page, nr, err);
		for (i = 0; !ret && i < nr * ARRAY_PAGE_SECTORS; i++)
			mark_sector(s, a, &sectors[i], page * ARRAY_PAGE_SECTORS + i, from);
		if (!ret)
			ret = array_write(a, ARRAY_MAIN, sectors, page, nr, err);
	}
	return ret;
}

/* Makes the metadata file larger if the new size needs this.  Context: fold_lock. */
static int make_room_for_size(struct store *s, const struct erad_disk_super *sb, struct err *err)
{
	const uint64_t bytes = super_pages(sb) * ERAD_PAGE;
	char has[SIZE_EXACT], volume[SIZE_EXACT], needed[SIZE_EXACT];
	int ret;

	ret = engine_find(s->e, false, err);
	if (ret)
		return ret;
	ret = s->e->ops->grow(s->e, bytes);
	return ret ? err_set(err, ret, "%s has %s, but the metadata of a volume of %s needs at least %s: %s",
			     s->e->name, size_exact(has, s->e->size),
			     size_exact(volume, le64toh(sb->nr_sectors) * ERAD_SECTOR),
			     size_exact(needed, bytes), strerror(-ret)) : 0;
}

/*
 * Clears the copies of the pages that the array gains.  These copies may be left from a time in
 * which the array was larger, even from other metadata with the same UUID.  If they stayed, they
 * would look like copies for a new snapshot in the same era.  Pages that a held snapshot may show
 * keep their copies.  The change is not durable before a flush.
 */
static int clear_copies(struct store *s, struct array *a, struct err *err)
{
	uint64_t page = s->array.pages, nr;
	int ret = 0;

	if (s->snapshot.era && page < s->snapshot.pages)
		page = s->snapshot.pages;
	memset(s->fold_buf, 0, ARRAY_FOLD_PAGES * ERAD_PAGE);
	for (; !ret && page < a->pages; page += nr) {
		nr = a->pages - page;
		if (nr > ARRAY_FOLD_PAGES)
			nr = ARRAY_FOLD_PAGES;
		if (!array_hole(a, ARRAY_COPY, page, nr))
			ret = array_write(a, ARRAY_COPY, s->fold_buf, page, nr, err);
	}
	return ret;
}

static int grow_metadata(struct store *s, struct array *a, const struct erad_disk_super *sb, struct err *err)
{
	const unsigned long lost = store_lost_writes(s);
	int ret;

	ret = make_room_for_size(s, sb, err);
	if (!ret)
		ret = clear_copies(s, a, err);
	if (ret)
		return ret;
	ret = mark_blocks(s, a, first_gained(s, s->nr_sectors), err);
	if (ret)
		return ret;
	ret = store_flush(s, lost);
	if (ret)
		return store_io_error(s, err, ret, "cannot flush the era array");
	failpoint(FAILPOINT_RESIZE_MARKED);
	return 0;
}

/*
 * Sets the fields of s for the new size: the array, the number of blocks, and the tail in s->super.
 * The journal is empty, so the head is the tail.  Context: journal_lock, fold_lock.
 */
static void set_size(struct store *s, const struct array *a, uint64_t nr_sectors)
{
	pthread_mutex_lock(&s->lock);
	s->array = *a;
	s->journal.nr_blocks = a->nr_blocks;
	s->active.nr_blocks = a->nr_blocks;
	s->frozen.nr_blocks = a->nr_blocks;
	s->nr_sectors = nr_sectors;
	s->tail = le64toh(s->super.journal_tail);
	s->head = s->tail;
	pthread_mutex_unlock(&s->lock);
}

/* Writes both superblocks with the size in s->super.  Context: journal_lock, fold_lock. */
static int settle_size(struct store *s, struct err *err)
{
	struct erad_disk_super sb = s->super;
	int ret;

	ret = store_next_super(s, &sb);
	if (!ret)
		ret = store_next_super(s, &sb);
	if (ret)
		return store_io_error(s, err, ret, "cannot write the size");
	s->size_unsettled = false;
	failpoint(FAILPOINT_RESIZE_SETTLED);
	return 0;
}

/* Resizes.  Context: journal_lock, fold_lock. */
static int resize_locked(struct store *s, uint64_t nr_sectors, struct err *err)
{
	struct erad_disk_super sb;
	struct array a;
	int ret;

	if (nr_sectors != s->nr_sectors) {
		ret = store_fold_locked(s, err);
		if (ret)
			return ret;
		failpoint(FAILPOINT_RESIZE_FOLDED);
		sb = s->super;
		super_set_size(&sb, nr_sectors);
		/*
		 * An append may have failed, and the blocks of its group may no longer exist.  So
		 * begin the journal after the place of this group.
		 */
		sb.journal_tail = htole64(s->head + ERAD_GROUP_MAX);
		array_init(&a, s->e, &sb);
		if (nr_sectors > s->nr_sectors)
			ret = grow_metadata(s, &a, &sb, err);
		if (ret)
			return ret;
		s->size_unsettled = true;
		ret = store_next_super(s, &sb);
		if (ret)
			return store_io_error(s, err, ret, "cannot write the new size");
		set_size(s, &a, nr_sectors);
		failpoint(FAILPOINT_RESIZE_WRITTEN);
	}
	return s->size_unsettled ? settle_size(s, err) : 0;
}

int store_settle_size(struct store *s, struct err *err)
{
	int ret = 0;

	if (s->size_unsettled) {
		pthread_mutex_lock(&s->fold_lock);
		ret = settle_size(s, err);
		pthread_mutex_unlock(&s->fold_lock);
	}
	return ret;
}

static int check_new_size(struct store *s, uint64_t nr_sectors, struct err *err)
{
	int ret;

	ret = super_check_device(nr_sectors, s->block_sectors, err);
	if (ret)
		return err_prefix(err, ret, "%s", s->e->name);
	return store_check_writable(s, err);
}

int store_make_room(struct store *s, uint64_t nr_sectors, struct err *err)
{
	struct erad_disk_super sb;
	int ret;

	ret = check_new_size(s, nr_sectors, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->fold_lock);
	sb = s->super;
	super_set_size(&sb, nr_sectors);
	ret = make_room_for_size(s, &sb, err);
	pthread_mutex_unlock(&s->fold_lock);
	return ret;
}

int store_resize(struct store *s, uint64_t nr_sectors, struct err *err)
{
	int ret;

	ret = check_new_size(s, nr_sectors, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->journal_lock);
	pthread_mutex_lock(&s->fold_lock);
	ret = resize_locked(s, nr_sectors, err);
	pthread_mutex_unlock(&s->fold_lock);
	pthread_mutex_unlock(&s->journal_lock);
	return ret;
}
