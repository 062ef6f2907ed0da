/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs random histories on a store, and checks at every flush the states that a power failure
 * could leave.
 */
#ifndef ERAD_TEST_CRASH_SIM_H
#define ERAD_TEST_CRASH_SIM_H

#include <stdbool.h>
#include <stdint.h>

/* Kinds of steps, for sim_config.kinds. */
#define SIM_MARK	(1u << 0)
#define SIM_ERA		(1u << 1)
#define SIM_FOLD	(1u << 2)
#define SIM_FOLD_NEST	(1u << 3)	/* a mark, an era or a diff within the I/O of a fold */
#define SIM_DIFF_NEST	(1u << 4)	/* a mark and a fold within the I/O of a diff */
#define SIM_REOPEN	(1u << 5)	/* closes, cleanly or not, and opens */
#define SIM_KILL	(1u << 6)	/* a kill in the middle of the next step: no I/O from there on, then an open */
#define SIM_FAULT	(1u << 7)	/* one I/O of the next step fails, and may be half done */
#define SIM_POWER	(1u << 8)	/* the history continues from a state after a power failure */
#define SIM_MARK_NEST	(1u << 9)	/* a fold or a diff within the I/O of a mark */
#define SIM_RESIZE	(1u << 10)	/* resizes to the smaller size, or back */
#define SIM_SNAPSHOT	(1u << 11)	/* takes a snapshot, lasting or not, or drops it */
#define SIM_DEGRADE	(1u << 12)	/* there is no daemon for long: the target lets all writes pass */
#define SIM_GAP		(1u << 13)	/* a gap, or an activation with a timeline, or an item of the history */
#define SIM_ALL		((1u << 14) - 1)

struct sim_config {
	uint64_t nr_blocks, journal_pages;
	unsigned int kinds;
	unsigned int steps;		/* steps of a history */
	unsigned int big_marks;		/* ranges of a large mark */
	uint64_t limit;			/* states checked for each flush, at most */
	unsigned int depth;		/* how often a recovery may crash and be recovered from … */
	unsigned int rate;		/* … which is tried for one state in `rate` */
};

struct sim_stats {
	uint64_t states;	/* states that were opened and compared */
	uint64_t recoveries;	/* states on which another history ran */
	uint64_t flushes;	/* flushes that were explored */
	uint64_t histories;
};

/*
 * Runs one history.  If it finds an error, prints a shorter history that still finds an error,
 * with the seed, and returns false.
 */
bool sim_run(const struct sim_config *c, uint64_t seed, struct sim_stats *stats);

#endif /* ERAD_TEST_CRASH_SIM_H */
