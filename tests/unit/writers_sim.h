/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated writers of a target, for target_sim.c, control_sim.c and instance_sim.c.  They have
 * a separate clock, which counts steps.  Each writer submits one write at a time, to a block that
 * was never written before.  Context: the lock of target_sim.h, for all functions.
 */
#ifndef ERAD_TEST_WRITERS_SIM_H
#define ERAD_TEST_WRITERS_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "erad/module/control.h"

#define WRITERS_NEVER	UINT64_MAX

/* Sets everything back to the state at the start of the program. */
void sim_writers_reset(void);

/*
 * Starts nr writers, whose first writes are at the origin already, and were recorded in the era.
 * origin: how many steps a write takes at the origin on average.  metadata: how many steps a commit
 * takes.
 */
void sim_writers_begin(unsigned int nr, uint32_t era, unsigned int origin, unsigned int metadata);
/* Drops the writes of all writers. */
void sim_writers_drop(void);

/* Submits one write, which does not complete at the origin before sim_writers_complete_stuck(). */
void sim_writers_submit_stuck(void);
void sim_writers_complete_stuck(void);

/* Returns the step at which the next write completes at the origin, or WRITERS_NEVER. */
uint64_t sim_writers_next_step(void);
/* Sets the clock to the step.  more: the writers whose writes have completed submit further writes. */
void sim_writers_go_to(uint64_t step, bool more);
/* Advances the clock by the time of a commit. */
void sim_writers_commit_time(bool more);

/* Returns whether there is a held write. */
bool sim_writers_held(void);
/* Fetches held writes.  Writes at most max ranges, and returns their number. */
unsigned int sim_writers_fetch(struct erad_range *range, unsigned int max);
/* Holds the fetched writes again. */
void sim_writers_give_back(void);
/* Fails the fetched writes, or records them in the era and releases them. */
void sim_writers_release(uint32_t era, bool failed);
/* Releases all held and fetched writes. */
void sim_writers_pass(uint32_t era);
/* Returns whether a write that was recorded before the era is still at the origin. */
bool sim_writers_in_flight_before(uint32_t era);
/* Returns whether a write to the block was released. */
bool sim_writers_released(uint64_t block);

#endif /* ERAD_TEST_WRITERS_SIM_H */
