// SPDX-License-Identifier: GPL-2.0-or-later
/* Appends marks and the beginnings of eras to the journal. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "common/failpoint.h"
#include "store/append.h"
#include "store/resize.h"

static int lock_journal(struct store *s, struct err *err)
{
	int ret;

	ret = store_check_writable(s, err);
	if (!ret)
		pthread_mutex_lock(&s->journal_lock);
	return ret;
}

/* Returns whether the pool has enough nodes for any one run. */
static bool has_nodes(struct store *s)
{
	bool ret;

	pthread_mutex_lock(&s->lock);
	ret = s->pool.nr >= overlay_needs(&s->active);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

/*
 * Ensures that the ring has room for a group of any size.  marks true: also ensures that the pool
 * has nodes for a run.  Folds if the room or the nodes are missing.
 *
 * A page of the ring may be used again after a superblock with a tail past the page has become
 * durable.  From then on, the nodes of the page's marks may be used again, too, because the marks
 * are durably in the array.
 *
 * Context: journal_lock.
 */
static int make_room_for_group(struct store *s, bool marks, struct err *err)
{
	int ret;

	ret = store_settle_size(s, err);
	if (!ret && (store_journal_used(s) + ERAD_GROUP_MAX > s->journal.pages || (marks && !has_nodes(s))))
		ret = store_fold(s, err);
	return ret;
}

/*
 * Makes s->group durable as the next group.  On failure, head does not move, and the next append
 * writes to the same pages.  If old and new pages are mixed after a crash, the group's checksum is
 * wrong.  kind: requests a snapshot of everything before the group.  Context: journal_lock, after
 * make_room_for_group().
 */
static int append_group(struct store *s, unsigned int count, uint32_t era, enum erad_journal_type type,
		  enum snapshot_kind kind, struct err *err)
{
	int ret;

	ret = store_write_group(s, count, era, type);
	if (ret)
		return store_io_error(s, err, ret, "cannot append to the journal");
	pthread_mutex_lock(&s->lock);
	if (kind) {
		/*
		 * Change head and era under one lock.  Otherwise a fold could read the new head
		 * with the old era.
		 */
		s->begin.kind = kind;
		s->begin.seq = s->head;
		s->begin.era = s->era;
		s->begin.times = s->times;
	}
	s->head += count;
	s->era = era;
	if (type == ERAD_J_ERA_BEGIN)
		era_times_add(&s->times, s->group);
	s->commits++;
	s->commit_pages += count;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/*
 * Fills a page of s->group with the beginning of an era.  Returns the number of pages, which is 1.
 * Context: journal_lock.
 */
static unsigned int encode_era(struct store *s, bool checkpoint)
{
	const unsigned int count = journal_encode(s->group, NULL, 0);
	const time_t now = time(NULL);

	s->group->time = htole64(now > 0 ? now : 0);
	s->group->flags = htole32(checkpoint ? ERAD_J_CHECKPOINT : 0);
	return count;
}

int store_append_era(struct store *s, uint32_t era, enum snapshot_kind kind, bool checkpoint,
		     struct err *err)
{
	int ret;

	if (era == UINT32_MAX)
		return err_set(err, -EOVERFLOW, "%s: there is no era %" PRIu32 ", the last is %"
			       PRIu32 "; create the volume anew", s->e->name, era, UINT32_MAX - 1);
	ret = lock_journal(s, err);
	if (ret)
		return ret;
	ret = make_room_for_group(s, false, err);
	if (ret)
		goto out;
	if (kind && s->era == 0)
		ret = err_set(err, -EINVAL, "%s: no era has begun", s->e->name);
	else if (era > s->era)
		ret = append_group(s, encode_era(s, checkpoint), era, ERAD_J_ERA_BEGIN, kind, err);
	else
		ret = err_set(err, -EINVAL, "%s: got era %" PRIu32 ", expected more than %" PRIu32,
			      s->e->name, era, s->era);
out:
	pthread_mutex_unlock(&s->journal_lock);
	return ret;
}

int store_begin_era(struct store *s, uint32_t era, struct err *err)
{
	return store_append_era(s, era, SNAPSHOT_NONE, false, err);
}

int store_checkpoint(struct store *s, uint32_t era, struct err *err)
{
	return store_append_era(s, era, SNAPSHOT_NONE, true, err);
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
				       ", expected 1 or more blocks, all below block %" PRIu64, s->e->name,
				       (uint32_t)r[i].len, (uint64_t)r[i].first, nr_blocks);
	return 0;
}

/*
 * Records the first runs as one group of the journal, as many runs as the pool has memory for.  The
 * group is durable when this returns.  *done: how many runs were recorded, at least 1.
 *
 * The marks are added in memory before the group is appended, for two reasons.  First, adding marks
 * can fail, and nothing may fail after the group is durable.  Second, a fold that moves the tail
 * past the group must already find the marks of the group.  If the group never becomes durable, its
 * blocks are reported as written, which is harmless.
 *
 * Context: journal_lock.
 */
static int mark_part(struct store *s, const struct run *runs, unsigned int nr, unsigned int *done,
		     struct err *err)
{
	int ret;

	ret = make_room_for_group(s, true, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->lock);
	*done = overlay_add(&s->active, s->era, runs, nr);
	pthread_mutex_unlock(&s->lock);
	if (!*done)
		return err_set(err, -ENOMEM, "%s: no memory for marks is left after a fold", s->e->name);
	return append_group(s, journal_encode(s->group, runs, *done), s->era, ERAD_J_MARK, SNAPSHOT_NONE, err);
}

/*
 * Writes the marks as one group, or as several groups if the pool has too few nodes for all marks.
 * Each group is durable before the next group begins, and the call returns 0 only after the last
 * group is durable.  So the caller never releases a write of which only some blocks are recorded.
 * After a crash, the journal may contain only the first groups; no write of the call has completed,
 * because the caller had not released it.  journal_lock is held over all groups, so that no era
 * begins between them.
 */
int store_mark(struct store *s, const struct erad_range *r, unsigned int nr, struct err *err)
{
	unsigned int i, part = 0;
	int ret;

	ret = check_ranges(s, r, nr, err);
	if (ret || nr == 0)
		return ret;
	ret = lock_journal(s, err);
	if (ret)
		return ret;
	nr = journal_runs(s->runs, r, nr);
	if (s->era == 0)
		ret = err_set(err, -EINVAL, "%s: no era has begun", s->e->name);
	for (i = 0; i < nr && !ret; i += part)
		ret = mark_part(s, &s->runs[i], nr - i, &part, err);
	pthread_mutex_unlock(&s->journal_lock);
	return ret;
}
