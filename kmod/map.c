// SPDX-License-Identifier: GPL-2.0-only
/* The path of a write: pass, hold, fetch, commit, release. */

#include <linux/blkdev.h>
#include <linux/ktime.h>

#include "map.h"
#include "message.h"
#include "trace.h"

#define DM_MSG_PREFIX "erad"

/*
 * One fetch examines at most this number of bios, because ABORT waits for ei->mutex during a fetch.
 * If the blocks of all examined bios are recorded already, the fetch returns no ranges, although
 * more bios are held, and poll() still returns IN.
 */
#define BATCH_MAX_BIOS	2048

static u64 block_of(const struct erad_instance *ei, sector_t sector)
{
	if (ei->block_shift >= 0)
		return sector >> ei->block_shift;
	sector_div(sector, ei->block_sectors);
	return sector;
}

/*
 * Sets *first and *last to the first and the last block that the bio touches, partly or completely.
 * Call this before the bio's sector is remapped.
 */
static void bio_blocks(const struct erad_instance *ei, struct bio *bio, u64 *first, u64 *last)
{
	sector_t sector = dm_target_offset(ei->ti, bio->bi_iter.bi_sector);

	*first = block_of(ei, sector);
	*last = block_of(ei, sector + bio_sectors(bio) - 1);
}

/*
 * Sets the bio's device to the origin.  Call this in the submitter's context, because bio_set_dev()
 * assigns the cgroup of the current task to the bio.
 */
static void remap_device(struct erad_instance *ei, struct bio *bio)
{
	bio_set_dev(bio, ei->origin->bdev);
}

static void remap_sector(struct erad_instance *ei, struct bio *bio)
{
	bio->bi_iter.bi_sector = dm_target_offset(ei->ti, bio->bi_iter.bi_sector);
}

static struct erad_per_bio *per_bio(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct erad_per_bio));
}

/* No DM_MAPIO_ constant is negative, so this value differs from all of them. */
#define LOOK_AGAIN	(-EAGAIN)

/*
 * Holds the bio.  In the state FAILED, and after a noflush suspend has begun, does not hold the
 * bio: ->map then kills or requeues it.  Returns the result for ->map, or LOOK_AGAIN if all bits of
 * the writeset have been set since ->map tested the bits of this bio.
 */
static noinline int hold_write(struct erad_instance *ei, struct bio *bio, u64 first, u64 last)
{
	u32 op = (__force u32)bio_op(bio);
	bool wake, detached;

	per_bio(bio)->held_ns = ktime_get_ns();
	erad_writer_note(&per_bio(bio)->writer, bio);
	remap_device(ei, bio);

	spin_lock(&ei->lock);
	if (ei->state == ERAD_FAILED) {
		ei->failed++;
		spin_unlock(&ei->lock);
		return DM_MAPIO_KILL;
	}
	if (ei->passing) {
		spin_unlock(&ei->lock);
		return LOOK_AGAIN;
	}
	/*
	 * Check dm's state, too.  When a noflush suspend is interrupted, dm lets bios in again
	 * before it calls ->presuspend_undo.  A requeue in between would be an I/O error.
	 */
	if (ei->pushback && dm_noflush_suspending(ei->ti)) {
		ei->requeued++;
		spin_unlock(&ei->lock);
		return DM_MAPIO_REQUEUE;
	}
	/*
	 * Clear REQ_NOWAIT: the submitter does not wait for the origin, and the work item that
	 * submits the bio later may sleep.  Clear REQ_POLLED: nobody polls for the completion of
	 * the later request.
	 */
	bio->bi_opf &= ~REQ_NOWAIT;
	bio_clear_polled(bio);
	wake = !ei->nr_queued++;
	bio_list_add(&ei->queue, bio);
	ei->held++;
	detached = ei->state == ERAD_DETACHED;
	spin_unlock(&ei->lock);

	/*
	 * The bio may have ended by now.  ei is still valid, because dm keeps the table until ->map
	 * returns.
	 */
	trace_erad_gated(ei->dev, first, last - first + 1, op);
	if (wake) {
		wake_up_interruptible_poll(&ei->wait, EPOLLIN | EPOLLRDNORM);
		if (detached)
			erad_warn_detached(ei);
		/* The time of detach_policy starts with the first held write. */
		if (detached && ei->policy == ERAD_DEGRADE_WRITES)
			queue_delayed_work(ei->wq, &ei->detach_work, ei->detach_timeout * HZ);
	}
	return DM_MAPIO_SUBMITTED;
}

/*
 * Returns whether the per-bio data of the bio is initialized.  dm does not zero the data, so
 * erad_map() and erad_end_io() must use the same test.
 */
static bool may_have_writeset(const struct bio *bio)
{
	return bio_data_dir(bio) == WRITE;
}

int erad_map(struct dm_target *ti, struct bio *bio)
{
	struct erad_instance *ei = ti->private;

	if (may_have_writeset(bio)) {
		struct erad_per_bio *pb = per_bio(bio);
		struct erad_writeset *ws;
		u64 first, last;
		int r;

		pb->ws = NULL;
		if (bio_sectors(bio)) {
			bio_blocks(ei, bio, &first, &last);
again:
			rcu_read_lock_sched();
			ws = rcu_dereference_sched(ei->current_ws);
			if (ws && erad_writeset_has(ws, first, last)) {
				erad_writeset_begin_write(ws);
				pb->ws = ws;
			}
			rcu_read_unlock_sched();
			if (!pb->ws) {
				r = hold_write(ei, bio, first, last);
				if (r == LOOK_AGAIN)
					goto again;
				return r;
			}
		}
	}
	remap_device(ei, bio);
	remap_sector(ei, bio);
	return DM_MAPIO_REMAPPED;
}

int erad_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	if (may_have_writeset(bio)) {
		struct erad_per_bio *pb = per_bio(bio);

		if (pb->ws) {
			erad_writeset_end_write(pb->ws);
			pb->ws = NULL;
		}
	}
	return DM_ENDIO_DONE;
}

/*
 * Emits one event for consecutive bios that were held for about the same time, so that there are
 * few events.
 */
static void note_waits(const struct erad_instance *ei, const struct bio_list *bios, u64 now)
{
	u32 nr = 0, log2 = 0;
	struct bio *bio;
	u64 sum = 0;

	if (!trace_erad_waited_enabled())
		return;
	bio_list_for_each(bio, bios) {
		u64 wait = now - per_bio(bio)->held_ns;
		u32 log = wait ? ilog2(wait) : 0;

		if (nr && log != log2) {
			trace_erad_waited(ei->dev, log2, nr, sum);
			nr = 0;
			sum = 0;
		}
		log2 = log;
		nr++;
		sum += wait;
	}
	if (nr)
		trace_erad_waited(ei->dev, log2, nr, sum);
}

/*
 * Submits the released bios.  Runs in the workqueue and not in the owner's context, because a
 * submission may wait for the origin, and the owner must be able to commit during this wait.
 */
void erad_submit_work(struct work_struct *work)
{
	struct erad_instance *ei = container_of(work, struct erad_instance, submit_work);
	struct blk_plug plug;
	struct bio_list bios;
	struct bio *bio;
	u64 now;

	spin_lock(&ei->lock);
	bios = ei->submit_list;
	bio_list_init(&ei->submit_list);
	spin_unlock(&ei->lock);

	now = ktime_get_ns();
	note_waits(ei, &bios, now);
	blk_start_plug(&plug);
	while ((bio = bio_list_pop(&bios))) {
		trace_erad_released(ei->dev, dm_target_offset(ei->ti, bio->bi_iter.bi_sector),
				    bio_sectors(bio), now - per_bio(bio)->held_ns);
		remap_sector(ei, bio);
		dm_submit_bio_remap(bio, NULL);
		cond_resched();
	}
	blk_finish_plug(&plug);
}

/*
 * Counts a bio as begun, before the bio is added to ei->submit_list.  Context: ei->mutex, so that
 * ws stays the current writeset.
 */
static void begin_write(struct erad_writeset *ws, struct bio *bio)
{
	erad_writeset_begin_write(ws);
	per_bio(bio)->ws = ws;
}

static struct erad_writeset *current_writeset(struct erad_instance *ei)
{
	return rcu_dereference_protected(ei->current_ws, lockdep_is_held(&ei->mutex));
}

/*
 * Moves bios from ei->queue to the batch.  ->map spins on ei->lock, so this function moves all bios
 * to a local list, and examines them without ei->lock.  The bios stay in order, because only the
 * holder of ei->mutex removes bios from ei->queue.  ei->nr_queued includes the bios of the local
 * list until they are in the batch or released.
 */
u32 erad_fetch(struct erad_instance *ei, struct erad_range *ranges, u32 max)
{
	struct erad_writeset *ws = current_writeset(ei);
	struct bio_list queue, release = BIO_EMPTY_LIST;
	u32 nr = 0, nr_batch = 0, nr_release = 0;
	struct bio *bio;
	bool more;

	lockdep_assert_held(&ei->mutex);

	spin_lock(&ei->lock);
	queue = ei->queue;
	bio_list_init(&ei->queue);
	spin_unlock(&ei->lock);

	while (nr_batch + nr_release < BATCH_MAX_BIOS && (bio = bio_list_peek(&queue))) {
		struct erad_range *r = nr ? &ranges[nr - 1] : NULL;
		u64 first, last;

		bio_blocks(ei, bio, &first, &last);
		first = erad_writeset_next_missing(ws, first, last);
		if (first > last) {
			/* All blocks of the write have been recorded since it was held. */
			begin_write(ws, bio);
			bio_list_add(&release, bio_list_pop(&queue));
			nr_release++;
			cond_resched();
			continue;
		}
		if (r && first >= r->first && first <= r->first + r->len &&
		    last - r->first < U32_MAX) {
			r->len = max_t(u64, r->len, last - r->first + 1);
		} else if (nr < max) {
			ranges[nr++] = (struct erad_range) {
				.first = first,
				.len = last - first + 1,	/* a bio has at most 2^20 blocks */
			};
		} else {
			break;
		}
		bio_list_add(&ei->batch, bio_list_pop(&queue));
		nr_batch++;
		cond_resched();
	}

	spin_lock(&ei->lock);
	bio_list_merge_head(&ei->queue, &queue);
	ei->nr_queued -= nr_batch + nr_release;
	ei->nr_batch += nr_batch;
	bio_list_merge(&ei->submit_list, &release);
	ei->released += nr_release;
	more = ei->nr_queued;
	spin_unlock(&ei->lock);

	if (nr_release)
		queue_work(ei->wq, &ei->submit_work);
	/*
	 * Wake pollers.  A write that was held during the fetch did not wake them, because
	 * nr_queued was not 0.
	 */
	if (more && !nr)
		wake_up_interruptible_poll(&ei->wait, EPOLLIN | EPOLLRDNORM);
	if (nr) {
		WRITE_ONCE(ei->batch_id, ++ei->last_batch_id);
		ei->batch_era = ws->era;
	}
	return nr;
}

void erad_batch_return(struct erad_instance *ei)
{
	lockdep_assert_held(&ei->mutex);

	spin_lock(&ei->lock);
	bio_list_merge_head(&ei->queue, &ei->batch);
	ei->nr_queued += ei->nr_batch;
	ei->nr_batch = 0;
	spin_unlock(&ei->lock);
	bio_list_init(&ei->batch);
	WRITE_ONCE(ei->batch_id, 0);
	wake_up_interruptible_poll(&ei->wait, EPOLLIN | EPOLLRDNORM);
}

u32 erad_held_take(struct erad_instance *ei, struct bio_list *bios)
{
	u32 nr;

	lockdep_assert_held(&ei->mutex);

	erad_batch_return(ei);
	spin_lock(&ei->lock);
	bio_list_merge(bios, &ei->queue);
	bio_list_init(&ei->queue);
	nr = ei->nr_queued;
	ei->nr_queued = 0;
	spin_unlock(&ei->lock);
	return nr;
}

void erad_bios_end(struct bio_list *bios, blk_status_t status)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		bio->bi_status = status;
		bio_endio(bio);
		cond_resched();
	}
}

void erad_instance_fail(struct erad_instance *ei, struct bio_list *failed)
{
	const bool was_failed = ei->state == ERAD_FAILED;
	u32 nr;

	lockdep_assert_held(&ei->mutex);

	/*
	 * In the state FAILED, ->map holds no write, so erad_held_take() then finds all held
	 * writes.
	 */
	erad_instance_set_state(ei, ERAD_FAILED);
	erad_message_end(ei, -EIO, 0);
	nr = erad_held_take(ei, failed);
	spin_lock(&ei->lock);
	ei->failed += nr;
	spin_unlock(&ei->lock);
	trace_erad_error(ei->dev, EIO, nr);
	if (!was_failed)
		DMERR("%s: failed; writes to blocks not yet recorded get an I/O error until erad attaches again",
		      dm_table_device_name(ei->ti->table));
}

int erad_commit(struct erad_instance *ei, u64 batch, u32 status, struct bio_list *failed)
{
	struct erad_writeset *ws = current_writeset(ei);
	const struct erad_writer *writer = NULL;
	struct bio *bio;
	u64 nr_new = 0;
	bool more;

	lockdep_assert_held(&ei->mutex);

	if (batch != ei->batch_id)
		return -ESTALE;
	if (status) {
		erad_instance_fail(ei, failed);
		return 0;
	}
	if (ei->batch_era != ws->era) {
		erad_batch_return(ei);
		return -ESTALE;
	}

	/*
	 * Set the bits before any bio is released: once a write has completed, the next write to
	 * the same block must find its bit.
	 */
	bio_list_for_each(bio, &ei->batch) {
		const struct erad_writer *next = &per_bio(bio)->writer;
		u64 first, last;

		/* Emit one event for consecutive bios of the same writer. */
		if (writer && nr_new && !erad_writer_is_same(writer, next)) {
			trace_erad_recorded(ei->dev, ws->era, nr_new, writer->cgroup, writer->comm);
			nr_new = 0;
		}
		writer = next;
		bio_blocks(ei, bio, &first, &last);
		nr_new += erad_writeset_set(ws, first, last);
		begin_write(ws, bio);
	}
	if (nr_new)
		trace_erad_recorded(ei->dev, ws->era, nr_new, writer->cgroup, writer->comm);

	trace_erad_committed(ei->dev, batch, ws->era, ei->nr_batch);
	ei->last_commit_ns = ktime_get_ns();
	spin_lock(&ei->lock);
	bio_list_merge(&ei->submit_list, &ei->batch);
	ei->released += ei->nr_batch;
	ei->nr_batch = 0;
	ei->batches++;
	WRITE_ONCE(ei->batch_id, 0);
	more = ei->nr_queued;
	spin_unlock(&ei->lock);
	bio_list_init(&ei->batch);
	queue_work(ei->wq, &ei->submit_work);
	/*
	 * Wake pollers.  A write that was held while the batch was outstanding did not wake them.
	 */
	if (more)
		wake_up_interruptible_poll(&ei->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

void erad_held_release(struct erad_instance *ei)
{
	struct erad_writeset *ws = current_writeset(ei);
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;
	u32 nr;

	lockdep_assert_held(&ei->mutex);

	nr = erad_held_take(ei, &bios);
	bio_list_for_each(bio, &bios)
		begin_write(ws, bio);
	spin_lock(&ei->lock);
	bio_list_merge(&ei->submit_list, &bios);
	ei->released += nr;
	spin_unlock(&ei->lock);
	queue_work(ei->wq, &ei->submit_work);
}

u64 erad_oldest_held(struct erad_instance *ei)
{
	struct bio *bio;
	u64 then = 0;

	lockdep_assert_held(&ei->mutex);

	spin_lock(&ei->lock);
	bio = bio_list_peek(&ei->batch) ?: bio_list_peek(&ei->queue);
	if (bio)
		then = per_bio(bio)->held_ns;
	spin_unlock(&ei->lock);
	return bio ? ktime_get_ns() - then : 0;
}
