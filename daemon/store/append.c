// SPDX-License-Identifier: GPL-2.0-or-later
/* Appends to the journal: marks and the beginnings of eras. */
#include <errno.h>
#include <inttypes.h>

#include "common/failpoint.h"
#include "store/append.h"
#include "store/resize.h"

/*
 * Takes journal_lock, and ensures that the ring has room for any group: folds if it has not.
 * A ring page may be used again when a superblock whose tail is past the page is durable.
 * On failure the lock is not held.
 */
static int lock_with_room(struct store *s, struct err *err)
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
	ret = lock_with_room(s, err);
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
	ret = lock_with_room(s, err);
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
