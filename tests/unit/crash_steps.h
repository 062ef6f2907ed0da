/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The internals of the crash simulator: a store under test, and the steps of a history. */
#ifndef ERAD_TEST_CRASH_STEPS_H
#define ERAD_TEST_CRASH_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "disk.h"
#include "model.h"

struct step {
	unsigned int kind;	/* the kind of the step: SIM_… */
	uint64_t seed;
};

/*
 * A stand-in for the module's target.  A kill of the daemon does not change the target; a power
 * failure does.
 */
struct target {
	/* whether READY was called, so that the fields below are set */
	bool ready;
	uint64_t sector;
	uint8_t record[DISK_SECTOR];
	uint32_t era;			/* era of the writes that pass unrecorded */
	bool degraded;			/* whether all writes pass */
	uint64_t degrade_at;		/* number of the disk's operation at which the target degrades; 0: never */
	uint64_t rnd;
};

/* A store on a disk, and the model of its content. */
struct sim {
	const struct sim_config *c;
	struct sim_stats *stats;
	struct disk disk;
	struct store *store;
	struct model model;
	/* the smaller size of the device, in blocks, for SIM_RESIZE */
	uint64_t small;
	uint64_t rnd;			/* random state for the crashes */
	/* how many further histories may follow, each after a power failure */
	unsigned int depth;
	/* The step that runs inside another step. */
	uint64_t nest_at, nest_rnd;	/* nest_at: number of the disk's operation; 0: there is no nested step */
	unsigned int nest_kinds;
	bool nested;
	struct target target;
	bool unsettled;			/* a resize has failed: the next mark or era writes superblocks */
	/* a process was killed, so the array may show writes that are not durable */
	bool killed;
	struct err err;			/* error of the last call */
	struct err found;
	bool failed;
};

/* In crash_sim.c: reports an error, with the reason in s->err.  Returns false. */
bool sim_fail(struct sim *s, const char *when);

/* Opens the metadata on the disk.  Returns false, with s->err set, on failure. */
bool sim_open(struct sim *s);

/*
 * After an open, checks the store's content against the model, and then copies this content to the
 * model. After a kill, the array may show marks that were never acknowledged, and may lose them
 * later. Returns false, after sim_fail(), if the model does not allow the content.
 */
bool sim_settle(struct sim *s);

/* Checks the states that a power failure now could leave. */
void sim_explore(struct sim *s);

/*
 * In crash_target.c: attaches the open store to the target, as a daemon does.  Returns false on
 * failure, which is an error of the store unless the simulator made an I/O fail.
 */
bool sim_attach(struct sim *s);

/*
 * Makes the target write its degrade record with FUA, and then let all writes pass.  Does nothing
 * if the target has no record yet, or lets all writes pass already.
 */
void sim_degrade(struct sim *s);

/* Completes a write that passes unrecorded. */
void sim_pass(struct sim *s);

/* In crash_steps.c: runs a step of a history. */
void sim_step(struct sim *s, const struct step *step);

#endif /* ERAD_TEST_CRASH_STEPS_H */
