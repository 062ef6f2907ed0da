/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The targets of instance_sim.h: their state, their owners and their writes.  control_sim.c and
 * instance_sim.c use this file.
 */
#ifndef ERAD_TEST_TARGET_SIM_H
#define ERAD_TEST_TARGET_SIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "instance_sim.h"

#define TARGETS		4u

struct target {
	bool exists;
	uint32_t era, prepared, state;
	uint64_t batch;		/* id of the outstanding batch; 0: none */
	uint32_t batch_era;
	bool draining, event;	/* event: whether poll() must report POLLPRI */
	bool passing;		/* whether all writes pass */
	int peer;		/* the owner's end of a socket; -1: there is no owner */
	ino_t owner;		/* inode of the owner's end of the socket */
	uint64_t message;	/* id of the message that waits; 0: none */
	uint32_t message_type;
};

/* The simulated module.  lock protects all other fields. */
struct module_sim {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t uuid[16];
	struct target target[TARGETS];
	unsigned int newest;		/* index of the target in the table */
	uint64_t last_batch, last_message;
	uint64_t load_end;		/* number of commits after which the writers end */
	unsigned int prepare_commits;	/* how many commits PREPARE_ERA waits for */
	struct sim_count count;
	struct {
		int error;
		unsigned int times, calls;
	} calls[SIM_CALLS];
	enum { RUN, PAUSE_WANTED, PAUSED } pause_state;
	bool replied;
	int reply_result;
	uint32_t reply_era;
};

extern struct module_sim module;

/*
 * Takes the lock and returns the target whose owner has this fd.  Returns NULL, without the lock, if
 * there is no such target, or if it was removed.
 */
struct target *target_enter(int fd);

/* Releases the lock.  Returns result. */
int target_leave(int result);

/* All functions below need the lock. */

/* Returns the target whose owner has this fd, or NULL. */
struct target *target_owned_by(int fd);

/* Wakes poll(), by making the owner's end of the socket readable. */
void target_wake_owner(struct target *t);

/* Detaches the owner if it has closed its fd. */
void target_detach_closed_owner(struct target *t);

/* Counts a call.  Returns 0, or the negative errno with which sim_fail_calls() lets the call fail. */
int target_call_fails(enum sim_call call);

void target_info(const struct target *t, struct erad_info *i);

/* Fetches the held writes as a batch; x->nr is 0 if no write is held. */
void target_fetch(struct target *t, struct erad_xfer *x);

/* Holds the writes of the batch again. */
void target_give_back(struct target *t);

/* Ends the drain of the newest target if no write of an older era is in flight. */
void target_end_drain(void);

/* Returns whether the writers still submit new writes. */
bool target_load_goes_on(void);

#endif /* ERAD_TEST_TARGET_SIM_H */
