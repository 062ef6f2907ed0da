/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls that failing_calls lets fail, each with arguments with which it works.  Each call
 * returns 0 or a positive errno.  The calls share the state that is declared below, so they must be
 * made one after the other.  Only the writer and the sender of a message are threads of their own.
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
#define SECTORS		131072			/* size of the disks, 64 MiB */

extern const char *origin;			/* path of a disk with SECTORS sectors */
/* path of a disk, or "-" if the table has no metadata device */
extern const char *metadata;
extern int dm;					/* fd of /dev/mapper/control */
extern int control;				/* fd of the control node */
extern int owner;				/* fd of the instance, set by attach(); -1: none */
extern int device;				/* fd of the volume, for direct I/O */
extern uint32_t nr_instances;			/* set by list() */
extern struct erad_info last_info;		/* set by info() */
extern struct erad_range ranges[8];		/* set by fetch() */
extern uint64_t batch;				/* set by fetch(); 0: there is no batch */

/*
 * Calls of the module.  list() chooses the instance for attach(), and info() reads the era for the
 * calls that need one.
 */
int open_control(void);
int version(void);
int list(void);
int attach(void);
int detach(void);
int abort_it(void);
int degrade(void);				/* works only with a metadata device, after ready() */
int info(void);
int prepare(void);
int new_era(void);
int ready(void);
int usage(void);
int stats(void);
int fetch(void);
int commit(void);				/* commits the batch that fetch() has fetched */
/* returns ENOENT if there is no message, or not the message of the sender */
int message_get(void);
int message_reply(void);			/* answers the message that message_get() has returned */
int poll_owner(void);
int epoll_owner(void);

/* Calls of device-mapper, on the device NAME. */
int load(void);
int load_bad(void);				/* returns 0 if the table was refused */
int clear(void);
int resume(void);
int suspend_noflush(void);
int suspend_flush(void);
int status(void);
int status_table(void);
int deps(void);
int message(void);				/* returns 0 if the message was refused */
int remove_device(void);

/* These functions do I/O.  The first three change block 0, which must be recorded. */
int write_recorded(void);
int discard_recorded(void);
int zero_recorded(void);
int read_any(void);

/*
 * A thread that writes to a new block, which is the block after the last writer's block.  The
 * allocations of this thread do not fail.
 */
extern uint64_t writer_block;
extern pthread_t writer;
extern int writer_result;			/* result of the write, valid when the thread has been joined */

void *writer_main(void *arg);
void start_writer(void);			/* returns when the module holds the write */
void wait_held(void);
void finish_writer(int want);			/* joins the thread, and checks its result */

/* A thread that sends a message to the volume.  The allocations of this thread do not fail. */
#define SENDER_ERROR	ENOSPC			/* status that message_reply() sends; nothing else returns it */

void start_sender(void);			/* returns when the message waits for message_get() */
void finish_sender(void);			/* joins the thread, and checks that it has received the reply */

#endif /* ERAD_TESTS_FAILING_CALLS_H */
