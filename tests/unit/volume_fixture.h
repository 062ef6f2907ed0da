/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Common to the tests of the volume thread: one volume on a disk in memory, and requests from
 * another thread.
 */
#ifndef VOLUME_FIXTURE_H
#define VOLUME_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "disk.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/volume.h"
#include "store/store.h"

#define LONG_MS		60000	/* a time limit that is longer than any operation of these tests */

extern const struct store_geometry geometry;
extern struct disk disk;
extern struct volume *volume;

/* Opens the metadata once more.  The caller closes the store. */
struct store *fixture_open_store(enum store_mode mode);

/*
 * fixture_begin() makes a volume whose target exists.  fixture_start() starts the volume, and waits
 * until it has settled.  fixture_end() removes everything, and asserts two things: the diff
 * contains every block to which a write was released, and the volume thread has not used the heap
 * while its target was active.
 */
void fixture_begin(void);
void fixture_start(void);
void fixture_end(void);

/*
 * For cmocka.  Before each test, fixture_set_up() calls fixture_begin() and fixture_start().  After
 * each test, fixture_tear_down() calls fixture_end().  fixture_start_registry() runs once in a
 * program, and starts the registry of volumes.
 */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
int fixture_start_registry(void **state);

/* Asserts that the diff contains every block to which a write was released. */
void check_nothing_missed(void);

/* Returns the info of the metadata, as a reader gets it. */
struct store_info look_at_store(void);

/* While this is true, no new thread can be started. */
extern bool fixture_no_threads;

/* Makes all I/O of the metadata fail, or succeed again. */
void fail_disk(bool fail);

/* A request for a checkpoint from another thread. */
struct request {
	pthread_t thread;
	int result;
	uint32_t era;
	struct err err;
};

/* Resets q, and requests a checkpoint. */
void request_ask(struct request *q);
/* Waits for the answer.  Returns 0, or a negative errno with q->err set. */
int request_answer(struct request *q);

/* Returns the current phase of the running checkpoint. */
enum checkpoint_phase checkpoint_phase_now(void);
void wait_for_phase(enum checkpoint_phase p);

/*
 * Requests a checkpoint whose drain does not end before sim_unstick().  Writes are still served
 * during the drain.
 */
void begin_endless_drain(struct request *q);

/* Returns the current era of the metadata. */
uint32_t durable_era(void);

/*
 * The first byte of the origin, and the first byte of the UUID of its ext4.  UUID 0: there is no
 * ext4.  All other bytes are zeros.
 */
extern unsigned char fixture_origin_byte, fixture_origin_uuid;

/*
 * How many further attempts to claim the origin fail with EBUSY, and whether the volume's own device
 * is the reason.
 */
extern unsigned int fixture_busy_claims;
extern bool fixture_busy_own;

#endif /* VOLUME_FIXTURE_H */
