/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the volume thread have in common: one volume on a disk in memory, and requests from another thread. */
#ifndef VOLUME_FIXTURE_H
#define VOLUME_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "disk.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/snapshot.h"
#include "erad/volume/volume.h"
#include "store/store.h"

#define LONG_MS		60000	/* far more than anything in these tests takes */

extern const struct store_geometry geometry;
extern struct disk disk;
extern struct volume *volume;

/* The metadata, opened once more; the caller closes it. */
struct store *fixture_open_store(enum store_mode mode);

/*
 * A volume whose target is there.  start: serves it, and waits until it has settled.  end: removes all of it, and
 * asserts that no thread has called the heap between a fetch and its COMMIT.
 */
void fixture_begin(void);
void fixture_start(void);
void fixture_end(void);

/* For cmocka: all of the above for each test; the registry of volumes for each program. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
int fixture_start_registry(void **state);

/* Asserts that the diff has every block of which a write was released. */
void check_nothing_missed(void);

/* What the metadata says of itself, as a reader sees it. */
struct store_info look_at_store(void);

/* While it is true, no thread can be started. */
extern bool fixture_no_threads;

/* Whether everything that is done with the metadata fails. */
void fail_disk(bool fail);

/* A checkpoint, or a snapshot that lasts, requested by another thread. */
struct request {
	pthread_t thread;
	bool snapshot;
	int result;
	uint32_t era;
	struct err err;
};

void request_ask(struct request *q);
/* Waits for the answer: 0, or a negative errno with q->err. */
int request_answer(struct request *q);

/* How far the checkpoint under way has come. */
enum checkpoint_phase checkpoint_phase_now(void);
void wait_for_phase(enum checkpoint_phase p);

/* A checkpoint that waits for its drain; writes are served meanwhile. */
void begin_endless_drain(struct request *q);

/* The era that the metadata is in. */
uint32_t durable_era(void);

#endif /* VOLUME_FIXTURE_H */
