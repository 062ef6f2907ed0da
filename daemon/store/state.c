// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that all files of a store use: reading under the lock, the flush, and the superblock.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/failpoint.h"
#include "store/pool.h"
#include "store/state.h"

int store_io_error(struct store *s, struct err *err, int ret, const char *what)
{
	return err_set(err, ret, "%s: %s: %s", s->e->name, what, strerror(-ret));
}

unsigned long store_lost_writes(struct store *s)
{
	unsigned long ret;

	pthread_mutex_lock(&s->flush_lock);
	ret = s->lost_writes;
	pthread_mutex_unlock(&s->flush_lock);
	return ret;
}

int store_flush(struct store *s, unsigned long lost_before)
{
	int ret;

	pthread_mutex_lock(&s->flush_lock);
	ret = s->e->ops->flush(s->e);
	if (ret)
		s->lost_writes++;
	else if (s->lost_writes != lost_before)
		ret = -EIO;
	pthread_mutex_unlock(&s->flush_lock);
	return ret;
}

int store_write_group(struct store *s, unsigned int count, uint32_t era, enum erad_journal_type type)
{
	unsigned long lost;
	int ret;

	journal_number(&s->journal, s->group, count, s->head, era, type);
	pthread_mutex_lock(&s->flush_lock);
	ret = journal_write(&s->journal, s->group, count, s->head, true);
	if (ret && ret != -EOPNOTSUPP)
		s->lost_writes++;
	lost = s->lost_writes;
	pthread_mutex_unlock(&s->flush_lock);
	/*
	 * A disk may refuse FUA with any error.  So try a write and a flush before this counts as a
	 * failure.
	 */
	if (ret) {
		ret = journal_write(&s->journal, s->group, count, s->head, false);
		failpoint(FAILPOINT_COMMIT_WRITTEN);
		if (!ret)
			ret = store_flush(s, lost);
	}
	failpoint(FAILPOINT_COMMIT_FLUSHED);
	return ret;
}

int store_next_super(struct store *s, struct erad_disk_super *sb)
{
	const unsigned long lost = store_lost_writes(s);
	int ret;

	/*
	 * If the write fails, the next attempt must write the same copy of the superblock, because
	 * only the other copy is certainly valid.
	 */
	sb->seq = htole64(le64toh(s->super.seq) + 1);
	/*
	 * Check the size first.  A truncated file must not get a valid superblock, because the next
	 * open must refuse the file.
	 */
	ret = engine_find(s->e, false, NULL);
	if (!ret)
		ret = super_write(s->e, sb, s->fold_buf);
	failpoint(FAILPOINT_SUPER_WRITTEN);
	if (!ret)
		ret = store_flush(s, lost);
	failpoint(FAILPOINT_SUPER_FLUSHED);
	if (!ret) {
		s->super = *sb;
		s->history_unsettled = false;
	}
	return ret;
}

void store_set_snapshot(struct store *s)
{
	struct bitset old = s->snapshot.saved;
	struct nodes nodes = { 0 };

	pthread_mutex_lock(&s->lock);
	snapshot_init(&s->snapshot, &s->super);
	pthread_mutex_unlock(&s->lock);
	old.pool = &nodes;
	bitset_destroy(&old);
	store_return_nodes(s, &nodes);
}

uint64_t store_journal_used(struct store *s)
{
	uint64_t used;

	pthread_mutex_lock(&s->lock);
	used = s->head - s->tail;
	pthread_mutex_unlock(&s->lock);
	return used;
}

int store_check_writable(struct store *s, struct err *err)
{
	if (s->mode == STORE_WRITE)
		return 0;
	return err_set(err, -EROFS, "%s: it is open for reading only", s->e->name);
}

uint32_t store_floor(const struct store *s)
{
	return s->degrade.set && !s->degrade.floor ? s->era : s->floor_era;
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
	info->era_time = s->times.era;
	info->checkpoint_time = s->times.checkpoint;
	info->journal_used = s->head - s->tail;
	info->commits = s->commits;
	info->commit_pages = s->commit_pages;
	info->folds = s->folds;
	info->over_marked = s->over_marked;
	info->floor_era = store_floor(s);
	info->degraded = s->degrade.set;
	info->snapshot_era = s->snapshot.era;
	info->snapshot_floor_era = s->snapshot.era ? s->snapshot.floor_era : 0;
	info->snapshot_lasts = s->snapshot.era && s->snapshot.lasts;
	for (unsigned int i = 0; i < ERAD_GAP_KINDS_MAX; i++)
		info->gaps += le64toh(s->history->gaps_total[i]);
	info->snapshot_sectors = s->snapshot.era ? s->snapshot.nr_sectors : 0;
	pthread_mutex_unlock(&s->lock);
}
