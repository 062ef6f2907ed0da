/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An owner of an instance, for tests that make each ioctl themselves.  If a call fails, the process
 * ends with a message on stderr.
 */
#ifndef ERAD_TESTS_PROTOCOL_H
#define ERAD_TESTS_PROTOCOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../check.h"

#define NAME		"protocol"
#define DEV		"/dev/mapper/" NAME
#define UUID		"7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e001"
#define BLOCK		65536
#define SECTORS		131072		/* size of the origin, 64 MiB */

extern int control;			/* fd of the control node */
extern int owner;			/* the instance's fd; -1: not attached */
extern uint64_t id;			/* id of the instance */
extern const char *origin;		/* path of a loop device with SECTORS sectors */
extern const char *slow;		/* path of a dm-delay device on origin: each write takes 300 ms */
extern struct erad_range ranges[ERAD_MAX_RANGES];	/* ranges of the batch that was fetched last */

/* Runs a shell command.  Returns its exit status. */
int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ms(void);

/* The ioctls.  Each function returns 0 or a positive errno; stats() ends the process on an error. */
int attach(uint64_t which, int *fd);
int prepare(uint32_t to);
int new_era(uint32_t from, uint32_t to, uint32_t drain_ms);
int ready(uint32_t era);
int xfer(uint64_t commit, uint32_t status, uint32_t max, struct erad_xfer *x);
int do_abort(uint64_t which);
struct erad_stats stats(void);

/* These functions make the same ioctls, and end the process if an ioctl fails. */
struct erad_info info(void);
void commit(uint64_t batch);

int owner_poll(int ms);
void wait_in(void);

/* Fetches the next batch, which must exist. */
struct erad_xfer fetch(void);

/* Returns the newest instance of DEV. */
uint64_t find_instance(void);

void create(const char *on, const char *options);
void begin(uint32_t era);

/* Makes the device on the origin, attaches to it as the owner, and begins era 1. */
void setup(void);

struct writer {
	pthread_t thread;
	uint64_t off, len;
	enum { WRITE, DISCARD, ZERO, READ } op;
	volatile bool done;
	int result;		/* result of the operation: 0 or a positive errno */
};

void start(struct writer *w);
int finish(struct writer *w);
int do_io(int op, uint64_t off, uint64_t len);
bool still_held(struct writer *w);

/* Waits until nr writes to DEV are held, with or without an owner. */
void await_held(int nr);

/* Waits until the device with this path, a device of dm-delay, delays a write. */
void await_delayed(const char *device);

/*
 * Sets by how many ms `slow` delays each write. A write that `slow` is delaying now is submitted at
 * once.
 */
void slow_takes(int ms);

/*
 * Begins era `to` while `slow` delays a write of era `from`. Half a second later, lets `slow`
 * submit the write. Checks that NEW_ERA has waited for the write.
 */
void new_era_waits(uint32_t from, uint32_t to);

/* All cases, in the order in which they are run. */
#define CASES(X)								\
	X(held_until_commit) X(many_blocks) X(discard_many_blocks)		\
	X(write_zeroes_many_blocks) X(full_buffer) X(stale_batch)		\
	X(rollover_gates_again) X(rollover_drains) X(counts_of_many_eras)	\
	X(prepare_beside_commit) X(eras_do_not_change_the_list)			\
	X(list_in_parts) X(failed_commit)					\
	X(abort_frees) X(remove_after_abort) X(reattach) X(detach_policy_fail)	\
	X(log_says_why_writes_hang)						\
	X(detach_timeout_suspended) X(poll_wakes_after_commit) X(bad_buffer)	\
	X(gone) X(noflush_suspend) X(noflush_reload_detached) X(flush_suspend)	\
	X(flush_suspend_abort) X(written_between_tables) X(last_partial_block) X(messages)		\
	X(message_without_answer) X(message_times_out) X(message_waits_for_owner) X(unload_refused)	\
	X(metadata_is_not_shared) X(origin_is_not_shared) X(wrong_headers) X(wrong_fields)		\
	X(list_fills_in_all_bytes) X(bad_tables) X(no_memory_for_the_writeset)				\
	X(degrade_record_is_first) X(degrade_record_is_fua)			\
	X(degrade_only_for_held_writes) X(degrade_in_spite_of_attempts)		\
	X(degrade_not_while_owned) X(degrade_until_new_era)			\
	X(degrade_survives_owners) X(degrade_attach_waits)			\
	X(degrade_metadata_fails) X(degrade_by_hand) X(degrade_after_abort)	\
	X(degrade_aborted) X(degrade_gone) X(degrade_noflush_suspend)		\
	X(degrade_flush_suspend) X(degrade_reload) X(degrade_needs_a_device)

#define DECLARE(name)	void name(void);
CASES(DECLARE)
#undef DECLARE

#endif /* ERAD_TESTS_PROTOCOL_H */
