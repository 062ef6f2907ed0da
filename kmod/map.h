/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a write: pass, hold, fetch, commit, release. */
#ifndef ERAD_MAP_H
#define ERAD_MAP_H

#include "instance.h"
#include "writer.h"

/* Data of each bio.  dm does not zero it. */
struct erad_per_bio {
	/*
	 * The writeset that has counted this write as begun, or NULL.  Valid for every bio except
	 * reads.
	 */
	struct erad_writeset *ws;
	u64 held_ns;			/* for a held write: ktime at which ->map held it */
	struct erad_writer writer;	/* for a held write: the submitter */
};

int erad_map(struct dm_target *ti, struct bio *bio);
int erad_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

/* The function of ei->submit_work. */
void erad_submit_work(struct work_struct *work);

/*
 * Makes the instance FAILED, and ends the message under way with EIO.  Moves all held writes to
 * `failed`.  The caller must pass `failed` to erad_bios_end() after it has released ei->mutex.
 * Context: ei->mutex.
 */
void erad_instance_fail(struct erad_instance *ei, struct bio_list *failed);

/*
 * The two halves of ioctl COMMIT_FETCH.  Context: ei->mutex.
 *
 * erad_commit() returns the errors of the ioctl.  status: commit_status of the ioctl.  If it is not
 * 0, acts as erad_instance_fail() does: the caller must end the bios in `failed`.
 *
 * erad_fetch() writes at most max ranges, and returns their number.  If the number is not 0, a new
 * batch is outstanding: ei->batch_id and ei->batch_era.
 */
int erad_commit(struct erad_instance *ei, u64 batch, u32 status, struct bio_list *failed);
u32 erad_fetch(struct erad_instance *ei, struct erad_range *ranges, u32 max);

/* Puts the outstanding batch, if there is one, back at the head of the queue.  Context: ei->mutex. */
void erad_batch_return(struct erad_instance *ei);

/*
 * Moves all held writes from the instance to `bios`, and returns their number.  Context: ei->mutex.
 */
u32 erad_held_take(struct erad_instance *ei, struct bio_list *bios);

/* Ends bios that are on no list of an instance.  Call this without any lock. */
void erad_bios_end(struct bio_list *bios, blk_status_t status);

/* Releases all held writes.  All bits of the current writeset must be set.  Context: ei->mutex. */
void erad_held_release(struct erad_instance *ei);

/*
 * Returns for how many ns the oldest held write has been held, or 0 if no write is held.  Context:
 * ei->mutex.
 */
u64 erad_oldest_held(struct erad_instance *ei);

#endif /* ERAD_MAP_H */
