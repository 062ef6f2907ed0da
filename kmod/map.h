/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a write: pass, hold, fetch, commit, release. */
#ifndef ERAD_MAP_H
#define ERAD_MAP_H

#include "instance.h"
#include "writer.h"

/* Per-bio data.  dm does not zero it. */
struct erad_per_bio {
	struct erad_writeset *ws;	/* has counted this write as begun; or NULL.  Valid for
					 * every bio but reads, as end_io sees all of them
					 */
	u64 held_ns;			/* of held writes: ktime when ->map held it */
	struct erad_writer writer;	/* of held writes */
};

int erad_map(struct dm_target *ti, struct bio *bio);
int erad_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

/* ei->submit_work */
void erad_submit_work(struct work_struct *work);

/*
 * Under ei->mutex: makes the instance FAILED, ends the message that is under way with EIO, and
 * moves all held writes to `failed`, for erad_bios_end() with ei->mutex dropped.
 */
void erad_instance_fail(struct erad_instance *ei, struct bio_list *failed);

/* Both under ei->mutex, for the two halves of ioctl COMMIT_FETCH; errors as there. */
int erad_commit(struct erad_instance *ei, u64 batch, u32 status, struct bio_list *failed);
u32 erad_fetch(struct erad_instance *ei, struct erad_range *ranges, u32 max);

/* Under ei->mutex: puts the outstanding batch, if any, back at the head of the queue. */
void erad_batch_return(struct erad_instance *ei);

/* Under ei->mutex: moves all held writes from the instance to `bios`, and returns how many. */
u32 erad_held_take(struct erad_instance *ei, struct bio_list *bios);

/* Ends bios that are on no list of an instance.  The caller holds no lock. */
void erad_bios_end(struct bio_list *bios, blk_status_t status);

/* Under ei->mutex, when all bits of the current writeset are set: releases all held writes. */
void erad_held_release(struct erad_instance *ei);

/* Under ei->mutex: returns for how many ns the oldest held write has been held; 0 if none is held. */
u64 erad_oldest_held(struct erad_instance *ei);

#endif /* ERAD_MAP_H */
