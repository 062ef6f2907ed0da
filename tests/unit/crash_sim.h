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
#define SIM_FOLD_NEST	(1u << 3)	/* a fold; during its I/O, a mark, an era or a diff */
/* a diff; during its I/O, an era, a mark, a fold, or several of them */
#define SIM_DIFF_NEST	(1u << 4)
#define SIM_REOPEN	(1u << 5)	/* closes the metadata, cleanly or not, with a seal or without, and opens it */
/*
 * kills the process during the next step: from some operation on, all I/O fails; then opens the
 * metadata
 */
#define SIM_KILL	(1u << 6)
/* one I/O of the next step fails, and may write a part of its data */
#define SIM_FAULT	(1u << 7)
#define SIM_POWER	(1u << 8)	/* continues the history from a state after a power failure */
#define SIM_MARK_NEST	(1u << 9)	/* a mark; during its I/O, a fold */
#define SIM_RESIZE	(1u << 10)	/* resizes the device to the smaller size, or back */
#define SIM_SNAPSHOT	(1u << 11)	/* takes a snapshot, lasting or not, or drops it */
#define SIM_DEGRADE	(1u << 12)	/* no daemon attaches for a long time: the target lets all writes pass */
/* changes the history: a gap, a timeline, an item, a bookmark, or a witness */
#define SIM_GAP		(1u << 13)
#define SIM_ALL		((1u << 14) - 1)

struct sim_config {
	uint64_t nr_blocks, journal_pages;
	unsigned int kinds;
	unsigned int steps;		/* number of steps of a history */
	unsigned int big_marks;		/* number of ranges of a large mark */
	uint64_t limit;			/* how many states are checked for each flush */
	/* how many further histories may follow, each after a power failure */
	unsigned int depth;
	unsigned int rate;		/* a further history runs on one in `rate` states */
};

struct sim_stats {
	uint64_t states;	/* how many states were opened and compared */
	uint64_t recoveries;	/* on how many states another history ran */
	uint64_t flushes;	/* how many flushes were explored */
	uint64_t histories;
};

/*
 * Runs one history.  If it finds an error, prints a shorter history that still finds an error,
 * with the seed, and returns false.
 */
bool sim_run(const struct sim_config *c, uint64_t seed, struct sim_stats *stats);

#endif /* ERAD_TEST_CRASH_SIM_H */
