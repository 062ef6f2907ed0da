/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of erad/ops: stand-ins for device-mapper and block devices, and a volume "data"
 * whose metadata and eratab are real files.  The module is a stand-in, too: see volume_fixture.h.
 */
#ifndef ERAD_TEST_OPS_FIXTURE_H
#define ERAD_TEST_OPS_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/token.h"
#include "erad/ops/create.h"
#include "instance_sim.h"

#define SECTORS		((uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS)
#define ORIGIN		"/dev/origin"

/* Paths in the directory of the test: eratab, the metadata of "data", and another file. */
extern char tab_path[64], metadata[64], other[64];
extern bool formatted;		/* whether a create has written metadata */

/* Makes the next call of a stand-in fail with `code` and this message. */
struct refusal {
	int code;
	const char *sentence;
};

extern struct ops_sim {
	dev_t dev;
	uint64_t sectors;
	unsigned int sector_size;
	bool in_use;
	bool only_read;			/* the user of the origin is a reader of erad's own */
	const char *user;		/* the user if in_use is true; NULL: "it is mounted" */
	bool taken;			/* another user opens the origin just before dm_create() */
	/* the kernel's counter of writes to the origin, if the origin has counters */
	bool counted;
	uint64_t written;
	bool partition;			/* the origin is a partition */
	bool device_exists;		/* state of /dev/mapper/data */
	/* dm_create() finds a /dev/mapper/data that another program has just made */
	bool other_program;
	/* which fsync() of a directory fails: 1 is the next one; 0: none */
	unsigned int fsync_fails;
	off_t file_size;		/* size of a regular file at /dev/mapper/data; 0: there is none */
	struct token seen;		/* the newest token that was noted; timeline 0: there is none */
	unsigned int creates;		/* how many devices were made */
	unsigned int hidden_updates;	/* how often hidden_update() was called */
	/* A path that begins with this text hangs: its open or look-up fails the test.  NULL: none. */
	const char *hung;
	/* no process can be started to examine a path that begins with this text; NULL: none */
	const char *no_child;
	bool seen_hangs;		/* a read of the note hangs: it fails the test */
	bool remove_hangs;		/* the removal of the device has begun, and does not end */
	struct refusal device, lasting, apart, create, remove, load;
} sim;

/* For cmocka: each test has a directory, an origin and no volume. */
int ops_set_up(void **state);
int ops_tear_down(void **state);
#define with_files(test)	cmocka_unit_test_setup_teardown(test, ops_set_up, ops_tear_down)

void write_file(const char *path, const char *text);

/* Checks the content of eratab. */
void assert_tab(const char *expected);

/* Returns the arguments with which create_data() creates "data"; valid until the next call. */
const struct create_args *create_args_of_data(void);
void create_data(void);
void close_data(void);

/* Checks that the message of err contains the sentence. */
void assert_sentence(const struct err *err, const char *sentence);

#endif /* ERAD_TEST_OPS_FIXTURE_H */
