/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What metadata may say: for each block at least the era of its newest
 * acknowledged mark, at most that of the newest one attempted.
 */
#ifndef ERAD_TEST_MODEL_H
#define ERAD_TEST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct model {
	uint64_t nr_blocks;		/* that there is room for */
	uint64_t size;			/* the device's blocks now … */
	uint64_t other_size;		/* … and what may be found instead */
	uint32_t era_min, era_max;
	uint32_t *min, *max;		/* of each block */
	uint32_t *got;			/* by model_read() */
	bool degraded;			/* every block may be reported, as of any era that may have begun */
	uint32_t floor_max;		/* the newest era that the floor may have */
	uint64_t gaps_min, gaps_max;	/* that are counted; more than one try may have become one */
	uint64_t timeline;		/* that must be known; 0: none */
	uint32_t timeline_first;	/* its first era */
	bool item[256];			/* what the first byte of STORE_IDENTITY may be */
	struct {
		bool may, must;		/* be held */
		bool lasts;
		uint32_t era;		/* the newest that it shows */
		uint64_t size;		/* blocks */
		uint32_t *min, *max;
	} snap;
};

void model_init(struct model *m, uint64_t nr_blocks);
void model_copy(struct model *m, const struct model *from);
void model_destroy(struct model *m);

void model_try_era(struct model *m, uint32_t era);
void model_ack_era(struct model *m, uint32_t era);
void model_try_mark(struct model *m, const struct erad_range *r, unsigned int nr, uint32_t era);
void model_ack_mark(struct model *m, const struct erad_range *r, unsigned int nr, uint32_t era);

/* To nr blocks; a failed one may be found or not, the store still says which it goes on with. */
void model_try_resize(struct model *m, uint64_t nr);
void model_ack_resize(struct model *m, uint64_t nr);

/*
 * A degrade record may be in force from now on; a write of that range, which nobody has
 * recorded, has completed in an era of the target; no record is in force any more.
 */
void model_try_degrade(struct model *m);
void model_passed(struct model *m, const struct erad_range *r, uint32_t era);
void model_ack_clear(struct model *m);

/* A gap is about to be logged in that era, which is the current one; it is, and info says so. */
void model_try_gap(struct model *m, uint32_t era);
void model_ack_gap(struct model *m, const struct store_info *info);

/* The item is about to become that; it is. */
void model_try_item(struct model *m, unsigned int item);
void model_ack_item(struct model *m, unsigned int item);

/* A snapshot of what there is now, when the newest era is `era`; a drop. */
void model_try_snapshot(struct model *m, uint32_t era, bool lasts);
void model_ack_snapshot(struct model *m);
void model_try_drop(struct model *m);
void model_ack_drop(struct model *m);

/* Reads the era of every block, by diffs, into m->got; 0 or negative errno. */
int model_read(struct model *m, struct store *s, uint32_t *era, struct err *err);

/* Reads the snapshot, which must be as expected, and expects just the same from now on. */
int model_fix_snapshot(struct model *m, struct store *s, struct err *err);

/* Another open for writing is about to be tried. */
void model_opening(struct model *m);

/*
 * An open for writing found this, and so made it durable.  What was not
 * acknowledged may still come: where the last commit was torn, the sectors
 * that it missed may be made right by another commit that is torn there.
 */
void model_opened(struct model *m, const struct store_info *info);

/* What was read is on the disk: it must not be lost any more. */
void model_settle(struct model *m);

/*
 * Compares: 0, or -EBADMSG with the difference in err, or whatever the store
 * returned.  Looks at diffs since every era, or if rnd is not NULL since the
 * current one and two others.
 */
int model_check(struct model *m, struct store *s, uint64_t *rnd, struct err *err);

#endif /* ERAD_TEST_MODEL_H */
