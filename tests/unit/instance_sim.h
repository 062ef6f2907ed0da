/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the module: the functions of erad/module/control.h on targets in memory.
 *
 * The writers of a target have a clock of their own, which counts steps.  A commit of erad takes
 * some steps, and a write at the origin takes some.  When erad has nothing to do, the clock
 * advances to the next event.  Nothing depends on how fast the machine is.
 *
 * A program that links this needs the linker's --wrap=poll, because poll() of an instance is
 * answered here.  While the target is active, its owner's thread must not call the heap; heap.h
 * counts such calls.  Any thread may call all functions.
 */
#ifndef ERAD_TEST_INSTANCE_SIM_H
#define ERAD_TEST_INSTANCE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "erad/module/control.h"

#define SIM_BLOCKS	(1u << 18)
#define SIM_BLOCK_SECTORS 8u
#define SIM_WRITERS	64u

/* Makes a target with this UUID.  It is resumed, and has no owner and no writers. */
void sim_start(const uint8_t uuid[16]);
/* Replaces the target by a new one, as a reload does.  The writers continue on the new target. */
void sim_reload(void);
/* Removes the target.  The caller kicks the volume afterwards, as erad's main loop would. */
void sim_remove(void);

/*
 * Starts this many writers, which write without end.  Each write is to a block that was never
 * written.  origin: how many steps a write takes at the origin; each write takes up to half of this
 * more or less.  metadata: how many steps a commit takes.
 */
void sim_load(unsigned int writers, unsigned int origin, unsigned int metadata);
/* Submits one write, which does not complete at the origin before sim_unstick(). */
void sim_stuck_write(void);
/* Completes the write of sim_stuck_write(). */
void sim_unstick(void);

/*
 * Fails the target, as `eractl abort` does: the target is FAILED until erad attaches again.  No
 * write may be held.
 */
void sim_abort(void);
/* Lets all writes pass unrecorded, as `eractl abort --degrade` does. */
void sim_pass_all(void);

/*
 * Makes erad wait in its next COMMIT_FETCH that commits a batch, before the commit, until sim_go().  Returns when
 * erad waits there.  Some time after sim_go() the load ends, so that a failing test ends, too.
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

/*
 * Makes the next `times` calls fail with this negative errno.  After ESTALE, the writes of the
 * batch are held again.
 */
void sim_fail_calls(enum sim_call call, int error, unsigned int times);
/* From now on, PREPARE_ERA returns when this many further batches were committed; 0: at once. */
void sim_slow_prepare(unsigned int commits);
/* Returns how often erad has made the call, also without success. */
unsigned int sim_calls(enum sim_call call);

/* Sends a message, as `dmsetup message` does, but does not wait for the reply. */
void sim_message(enum erad_message_type type);
/* Waits for the reply to the message, and returns its result. */
int sim_reply(uint32_t *era);

/* Returns how many batches were committed in total, or up to the last time that an event happened. */
struct sim_count {
	uint64_t commits;
	uint64_t flipped;	/* NEW_ERA has begun the era */
	uint64_t drained;	/* the last write of the old era has completed */
	uint64_t begun;		/* NEW_ERA has returned 0 */
	uint64_t message;	/* MESSAGE_GET has returned a message */
};
struct sim_count sim_count(void);

/* Returns whether a write to the block was released. */
bool sim_released(uint64_t block);

#endif /* ERAD_TEST_INSTANCE_SIM_H */
