/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the module: the functions of erad/control.h on targets in memory.
 *
 * The writers of a target have a clock of their own, which counts steps.  A commit of erad takes
 * some steps, a write at the origin takes some, and when erad has nothing to do the clock goes on to the next
 * event.  Nothing depends on how fast the machine is.
 *
 * A program that links this needs the linker's --wrap=poll: poll() of an instance is answered here.
 *
 * From when COMMIT_FETCH has returned a batch to its COMMIT, the thread must not call the heap: heap.h counts it.
 * All functions may be called by any thread.
 */
#ifndef ERAD_TEST_INSTANCE_SIM_H
#define ERAD_TEST_INSTANCE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "erad/module/control.h"

#define SIM_BLOCKS	(1u << 18)
#define SIM_BLOCK_SECTORS 8u
#define SIM_WRITERS	64u

/* A target with that UUID, resumed, which nobody has attached to, without writers. */
void sim_start(const uint8_t uuid[16]);
/* A new target takes the place of the one there is, as by a reload; writers go over to it. */
void sim_reload(void);
/* The target is removed.  As with the module, erad's main loop would now kick the volume. */
void sim_remove(void);

/*
 * So many writers write without end, each time to a block that nobody has written.
 * origin: steps that a write takes at the origin, half of it more or less.  metadata: steps
 * that a commit takes.
 */
void sim_load(unsigned int writers, unsigned int origin, unsigned int metadata);
/* One write, which never completes at the origin once it has been released. */
void sim_stuck_write(void);
/* Completes it. */
void sim_unstick(void);

/* `eractl abort --degrade`: all writes that are held pass, without being recorded. */
void sim_pass_all(void);

/*
 * Has erad wait in the next COMMIT_FETCH that commits a batch, before the batch is committed, until sim_go().
 * Returns when erad waits there.  Some time after sim_go() the load ends, so that a test that fails comes to an end.
 */
void sim_pause(void);
void sim_go(void);

enum sim_call {
	SIM_ATTACH,
	SIM_PREPARE_ERA,
	SIM_NEW_ERA,
	SIM_COMMIT,
	SIM_CALLS,
};

/* The next calls, so many, fail with that negative errno.  A COMMIT that fails with ESTALE gives its writes back. */
void sim_fail_calls(enum sim_call call, int error, unsigned int times);
/* From now on PREPARE_ERA returns only when so many batches have been committed since it was called.  0: at once. */
void sim_slow_prepare(unsigned int commits);
/* Calls so far, those that failed too. */
unsigned int sim_calls(enum sim_call call);

/* `dmsetup message`; returns at once. */
void sim_message(enum erad_message_type type);
/* Waits for the reply, and returns its result. */
int sim_reply(uint32_t *era);

/* How many batches were committed, in all and when something happened last. */
struct sim_count {
	uint64_t commits;
	uint64_t flipped;	/* NEW_ERA */
	uint64_t drained;	/* the last write of the old era completed */
	uint64_t begun;		/* NEW_ERA returned 0 */
	uint64_t message;	/* MESSAGE_GET returned one */
};
struct sim_count sim_count(void);

/* Whether a write to the block was released. */
bool sim_released(uint64_t block);

#endif /* ERAD_TEST_INSTANCE_SIM_H */
