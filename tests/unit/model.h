/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model of what the metadata may contain.  The era of a block is at least the era of the block's
 * newest acknowledged mark, and at most the era of its newest attempted mark.
 */
#ifndef ERAD_TEST_MODEL_H
#define ERAD_TEST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define MODEL_BOOKMARKS		3u
#define MODEL_BOOKMARK_NAME	8u

struct model {
	uint64_t nr_blocks;		/* length of the arrays below */
	uint64_t size;			/* size of the device in blocks */
	uint64_t other_size;		/* after a failed resize, the device may have this size */
	uint32_t era_min, era_max;
	uint32_t *min, *max;		/* lower and upper limit of each block's era */
	uint32_t *got;			/* the era of each block, as model_read() has read it */
	/* whether every block may count as written, in any era that may have begun */
	bool degraded;
	uint32_t floor_max;		/* the newest era that the floor may have */
	/* how many gaps may be counted; several attempts to record a gap may count as one gap */
	uint64_t gaps_min, gaps_max;
	uint64_t timeline;		/* a timeline that the store must know; 0: there is none */
	uint32_t timeline_first;	/* first era of this timeline */
	/*
	 * [n][i]: whether bookmark n may be of an era with era % 255 + 1 == i; i == 0: whether
	 * bookmark n may not exist
	 */
	bool bookmark[MODEL_BOOKMARKS][256];
	/*
	 * [i]: whether the witness may be of an era with era % 255 + 1 == i; i == 0: whether there
	 * may be none
	 */
	bool witness[256];
	/* whether the first byte of STORE_IDENTITY may have this value */
	bool item[256];
	/* whether the metadata may have this seal; 0: whether it may have none */
	bool seal[256];
	struct {
		bool may, must;		/* whether the snapshot may exist, and whether it must exist */
		bool lasts;
		uint32_t era;		/* the newest era in the snapshot */
		uint64_t size;		/* size of the device in the snapshot, in blocks */
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

/*
 * Call this before a resize to nr blocks.  If the resize fails, the store has the old or the new
 * size, and reports its size.
 */
void model_try_resize(struct model *m, uint64_t nr);
void model_ack_resize(struct model *m, uint64_t nr);

/*
 * model_try_degrade(): from now on, a degrade record may be in force.  model_passed(): an
 * unrecorded write to the range has completed in an era of the target.  model_ack_clear(): no
 * record is in force any more.
 */
void model_try_degrade(struct model *m);
void model_passed(struct model *m, const struct erad_range *r, uint32_t era);
void model_ack_clear(struct model *m);

/*
 * model_try_gap(): a gap is about to be recorded in the current era.  model_ack_gap(): the gap is
 * recorded, and info reports it.
 */
void model_try_gap(struct model *m, uint32_t era);
void model_ack_gap(struct model *m, const struct store_info *info);

/* model_try_item(): the item is about to get this value.  model_ack_item(): the item has this value. */
void model_try_item(struct model *m, unsigned int item);
void model_ack_item(struct model *m, unsigned int item);

/*
 * model_try_witness(): the metadata is about to get a witness of this era.  model_ack_witness():
 * the metadata has this witness, or has none if era is 0.  model_read_witness(): returns the era of
 * the witness in the store, or 0.
 */
void model_try_witness(struct model *m, uint32_t era);
void model_ack_witness(struct model *m, uint32_t era);
uint32_t model_read_witness(struct store *s);

/*
 * model_try_seal(): if seal is 1 to 255, the metadata is about to be closed with this seal; if seal
 * is 0, a timeline is about to drop the seal.  model_ack_seal(): the metadata has this seal, or has
 * none if seal is 0.  model_make_seal(): fills in the page of a seal.  model_read_seal(): returns
 * the seal in the store; 0: none; -1: another one.
 */
void model_try_seal(struct model *m, uint8_t seal);
void model_ack_seal(struct model *m, uint8_t seal);
void model_make_seal(uint8_t page[ERAD_HISTORY_SEAL], uint8_t seal);
int model_read_seal(struct store *s);

/* Fills in the table note that goes with a timeline; 0: there is no timeline. */
void model_note(uint8_t note[ERAD_HISTORY_ITEM], uint64_t timeline);

/*
 * model_try_bookmark(): the bookmark with this number, 0 to MODEL_BOOKMARKS - 1, is about to be set
 * to the era, or to be deleted if era is 0.  model_ack_bookmark(): the bookmark was set or deleted.
 */
void model_try_bookmark(struct model *m, unsigned int nr, uint32_t era);
void model_ack_bookmark(struct model *m, unsigned int nr, uint32_t era);

/* Writes the name of a bookmark. */
void model_bookmark_name(unsigned int nr, char name[MODEL_BOOKMARK_NAME]);

/* Reads the eras of the bookmarks in the store.  era[i] is 0 if there is no bookmark i. */
void model_read_bookmarks(struct store *s, uint32_t era[MODEL_BOOKMARKS]);

/*
 * Call the model_try_ functions before a snapshot, whose newest era is `era`, and before a drop.
 * Call the model_ack_ functions after the snapshot or the drop has succeeded.
 */
void model_try_snapshot(struct model *m, uint32_t era, bool lasts);
void model_ack_snapshot(struct model *m);
void model_try_drop(struct model *m);
void model_ack_drop(struct model *m);

/*
 * Reads the era of every block into m->got, by diffs.  *era receives the current era.  Returns 0 or
 * a negative errno.
 */
int model_read(struct model *m, struct store *s, uint32_t *era, struct err *err);

/*
 * Reads the snapshot and checks it against the model. From now on the model expects exactly this
 * content. Returns 0, or a negative errno with err set.
 */
int model_fix_snapshot(struct model *m, struct store *s, struct err *err);

/* Call this before an open for writing. */
void model_opening(struct model *m);

/*
 * Call this when an open for writing has found info, and has made it durable.  Marks that were not
 * acknowledged may still appear later: if the last commit was torn, a later commit may be torn at
 * the same place, and may write the sectors that the first commit had not written.
 */
void model_opened(struct model *m, const struct store_info *info);

/* Call this when the eras in m->got are durable.  From then on, they must not be lost. */
void model_settle(struct model *m);

/*
 * Compares the store with the model. Returns 0, -EBADMSG with the difference in err, or the
 * negative errno of a failed read. Reads the diffs since every era. If rnd is not NULL, reads only
 * the diff since the current era, and the diffs since about two random eras.
 */
int model_check(struct model *m, struct store *s, uint64_t *rnd, struct err *err);

#endif /* ERAD_TEST_MODEL_H */
