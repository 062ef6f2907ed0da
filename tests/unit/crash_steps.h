/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the crash simulator: a store under test, and the steps of a history. */
#ifndef ERAD_TEST_CRASH_STEPS_H
#define ERAD_TEST_CRASH_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "disk.h"
#include "model.h"

struct step {
	unsigned int kind;	/* SIM_… */
	uint64_t seed;
};

/* What stands for the module: it outlives a kill, not a power failure. */
struct target {
	bool ready;			/* it has got what follows */
	uint64_t sector;
	uint8_t record[DISK_SECTOR];
	uint32_t era;			/* of the writes that it lets pass */
	bool degraded;			/* it lets all of them pass */
	uint64_t degrade_at;		/* operation number; 0: not about to */
	uint64_t rnd;
};

/* A store on a disk, and what it should say. */
struct sim {
	const struct sim_config *c;
	struct sim_stats *stats;
	struct disk disk;
	struct store *store;
	struct model model;
	uint64_t small;			/* blocks of the device when it is not of its full size */
	uint64_t rnd;			/* for the crashes */
	unsigned int depth;		/* of recoveries that may be looked at below this one */
	/* A step within the I/O of another. */
	uint64_t nest_at, nest_rnd;	/* operation number; 0: none */
	unsigned int nest_kinds;
	bool nested;
	struct target target;
	bool unsettled;			/* a resize has failed: the next mark or era writes superblocks */
	bool killed;			/* what is in the array may not be on the disk */
	struct err err;			/* of the call that was made last */
	struct err found;
	bool failed;
};

/* crash_sim.c: what was found, with s->err as the reason; false. */
bool sim_fail(struct sim *s, const char *when);

/* Opens what is on the disk; false and s->err if that fails. */
bool sim_open(struct sim *s);

/*
 * Takes what the store says after an open, once it is within what it may say.
 * After a kill the array may show marks that nobody was told of, and lose them.
 */
bool sim_settle(struct sim *s);

/* Looks at what a power failure now may leave. */
void sim_explore(struct sim *s);

/*
 * crash_target.c: brings the store that is open and the target together, as a daemon does.
 * False if this has failed, which is a finding unless an operation was made to fail.
 */
bool sim_attach(struct sim *s);

/* The target writes the record that it was given, with FUA, and then lets writes pass. */
void sim_degrade(struct sim *s);

/* Some write that nobody records completes. */
void sim_pass(struct sim *s);

/*
 * crash_steps.c: ret is what a call has returned, and a finding unless it is 0 or
 * -EIO of an operation that was made to fail.
 */
void sim_expect(struct sim *s, int ret, const char *what);

void sim_step(struct sim *s, const struct step *step);

/* A step inside another's I/O.  Never one that could wait for a lock which that one holds. */
void sim_nest(struct sim *s);

#endif /* ERAD_TEST_CRASH_STEPS_H */
