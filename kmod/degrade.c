// SPDX-License-Identifier: GPL-2.0-only
/*
 * The degrade record, with which writes go on when no owner can record them.
 *
 * The record is one sector of the metadata device.  It says that every block may be written from
 * now on.  The order is the same as in a commit:
 *
 * 1. the record is durable (FUA);
 * 2. all bits of the current writeset are set;
 * 3. all held writes are released, counted by the current writeset.
 *
 * From then on, every write finds its bits and is counted, so the drain of the next era also waits
 * for these writes.  NEW_ERA holds writes again without a further step, because the new writeset is
 * empty.
 *
 * READY passes a record with the next serial to the module.  After READY, the owner raises the
 * serial in its metadata; then the previous record is no longer in force.  Between ATTACH and
 * READY, the record on disk does not change: ATTACH fails while a write of the record is in flight,
 * and the module starts no write of the record while the state is LOADING.
 *
 * With detach_policy degrade, the record is also written without a request, when two conditions are
 * true: the state is DETACHED, and a write has been held for detach_timeout seconds in which no
 * batch was committed (detach.c).  If an owner attaches and ends without a commit, the time does
 * not start again.  A detached instance that holds no writes does not write the record.
 *
 * ctr allocates all memory.  The write needs no PREFLUSH, because the record is valid even if other
 * data is still in the device's write cache.
 */

#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "degrade.h"
#include "map.h"
#include "message.h"

#define DM_MSG_PREFIX "erad"

#define RETRY_MIN	1	/* time between two attempts to write the record, in seconds */
#define RETRY_MAX	30

struct erad_record {
	struct erad_instance *ei;
	/* mutex for writing, and constant while busy: what to write, and where. */
	struct page *page;		/* contains the record, padded with zeros */
	sector_t sector;
	unsigned int len;		/* in bytes: the record's size, or a larger logical block */
	bool busy;			/* mutex for writing; a write of the record is in flight */
	/* mutex; all writes are released when the record is durable; ABORT clears the flag. */
	bool wanted;
	int result;			/* mutex; result of the last write, 0 or a negative errno */
	/* mutex; seconds to wait after the last failed attempt.  0: no failure since a success. */
	unsigned int retry;
	struct bio bio;
	struct bio_vec vec;
	struct work_struct write_work;	/* submits `bio` */
	struct work_struct done_work;	/* runs after the completion of `bio` */
};

bool erad_degrade_busy(const struct erad_instance *ei)
{
	return ei->record && READ_ONCE(ei->record->busy);
}

static void record_bio_ended(struct bio *bio)
{
	struct erad_record *rec = bio->bi_private;

	queue_work(rec->ei->wq, &rec->done_work);
}

/* Runs in a work item, because submitting may wait for the metadata device. */
static void submit_record(struct work_struct *work)
{
	struct erad_record *rec = container_of(work, struct erad_record, write_work);
	struct bio *bio = &rec->bio;

	bio_init(bio, rec->ei->meta->bdev, &rec->vec, 1,
		 REQ_OP_WRITE | REQ_SYNC | REQ_FUA | REQ_META | REQ_PRIO);
	bio->bi_iter.bi_sector = rec->sector;
	bio->bi_private = rec;
	bio->bi_end_io = record_bio_ended;
	__bio_add_page(bio, rec->page, rec->len, 0);
	submit_bio(bio);
}

/* Takes steps 2 and 3 of the order above.  Context: ei->mutex. */
static void pass_all(struct erad_instance *ei)
{
	lockdep_assert_held(&ei->mutex);

	erad_writeset_fill(rcu_dereference_protected(ei->current_ws,
						     lockdep_is_held(&ei->mutex)));
	/*
	 * Set `passing` after the bits are set: if ->map finds `passing` set, it does not hold the
	 * write, but tests the bits once more, and must find them set.  Set `passing` before the
	 * release: after the release, ->map must not add a write to the queue.
	 */
	spin_lock(&ei->lock);
	ei->passing = true;
	spin_unlock(&ei->lock);
	erad_held_release(ei);
	DMWARN("%s: degraded: writes pass, and every block counts as written, until erad attaches again",
	       dm_table_device_name(ei->ti->table));
	erad_instance_set_state(ei, ERAD_DEGRADED);
	erad_message_end(ei, -ENOTCONN, 0);
}

static void record_written(struct work_struct *work)
{
	struct erad_record *rec = container_of(work, struct erad_record, done_work);
	struct erad_instance *ei = rec->ei;

	mutex_lock(&ei->mutex);
	rec->result = blk_status_to_errno(rec->bio.bi_status);
	bio_uninit(&rec->bio);
	if (ei->dead) {
		rec->result = rec->result ?: -ENOENT;
	} else if (rec->result) {
		rec->retry = rec->retry ? min_t(unsigned int, 2 * rec->retry, RETRY_MAX) : RETRY_MIN;
		DMERR_LIMIT("%s: cannot write the degrade record: error %d%s",
			    dm_table_device_name(ei->ti->table), rec->result,
			    rec->wanted ? "; writes still wait" : "");
		if (ei->policy == ERAD_DEGRADE_WRITES)
			mod_delayed_work(ei->wq, &ei->detach_work, rec->retry * HZ);
	} else if (rec->wanted) {
		rec->retry = 0;
		pass_all(ei);
	} else {
		rec->result = -ECANCELED;
	}
	WRITE_ONCE(rec->busy, false);
	mutex_unlock(&ei->mutex);
	/*
	 * After this wake-up, dtr may destroy ei->wq.  destroy_workqueue() waits for this work
	 * item.
	 */
	wake_up_all(&ei->wait);
}

/* Takes step 1 of the order above. */
void erad_degrade_start(struct erad_instance *ei)
{
	struct erad_record *rec = ei->record;

	lockdep_assert_held(&ei->mutex);

	rec->wanted = true;
	if (rec->busy)
		return;
	WRITE_ONCE(rec->busy, true);
	queue_work(ei->wq, &rec->write_work);
}

int erad_degrade_now(struct erad_instance *ei)
{
	struct erad_record *rec = ei->record;
	int r;

	mutex_lock(&ei->mutex);
	if (ei->dead)
		r = -ENOENT;
	else if (ei->passing)
		r = 0;
	else if (!ei->has_record)
		r = -EOPNOTSUPP;
	else if (ei->state == ERAD_LOADING)
		r = -EAGAIN;
	else if (!READ_ONCE(ei->resumed))
		r = -EBUSY;	/* a suspended device holds no writes: see erad_postsuspend() */
	else
		r = 1;
	if (r > 0)
		erad_degrade_start(ei);
	mutex_unlock(&ei->mutex);
	if (r <= 0)
		return r;

	if (wait_event_killable(ei->wait, !erad_degrade_busy(ei)))
		return -EINTR;
	mutex_lock(&ei->mutex);
	r = rec->result;
	mutex_unlock(&ei->mutex);
	return r;
}

void erad_degrade_cancel(struct erad_instance *ei)
{
	lockdep_assert_held(&ei->mutex);

	if (ei->record)
		ei->record->wanted = false;
}

int erad_record_set(struct erad_instance *ei, const u8 *content, u64 sector)
{
	struct erad_record *rec = ei->record;
	struct block_device *bdev;
	unsigned int len;

	lockdep_assert_held(&ei->mutex);

	if (!content) {
		WRITE_ONCE(ei->has_record, false);
		return 0;
	}
	if (!rec)
		return -EINVAL;
	bdev = ei->meta->bdev;
	len = max_t(unsigned int, ERAD_RECORD_SIZE, bdev_logical_block_size(bdev));
	if (len > PAGE_SIZE || sector % (len >> SECTOR_SHIFT) ||
	    sector >= bdev_nr_sectors(bdev) ||
	    (len >> SECTOR_SHIFT) > bdev_nr_sectors(bdev) - sector)
		return -EINVAL;
	memset(page_address(rec->page), 0, PAGE_SIZE);
	memcpy(page_address(rec->page), content, ERAD_RECORD_SIZE);
	rec->sector = sector;
	rec->len = len;
	WRITE_ONCE(ei->has_record, true);
	return 0;
}

int erad_record_alloc(struct erad_instance *ei)
{
	struct erad_record *rec = kzalloc(sizeof(*rec), GFP_KERNEL);

	if (!rec)
		return -ENOMEM;
	rec->page = alloc_page(GFP_KERNEL);
	if (!rec->page) {
		kfree(rec);
		return -ENOMEM;
	}
	rec->ei = ei;
	INIT_WORK(&rec->write_work, submit_record);
	INIT_WORK(&rec->done_work, record_written);
	ei->record = rec;
	return 0;
}

void erad_record_free_page(struct erad_record *rec)
{
	if (!rec)
		return;
	__free_page(rec->page);
	rec->page = NULL;
}
