// SPDX-License-Identifier: GPL-2.0-or-later
/* What callers learn of a device-mapper call in a child of the reader, with a stand-in for the reader. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "erad/device/dm_child.h"
#include "erad/device/origin_reader.h"

/* What origin_ask() answers, what it was asked last, and how often an inactive table was dropped. */
static struct {
	int code, answer;
	uint64_t us;
	struct origin_question q;
	unsigned int ms, cleared;
} sim;

static const struct dm_device device = { .dev = 64772, .name = "data" };
static struct err err;
static uint64_t us;

int __wrap_origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
		      bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *e);
void __wrap_origin_drop(struct origin_asked *asked);
uint64_t __wrap_origin_store_key(const char *path);
int __wrap_dm_tables_clear(const struct dm_device *d);

int __wrap_origin_ask(struct origin_asked *asked, const struct origin_question *q, unsigned int ms,
		      bool (*ends)(void *ctx), void *ctx, struct origin_answer *a, struct err *e)
{
	(void)ctx;
	assert_int_equal(asked->fd, -1);
	assert_null(ends);
	sim.q = *q;
	sim.ms = ms;
	memset(a, 0, sizeof(*a));
	a->code = sim.answer;
	a->us = sim.us;
	if (a->code)
		err_set(&a->err, a->code, "the child's error");
	return sim.code ? err_set(e, sim.code, "the reader's error") : 0;
}

void __wrap_origin_drop(struct origin_asked *asked)
{
	assert_int_equal(asked->fd, -1);
}

uint64_t __wrap_origin_store_key(const char *path)
{
	return strlen(path);
}

int __wrap_dm_tables_clear(const struct dm_device *d)
{
	assert_int_equal(d->dev, device.dev);
	sim.cleared++;
	return 0;
}

static int swap(int code, int answer, uint64_t answer_us)
{
	memset(&sim, 0, sizeof(sim));
	sim.code = code;
	sim.answer = answer;
	sim.us = answer_us;
	return dm_child_swap_within(10, &device, &us, &err);
}

static void test_swap_that_has_ended_returns_the_answer_of_the_child(void **state)
{
	(void)state;
	assert_int_equal(swap(0, 0, 77), 0);
	assert_int_equal(us, 77);
	assert_int_equal(sim.q.what, ORIGIN_SWAP);
	assert_int_equal(sim.q.dev, device.dev);
	assert_string_equal(sim.q.path, "data");
	assert_int_equal(sim.q.seconds, 10);
	/* The child has some seconds more to undo its changes. */
	assert_int_equal(sim.ms, 15000);
	assert_int_equal(swap(0, -EINVAL, 9999999), -EINVAL);
	assert_string_equal(err.msg, "the child's error");
	assert_int_equal(sim.cleared, 0);
}

static void test_swap_that_a_signal_has_ended_has_changed_nothing(void **state)
{
	(void)state;
	assert_int_equal(swap(0, -EINTR, 10000000), -ETIMEDOUT);
	assert_string_equal(err.msg, "the I/O of /dev/mapper/data has not ended within 10 seconds; check whether a device below it hangs");
	/* Kernels before 6.1.107 return EINVAL after a signal. */
	assert_int_equal(swap(0, -EINVAL, 10000000), -ETIMEDOUT);
	assert_int_equal(sim.cleared, 0);
}

static void test_swap_whose_child_goes_on_is_in_progress(void **state)
{
	(void)state;
	assert_int_equal(swap(-ETIMEDOUT, 0, 0), -EINPROGRESS);
	assert_string_equal(err.msg, "the table of /dev/mapper/data is not replaced after 15 seconds, but the kernel goes on; check whether a device below it hangs");
	assert_int_equal(us, 0);
	/* The child may still need the inactive table. */
	assert_int_equal(sim.cleared, 0);
	/* An earlier child changes the device, and this call has not begun. */
	assert_int_equal(swap(-ETIMEDOUT, -EBUSY, 0), -EINPROGRESS);
	assert_string_equal(err.msg, "the reader's error");
	assert_int_equal(sim.cleared, 1);
}

static void test_swap_that_cannot_begin_drops_the_inactive_table(void **state)
{
	(void)state;
	/* The reader has refused the question, but may have begun the last attempt just now. */
	assert_int_equal(swap(-ETIMEDOUT, -EUSERS, 0), -EINPROGRESS);
	assert_string_equal(err.msg, "the reader's error");
	assert_int_equal(sim.cleared, 1);
	/* The last child has died, and may have put the table into use before. */
	assert_int_equal(swap(-ETIMEDOUT, -ECHILD, 0), -EINPROGRESS);
	assert_int_equal(sim.cleared, 1);
	assert_int_equal(swap(-EMFILE, 0, 0), -EMFILE);
	assert_int_equal(sim.cleared, 1);
}

static void test_removal_says_what_may_hang(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.code = -ETIMEDOUT;
	assert_int_equal(dm_child_remove("data", &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "/dev/mapper/data was not removed within 90 seconds; check whether its metadata device hangs or udev is slow");
	assert_int_equal(sim.q.what, ORIGIN_REMOVE_DEVICE);
	assert_string_equal(sim.q.path, "data");
	/* The removal has not begun: the reader says why. */
	sim.answer = -EBUSY;
	assert_int_equal(dm_child_remove("data", &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the reader's error");
	sim.code = 0;
	sim.answer = -ENXIO;
	assert_int_equal(dm_child_remove("data", &err), -ENXIO);
	assert_string_equal(err.msg, "the child's error");
}

static void test_resume_returns_the_answer_of_the_child(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.answer = -EINTR;
	assert_int_equal(dm_child_resume_old(10, device.dev, &err), -EINTR);
	assert_int_equal(sim.q.what, ORIGIN_RESUME_OLD);
	assert_int_equal(sim.q.seconds, 10);
	assert_int_equal(sim.ms, 15000);
	sim.code = -ETIMEDOUT;
	assert_int_equal(dm_child_resume_old(10, device.dev, &err), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap_that_has_ended_returns_the_answer_of_the_child),
		cmocka_unit_test(test_swap_that_a_signal_has_ended_has_changed_nothing),
		cmocka_unit_test(test_swap_whose_child_goes_on_is_in_progress),
		cmocka_unit_test(test_swap_that_cannot_begin_drops_the_inactive_table),
		cmocka_unit_test(test_removal_says_what_may_hang),
		cmocka_unit_test(test_resume_returns_the_answer_of_the_child),
	};

	return cmocka_run_group_tests_name("dm_child", tests, NULL, NULL);
}
