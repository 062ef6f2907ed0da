/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a write: pass, hold, fetch, commit, release. */
#ifndef ERAD_MAP_H
#define ERAD_MAP_H

#include "instance.h"
#include "writer.h"

/* Data of each bio.  dm does not zero it. */
struct erad_per_bio {
	struct erad_writeset *ws;	/* the writeset that has counted this write as begun, or NULL; valid for every bio but reads */
	u64 held_ns;			/* in held writes: ktime when ->map held the write */
	struct erad_writer writer;	/* in held writes: who has submitted the write */
};

int erad_map(struct dm_target *ti, struct bio *bio);
int erad_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

/* The function of ei->submit_work. */
void erad_submit_work(struct work_struct *work);

/*
 * Makes the instance FAILED, and ends the message that is under way with EIO.  Moves all held
 * writes to `failed`; the caller passes them to erad_bios_end() without ei->mutex.  Context:
 * ei->mutex.
 */
void erad_instance_fail(struct erad_instance *ei, struct bio_list *failed);

/* The two halves of ioctl COMMIT_FETCH: they return its errors.  Context: ei->mutex. */
int erad_commit(struct erad_instance *ei, u64 batch, u32 status, struct bio_list *failed);
u32 erad_fetch(struct erad_instance *ei, struct erad_range *ranges, u32 max);

/* Returns the outstanding batch, if there is one, to the head of the queue.  Context: ei->mutex. */
void erad_batch_return(struct erad_instance *ei);

/* Moves all held writes from the instance to `bios`, and returns their number.  Context: ei->mutex. */
u32 erad_held_take(struct erad_instance *ei, struct bio_list *bios);

/* Ends bios that are on no list of an instance.  Call this without any lock. */
void erad_bios_end(struct bio_list *bios, blk_status_t status);

/* Releases all held writes.  Call this when all bits of the current writeset are set.  Context: ei->mutex. */
void erad_held_release(struct erad_instance *ei);

/* Returns for how many ns the oldest held write has been held, or 0 if none is held.  Context: ei->mutex. */
u64 erad_oldest_held(struct erad_instance *ei);

#endif /* ERAD_MAP_H */
