// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The metadata of one volume: open, marks, eras, folds, close.
 *
 * The order of durability (erad_format.h) is in four places: append() for a
 * commit and an era, finish_fold() (fold.c) for the tail, take_over() for what
 * the last opener left, store_lock_with_room() for the reuse of ring pages.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "store/store_priv.h"

/*
 * The end of an open for writing.
 *
 * What was read may have been written by the process before and not yet be
 * durable: it would vanish in a power failure, though the caller saw it and
 * later writes rely on it.  A flush alone is not enough if one has failed in
 * that process.  So write it again.  It can only be the newest superblock and
 * the last group, as each is made durable before the next is written; the
 * array's pages are written again by every fold.
 *
 * Then CLEAN goes, in the other superblock, and a snapshot that does not last.
 */
static int take_over(struct store *s, uint64_t last_group, struct err *err)
{
	const unsigned long lost = store_lost_writes(s);
	struct erad_disk_super sb = s->super;
	int ret;

	ret = super_write(s->e, &sb, s->fold_buf);
	failpoint(FAILPOINT_OPEN_SUPER);
	if (!ret)
		ret = journal_rewrite(&s->journal, last_group, s->head - last_group, s->fold_buf);
	failpoint(FAILPOINT_OPEN_JOURNAL);
	if (!ret)
		ret = store_mend_degrade(s);
	if (!ret)
		ret = store_flush(s, lost);
	if (!ret) {
		failpoint(FAILPOINT_OPEN_FLUSHED);
		sb.flags &= ~htole32(ERAD_SB_CLEAN);
		/* Whoever read it is gone. */
		if (!(sb.flags & htole32(ERAD_SB_SNAP_LASTS)))
			sb.snap_era = sb.snap_floor_era = 0;
		ret = store_next_super(s, &sb);
	}
	if (!ret)
		store_set_snapshot(s);
	return ret ? store_io_error(s, err, ret, "preparing it for writing") : 0;
}

static int replay_marks(void *ctx, uint32_t era, const struct run *runs, unsigned int nr)
{
	struct store *s = ctx;

	return overlay_add(&s->active, era, runs, nr);
}

static int load(struct store *s, struct err *err)
{
	struct journal_end end;
	int ret;

	ret = super_read(s->e, &s->super, err);
	if (ret)
		return ret;
	if (s->mode == STORE_WRITE && s->super.ro_compat)
		return err_set(err, -EOPNOTSUPP,
			       "%s: it can only be read, for features that are not known (ro_compat %#"
			       PRIx64 ")", s->e->name, le64toh(s->super.ro_compat));

	array_init(&s->array, s->e, &s->super);
	s->journal.e = s->e;
	memcpy(s->journal.uuid, s->super.uuid, sizeof(s->journal.uuid));
	s->journal.start = le64toh(s->super.journal_start);
	s->journal.pages = le64toh(s->super.journal_pages);
	s->journal.nr_blocks = s->array.nr_blocks;
	s->active.nr_blocks = s->array.nr_blocks;
	s->frozen.nr_blocks = s->array.nr_blocks;
	s->nr_sectors = le64toh(s->super.nr_sectors);
	s->block_sectors = le32toh(s->super.block_sectors);
	s->tail = le64toh(s->super.journal_tail);
	snapshot_init(&s->snapshot, &s->super);

	/*
	 * Whatever the flags say: a superblock that says CLEAN may be the older
	 * one, if the newer is damaged.
	 */
	ret = journal_replay(&s->journal, s->tail, le32toh(s->super.era), replay_marks, s, &end,
			     err);
	if (ret)
		return ret;
	s->head = end.head;
	s->era = end.era;
	ret = super_check_floor(&s->super, s->e->name, s->era, err);
	if (!ret)
		ret = store_read_degrade(s, err);
	if (ret)
		return ret;
	s->was_clean = (s->super.flags & htole32(ERAD_SB_CLEAN)) && s->head == s->tail;
	if (s->mode != STORE_WRITE)
		return 0;
	ret = super_check_room(s->e, &s->super, s->head, 0, err);
	return ret ? ret : take_over(s, end.last, err);
}

/* Frees everything; the engine too. */
static void destroy(struct store *s)
{
	overlay_destroy(&s->active);
	overlay_destroy(&s->frozen);
	snapshot_destroy(&s->snapshot);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->flush_lock);
	pthread_mutex_destroy(&s->journal_lock);
	pthread_mutex_destroy(&s->fold_lock);
	engine_destroy(s->e);
	free(s->group);
	free(s->fold_buf);
	free(s);
}

int store_open(struct engine *e, enum store_mode mode, struct store **out, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	int ret;

	*out = NULL;
	if (!s) {
		ret = err_set(err, -ENOMEM, "%s: out of memory", e->name);
		engine_destroy(e);
		return ret;
	}
	s->e = e;
	s->mode = mode;
	pthread_mutex_init(&s->fold_lock, NULL);
	pthread_mutex_init(&s->journal_lock, NULL);
	pthread_mutex_init(&s->flush_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	s->group = aligned_alloc(ERAD_PAGE, ERAD_GROUP_MAX * ERAD_PAGE);
	s->fold_buf = aligned_alloc(ERAD_PAGE, ARRAY_FOLD_PAGES * ERAD_PAGE);
	if (s->group && s->fold_buf)
		ret = load(s, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", e->name);
	if (ret) {
		destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

int store_lock_with_room(struct store *s, struct err *err)
{
	int ret;

	ret = store_check_writable(s, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->journal_lock);
	ret = store_settle_size(s, err);
	if (!ret && store_journal_used(s) + ERAD_GROUP_MAX > s->journal.pages)
		ret = store_fold(s, err);
	if (ret)
		pthread_mutex_unlock(&s->journal_lock);
	return ret;
}

/*
 * Makes s->group durable as the next group.  On failure head stays where it is:
 * the next append writes the same pages, and the checksum of the group tells a
 * mixture of both.  kind: a snapshot is to be of all before the group.
 * Context: journal_lock, with room.
 */
static int append(struct store *s, unsigned int count, uint32_t era, enum erad_journal_type type,
		  enum snapshot_kind kind, struct err *err)
{
	const unsigned long lost = store_lost_writes(s);
	int ret;

	ret = journal_write(&s->journal, s->group, count, s->head, era, type);
	failpoint(FAILPOINT_COMMIT_WRITTEN);
	if (!ret)
		ret = store_flush(s, lost);
	if (ret)
		return store_io_error(s, err, ret, "appending to the journal");
	failpoint(FAILPOINT_COMMIT_FLUSHED);
	pthread_mutex_lock(&s->lock);
	if (kind) {
		/* Together with head: no fold may go past it meanwhile. */
		s->begin.kind = kind;
		s->begin.seq = s->head;
		s->begin.era = s->era;
	}
	s->head += count;
	s->era = era;
	s->commits++;
	s->commit_pages += count;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

int store_append_era(struct store *s, uint32_t era, enum snapshot_kind kind, struct err *err)
{
	int ret;

	if (era == UINT32_MAX)
		return err_set(err, -EOVERFLOW, "%s: there is no era %" PRIu32 ", the last is %"
			       PRIu32 "; create the volume anew", s->e->name, era, UINT32_MAX - 1);
	ret = store_lock_with_room(s, err);
	if (ret)
		return ret;
	if (kind && s->era == 0)
		ret = err_set(err, -EINVAL, "%s: no era has begun", s->e->name);
	else if (era > s->era)
		ret = append(s, journal_encode(s->group, NULL, 0), era, ERAD_J_ERA_BEGIN, kind,
			     err);
	else
		ret = err_set(err, -EINVAL, "%s: got era %" PRIu32 ", expected more than %" PRIu32,
			      s->e->name, era, s->era);
	pthread_mutex_unlock(&s->journal_lock);
	return ret;
}

int store_begin_era(struct store *s, uint32_t era, struct err *err)
{
	return store_append_era(s, era, SNAPSHOT_NONE, err);
}

/*
 * In memory before the journal: once the group is durable nothing may fail,
 * and a fold whose tail moves past it must have these marks.  If it never
 * becomes durable they are reported too much.  Context: journal_lock.
 */
static int add_marks(struct store *s, unsigned int nr, struct err *err)
{
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = overlay_add(&s->active, s->era, s->runs, nr);
	pthread_mutex_unlock(&s->lock);
	return ret ? store_io_error(s, err, ret, "recording blocks") : 0;
}

static int check_ranges(struct store *s, const struct erad_range *r, unsigned int nr,
			struct err *err)
{
	const uint64_t nr_blocks = s->array.nr_blocks;
	unsigned int i;

	if (nr > ERAD_MAX_RANGES)
		return err_set(err, -EINVAL, "%s: got %u ranges, expected at most %u", s->e->name,
			       nr, ERAD_MAX_RANGES);
	for (i = 0; i < nr; i++)
		if (r[i].len == 0 || r[i].len > nr_blocks || r[i].first > nr_blocks - r[i].len)
			return err_set(err, -EINVAL, "%s: got %" PRIu32 " blocks from block %" PRIu64
				       ", expected 1 or more of the device's %" PRIu64, s->e->name,
				       (uint32_t)r[i].len, (uint64_t)r[i].first, nr_blocks);
	return 0;
}

int store_mark(struct store *s, const struct erad_range *r, unsigned int nr, struct err *err)
{
	int ret;

	ret = check_ranges(s, r, nr, err);
	if (ret || nr == 0)
		return ret;
	ret = store_lock_with_room(s, err);
	if (ret)
		return ret;
	nr = journal_runs(s->runs, r, nr);
	if (s->era == 0)
		ret = err_set(err, -EINVAL, "%s: no era has begun", s->e->name);
	if (!ret)
		ret = add_marks(s, nr, err);
	if (!ret)
		ret = append(s, journal_encode(s->group, s->runs, nr), s->era, ERAD_J_MARK,
			     SNAPSHOT_NONE, err);
	pthread_mutex_unlock(&s->journal_lock);
	return ret;
}

void store_info(struct store *s, struct store_info *info)
{
	memset(info, 0, sizeof(*info));
	memcpy(info->uuid, s->journal.uuid, sizeof(info->uuid));
	info->block_sectors = s->block_sectors;
	info->journal_pages = s->journal.pages;
	info->clean = s->was_clean;
	pthread_mutex_lock(&s->lock);
	info->nr_sectors = s->nr_sectors;
	info->nr_blocks = s->array.nr_blocks;
	info->size_pages = s->array.start + super_array_span(s->array.pages, s->array.chunk);
	info->used_pages = s->journal.start + s->head - s->tail + s->array.pages;
	info->chunk_pages = s->array.chunk;
	info->era = s->era;
	info->journal_used = s->head - s->tail;
	info->commits = s->commits;
	info->commit_pages = s->commit_pages;
	info->folds = s->folds;
	info->over_marked = s->over_marked;
	info->floor_era = store_floor(s);
	info->degraded = s->degrade.set;
	info->snapshot_era = s->snapshot.era;
	info->snapshot_lasts = s->snapshot.era && s->snapshot.lasts;
	info->snapshot_sectors = s->snapshot.era ? s->snapshot.nr_sectors : 0;
	pthread_mutex_unlock(&s->lock);
}

/* Nothing is left in the journal: says so.  Context: fold_lock. */
static int mark_clean(struct store *s, struct err *err)
{
	struct erad_disk_super sb = s->super;
	int ret;

	sb.flags |= htole32(ERAD_SB_CLEAN);
	ret = store_next_super(s, &sb);
	return ret ? store_io_error(s, err, ret, "writing the superblock") : 0;
}

int store_close(struct store *s, bool clean, struct err *err)
{
	int ret = 0;

	if (clean && s->mode == STORE_WRITE) {
		pthread_mutex_lock(&s->fold_lock);
		ret = store_fold_locked(s, err);
		failpoint(FAILPOINT_CLOSE_FOLDED);
		if (!ret)
			ret = mark_clean(s, err);
		pthread_mutex_unlock(&s->fold_lock);
	}
	destroy(s);
	return ret;
}
