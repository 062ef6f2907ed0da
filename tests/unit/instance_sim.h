/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the module: the functions of erad/module/control.h on targets in memory.
 *
 * The writers of a target have a separate clock, which counts steps.  A commit of erad takes some
 * steps, and a write at the origin takes some steps.  When erad has nothing to do, the clock
 * advances to the next event.  So the results do not depend on the speed of the machine.
 *
 * A program that links this file needs the linker's --wrap=poll, because this file answers poll()
 * of an instance.  While the target is active, its owner's thread must not call the heap; heap.h
 * counts forbidden calls.  Any thread may call all functions.
 */
#ifndef ERAD_TEST_INSTANCE_SIM_H
#define ERAD_TEST_INSTANCE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "erad/module/control.h"

#define SIM_BLOCKS	(1u << 18)
#define SIM_BLOCK_SECTORS 8u
#define SIM_WRITERS	64u

/* Makes a target with this UUID.  The target is resumed, and has no owner and no writers. */
void sim_start(const uint8_t uuid[16]);
/*
 * Replaces the target by a new target, as a reload does.  The writers continue on the new target.
 */
void sim_reload(void);
/* Removes the target.  Afterwards the caller kicks the volume, as erad's main loop would. */
void sim_remove(void);
/* Removes the target without waking its owner, who notices it only at the next look. */
void sim_remove_unnoticed(void);

/*
 * Starts this many writers, which write without end.  Each write is to a block that was never
 * written before.  origin: how many steps a write takes at the origin on average; each write takes
 * up to half of this number more or less.  metadata: how many steps a commit takes.
 */
void sim_load(unsigned int writers, unsigned int origin, unsigned int metadata);
/* Submits one write, which does not complete at the origin before sim_unstick(). */
void sim_stuck_write(void);
/* Completes the write of sim_stuck_write(). */
void sim_unstick(void);

/*
 * Fails the target, as `eractl abort` does.  The target is FAILED until erad attaches again.  No
 * write may be held at the time of the call.
 */
void sim_abort(void);
/* Lets all writes pass unrecorded, as `eractl abort --degrade` does. */
void sim_pass_all(void);

/*
 * Stops erad in its next COMMIT_FETCH that commits a batch, before the commit, until sim_go().
 * Returns when erad has stopped there.  Some time after sim_go() the load ends, so that a failing
 * test ends, too.
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
/*
 * From now on, PREPARE_ERA returns only after this many further batches were committed; 0: returns
 * at once.
 */
void sim_slow_prepare(unsigned int commits);
/* Returns how often erad has made this call, including calls that failed. */
unsigned int sim_calls(enum sim_call call);

/* Returns how often erad's threads have called poll(). */
unsigned int sim_polls(void);

/* Sends a message, as `dmsetup message` does, but does not wait for the reply. */
void sim_message(enum erad_message_type type);
/* Waits for the reply to the message. Returns the status of the reply; *era receives its era. */
int sim_reply(uint32_t *era);

/*
 * Numbers of committed batches: in total, and at the time when each of the events below happened
 * last.
 */
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
