/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs random histories on a store and, at every flush, looks at what each
 * possible power failure would leave behind.
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
#define SIM_REOPEN	(1u << 5)	/* clean or not */
#define SIM_KILL	(1u << 6)	/* in the middle of the next step: no I/O from there on, then open */
#define SIM_FAULT	(1u << 7)	/* one I/O of the next step fails, perhaps half done */
#define SIM_POWER	(1u << 8)	/* goes on from the state after a power failure */
#define SIM_MARK_NEST	(1u << 9)	/* a fold or a diff within the I/O of a mark */
#define SIM_RESIZE	(1u << 10)	/* the device to its smaller size, or back */
#define SIM_SNAPSHOT	(1u << 11)	/* takes one that lasts or not, or drops the one that is held */
#define SIM_DEGRADE	(1u << 12)	/* no daemon comes back for long: the target lets all writes pass */
#define SIM_GAP		(1u << 13)	/* a gap, or an activation with a timeline, or an item of the history */
#define SIM_ALL		((1u << 14) - 1)

struct sim_config {
	uint64_t nr_blocks, journal_pages;
	unsigned int kinds;
	unsigned int steps;		/* of a history */
	unsigned int big_marks;		/* ranges of a large mark */
	uint64_t limit;			/* states looked at for each flush */
	unsigned int depth;		/* how many crashes during recovery from a crash … */
	unsigned int rate;		/* … for one of how many states */
};

struct sim_stats {
	uint64_t states;	/* that were opened and compared */
	uint64_t recoveries;	/* that were written to and crashed again */
	uint64_t flushes;	/* that were looked at */
	uint64_t histories;
};

/*
 * One history.  False if it found something: then the smallest history that
 * still does has been printed, with its seed.
 */
bool sim_run(const struct sim_config *c, uint64_t seed, struct sim_stats *stats);

#endif /* ERAD_TEST_CRASH_SIM_H */
