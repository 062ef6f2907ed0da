/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a write: pass, hold, fetch, commit, release. */
#ifndef ERAD_MAP_H
#define ERAD_MAP_H

#include "instance.h"
#include "writer.h"

/* dm does not zero it. */
struct erad_per_bio {
	struct erad_writeset *ws;	/* by which it goes to the origin, or NULL; set for
					 * every bio but reads: end_io sees them all
					 */
	u64 held_ns;			/* ktime when it was queued; from here on, of held ones */
	struct erad_writer writer;
};

int erad_map(struct dm_target *ti, struct bio *bio);
int erad_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);
void erad_submit_work(struct work_struct *work);

/*
 * Under ei->mutex: the state becomes FAILED.  A message that waits for the owner ends with EIO,
 * and all held writes move to `failed`, for erad_bios_end().
 */
void erad_instance_fail(struct erad_instance *ei, struct bio_list *failed);

/* Both under ei->mutex, for the ioctl of the same name; errors as there. */
int erad_commit(struct erad_instance *ei, u64 batch, u32 status, struct bio_list *failed);
u32 erad_fetch(struct erad_instance *ei, struct erad_range *ranges, u32 max);

/* Under ei->mutex: the outstanding batch, if any, goes back to the head of the queue. */
void erad_batch_return(struct erad_instance *ei);

/* Under ei->mutex: takes everything that is held off the instance. */
u32 erad_held_take(struct erad_instance *ei, struct bio_list *bios);

/* Ends bios that are on no list of an instance.  No locks held. */
void erad_bios_end(struct bio_list *bios, blk_status_t status);

/* Under ei->mutex, and all bits of the current writeset are set: releases everything that is held. */
void erad_held_release(struct erad_instance *ei);

/* How long the oldest held write waits, ns; 0 if there is none.  Under ei->mutex. */
u64 erad_oldest_held(struct erad_instance *ei);

#endif /* ERAD_MAP_H */
