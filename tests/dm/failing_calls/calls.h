/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls that failing_calls makes fail, each with arguments for which it works. They give 0 or a positive errno.
 *
 * They have one state, below, as they come one after another: nothing here is for several threads, but what the writer
 * does.
 */
#ifndef ERAD_TESTS_FAILING_CALLS_H
#define ERAD_TESTS_FAILING_CALLS_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "erad_uapi.h"

#define NAME		"failing"
#define UUID		"7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e002"
#define BLOCK		65536
#define SECTORS		131072			/* 64 MiB */

extern const char *origin;			/* a disk of that size */
extern int dm;					/* /dev/mapper/control */
extern int control;				/* the control node */
extern int owner;				/* by attach(); -1: none */
extern int device;				/* the volume, for direct I/O */
extern uint32_t nr_instances;			/* by list() */
extern struct erad_info last_info;		/* by info() */
extern struct erad_range ranges[8];		/* by fetch() */
extern uint64_t batch;				/* by fetch(); 0: none */

/* The module's: list() chooses the instance that attach() takes, and info() the era for those that need one. */
int open_control(void);
int version(void);
int list(void);
int attach(void);
int detach(void);
int abort_it(void);
int info(void);
int prepare(void);
int new_era(void);
int ready(void);
int usage(void);
int stats(void);
int fetch(void);
int commit(void);				/* what fetch() got */
int message_get(void);				/* ENOENT: not the sender's */
int message_reply(void);			/* to what message_get() got */
int poll_owner(void);
int epoll_owner(void);

/* Device-mapper's, on the device NAME. */
int load(void);
int load_bad(void);				/* 0: it was refused */
int clear(void);
int resume(void);
int suspend_noflush(void);
int suspend_flush(void);
int status(void);
int status_table(void);
int deps(void);
int message(void);				/* 0: it was refused */
int remove_device(void);

/* I/O, the first three to block 0. */
int write_recorded(void);
int discard_recorded(void);
int zero_recorded(void);
int read_any(void);

/* A thread that writes to the block after the last one's, and whose own allocations do not fail. */
extern uint64_t writer_block;
extern pthread_t writer;
extern int writer_result;			/* when it has been joined */

void *writer_main(void *arg);
void start_writer(void);			/* returns when the module holds the write */
void wait_held(void);
void finish_writer(int want);			/* joins it and checks its result */

/* A thread that sends a message to the volume, and whose own allocations do not fail. */
#define SENDER_ERROR	ENOSPC			/* that message_reply() answers with: nothing else does */

void start_sender(void);			/* returns when the message waits for message_get() */
void finish_sender(void);			/* joins it and checks that it got the reply */

#endif /* ERAD_TESTS_FAILING_CALLS_H */
