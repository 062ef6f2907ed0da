// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens and closes the metadata of a volume. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "store/degrade.h"
#include "store/fold.h"
#include "store/history.h"
#include "store/history_copy.h"
#include "store/pool.h"
#include "store/replay.h"
#include "store/state.h"

/*
 * Ends an open for writing: makes durable what was read, clears CLEAN, and drops a snapshot that
 * ends with its process.
 *
 * The previous process may have written metadata without making it durable.  A power cut could
 * remove this metadata after this process has read it and has written more metadata that depends on
 * it.  A flush alone is not enough if a flush of the previous process has failed.  So the parts
 * that may not be durable are written again: the newest superblock and the last group.  Everything
 * before these parts was made durable before these parts were written.  The array needs no second
 * write, because every fold writes its pages again.  CLEAN is cleared in the other superblock.
 */
static int take_over(struct store *s, uint64_t last_group, struct err *err)
{
	const unsigned long lost = store_lost_writes(s);
	struct erad_disk_super sb = s->super;
	int ret;

	/*
	 * Write the journal first: if its durable write fails, the disk may lose writes that came
	 * before and that no flush has made durable.
	 */
	ret = journal_rewrite(&s->journal, last_group, s->head - last_group, s->fold_buf);
	failpoint(FAILPOINT_OPEN_JOURNAL);
	if (!ret)
		ret = super_write(s->e, &sb, s->fold_buf);
	failpoint(FAILPOINT_OPEN_SUPER);
	if (!ret)
		ret = store_mend_degrade(s);
	if (!ret)
		ret = store_flush(s, lost);
	if (!ret) {
		failpoint(FAILPOINT_OPEN_FLUSHED);
		sb.flags &= ~htole32(ERAD_SB_CLEAN);
		/* Drop a snapshot that ends with its process, because the process has ended. */
		if (!(sb.flags & htole32(ERAD_SB_SNAP_LASTS)))
			sb.snap_era = sb.snap_floor_era = 0;
		ret = store_next_super(s, &sb);
	}
	if (!ret)
		store_set_snapshot(s);
	return ret ? store_io_error(s, err, ret, "cannot prepare it for writing") : 0;
}

static int replay_marks(void *ctx, uint32_t era, const struct run *runs, unsigned int nr)
{
	struct store *s = ctx;

	return overlay_add_all(&s->active, era, runs, nr);
}

static int load_metadata(struct store *s, struct err *err)
{
	struct journal_end end;
	int ret;

	ret = super_read(s->e, &s->super, err);
	if (ret)
		return ret;
	array_init(&s->array, s->e, &s->super);
	s->journal.e = s->e;
	memcpy(s->journal.uuid, s->super.uuid, sizeof(s->journal.uuid));
	s->journal.start = le64toh(s->super.journal_start);
	s->journal.pages = le64toh(s->super.journal_pages);
	s->journal.nr_blocks = s->array.nr_blocks;
	s->active.pool = &s->pool;
	s->frozen.pool = &s->pool;
	s->active.nr_blocks = s->array.nr_blocks;
	s->frozen.nr_blocks = s->array.nr_blocks;
	s->nr_sectors = le64toh(s->super.nr_sectors);
	s->block_sectors = le32toh(s->super.block_sectors);
	s->tail = le64toh(s->super.journal_tail);
	snapshot_init(&s->snapshot, &s->super);

	/*
	 * Replay even if CLEAN is set.  If the newer superblock is damaged, the older superblock is
	 * used, and its CLEAN may be out of date.
	 */
	ret = journal_replay(&s->journal, s->tail, le32toh(s->super.era), replay_marks, s, &end,
			     err);
	if (ret)
		return ret;
	s->head = end.head;
	s->era = end.era;
	s->times = end.times;
	if (s->era == le32toh(s->super.era))
		s->times.era = le64toh(s->super.era_time);
	if (!s->times.checkpoint)
		s->times.checkpoint = le64toh(s->super.checkpoint_time);
	ret = super_check_floor(&s->super, s->e->name, s->era, err);
	if (!ret)
		ret = history_read(s->e, &s->super, s->history, err);
	if (!ret)
		ret = store_read_degrade(s, err);
	if (ret)
		return ret;
	s->was_clean = (s->super.flags & htole32(ERAD_SB_CLEAN)) && s->head == s->tail;
	if (s->mode != STORE_WRITE)
		return 0;
	ret = super_check_writable(s->e, &s->super, s->head, 0, err);
	if (!ret)
		ret = history_check_room(s->e, &s->super, err);
	if (!ret)
		ret = store_init_pool(s, err);
	if (!ret)
		ret = take_over(s, end.last, err);
	return ret ? ret : history_upgrade(s, err);
}

/* Frees the store and the engine. */
static void destroy_store(struct store *s)
{
	overlay_destroy(&s->active, &s->pool);
	overlay_destroy(&s->frozen, &s->pool);
	snapshot_destroy(&s->snapshot, &s->pool);
	nodes_free(&s->pool);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->flush_lock);
	pthread_mutex_destroy(&s->journal_lock);
	pthread_mutex_destroy(&s->fold_lock);
	engine_destroy(s->e);
	free(s->group);
	free(s->history);
	free(s->history_new);
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
	s->history = aligned_alloc(ERAD_PAGE, sizeof(*s->history));
	s->history_new = aligned_alloc(ERAD_PAGE, sizeof(*s->history_new));
	if (s->group && s->fold_buf && s->history && s->history_new)
		ret = load_metadata(s, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", e->name);
	if (ret) {
		destroy_store(s);
		return ret;
	}
	if (mode == STORE_WRITE)
		engine_remove_copies(e, s->super.uuid);
	*out = s;
	return 0;
}

/*
 * Ends the use of the metadata.  clean true: the journal is empty, so marks the metadata clean.
 * seal: the seal that becomes valid, or NULL.  Context: fold_lock.
 */
static int mark_closed(struct store *s, bool clean, const uint8_t *seal, struct err *err)
{
	struct erad_disk_super sb = s->super;
	int ret;

	sb.flags |= clean ? htole32(ERAD_SB_CLEAN) : 0;
	if (seal) {
		sb.flags |= htole32(ERAD_SB_SEALED);
		memcpy(history_edit(s)->seal, seal, ERAD_HISTORY_SEAL);
		ret = history_commit_both(s, &sb);
	} else {
		ret = store_next_super(s, &sb);
	}
	return ret ? store_io_error(s, err, ret, "cannot write the superblock") : 0;
}

static int close_locked(struct store *s, bool clean, const uint8_t *seal, struct err *err)
{
	int ret = 0;

	if (clean && s->mode == STORE_WRITE) {
		pthread_mutex_lock(&s->fold_lock);
		ret = store_fold_locked(s, err);
		failpoint(FAILPOINT_CLOSE_FOLDED);
		/*
		 * Write the seal even if the fold has failed.  Without a seal, an open after a
		 * reboot could not notice that the origin was written while the volume was closed.
		 */
		if (!ret)
			ret = mark_closed(s, true, seal, err);
		else if (seal)
			mark_closed(s, false, seal, NULL);
		pthread_mutex_unlock(&s->fold_lock);
	}
	destroy_store(s);
	return ret;
}

int store_close(struct store *s, bool clean, struct err *err)
{
	return close_locked(s, clean, NULL, err);
}

int store_close_sealed(struct store *s, const uint8_t seal[ERAD_HISTORY_SEAL], struct err *err)
{
	return close_locked(s, true, seal, err);
}
