/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations of the crash simulator on its open store, each checked against the model. */
#ifndef ERAD_TEST_CRASH_OPS_H
#define ERAD_TEST_CRASH_OPS_H

#include "crash_steps.h"

/*
 * Checks the result ret of a call.  The result must be 0, or -EIO if the simulator made an I/O
 * fail.
 */
void sim_expect(struct sim *s, int ret, const char *what);

/* Runs a step that is one operation of the store, or one operation inside the I/O of another. */
void sim_op(struct sim *s, const struct step *step);

/*
 * Runs an operation that the seed chooses: a mark, an era, a fold, or an operation of one of the
 * kinds of s->c.
 */
void sim_random_op(struct sim *s, uint64_t seed);

/*
 * Runs one or several operations of s->nest_kinds, or a diff, inside the I/O of another operation.
 * An inner operation must not wait for a lock that the outer operation holds.
 */
void sim_nest(struct sim *s);

#endif /* ERAD_TEST_CRASH_OPS_H */
