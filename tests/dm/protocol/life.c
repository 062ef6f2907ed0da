// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: owners that attach and end, commits that fail, targets that are removed. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "protocol.h"

void failed_commit(void)
{
	struct writer recorded = { .off = 0, .len = 4096 };
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	start(&recorded);
	commit(fetch().batch);
	EXPECT(finish(&recorded), 0);
	start(&w);
	x = fetch();
	EXPECT(xfer(x.batch, EIO, 0, &y), 0);
	EXPECT(finish(&w), EIO);
	EXPECT(info().state, ERAD_FAILED);
	EXPECT(do_io(WRITE, BLOCK, 4096), EIO);
	EXPECT(do_io(WRITE, 0, 4096), 0);
	EXPECT(do_io(READ, BLOCK, 4096), 0);
	EXPECT(xfer(0, 0, 1, &y), EIO);
	close(owner);
	EXPECT(attach(id, &owner), 0);
	EXPECT(info().state, ERAD_LOADING);
	EXPECT(ready(1), 0);
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
}

void abort_frees(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 9 * BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	EXPECT(do_abort(id + 1000), ENOENT);
	start(&a);
	x = fetch();
	start(&b);
	usleep(200000);
	EXPECT(do_abort(id), 0);
	EXPECT(finish(&a), EIO);
	EXPECT(finish(&b), EIO);
	EXPECT(xfer(x.batch, 0, 0, &y), EIO);
	EXPECT(do_abort(id), 0);
}

/* Held writes keep the device open, so it cannot be removed before ABORT. */
void remove_after_abort(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create(origin, "2 uuid " UUID);
	start(&w);
	CHECK(still_held(&w));
	CHECK(run("dmsetup remove " NAME " 2>/dev/null") != 0);
	EXPECT(do_abort(id), 0);
	EXPECT(finish(&w), EIO);
	EXPECT(run("dmsetup remove " NAME), 0);
}

/* The kernel logs one message for all writes that wait. */
void log_says_why_writes_hang(void)
{
	struct writer w[2] = {
		{ .off = BLOCK, .len = 4096 }, { .off = 3 * BLOCK, .len = 4096 },
	};

	/* A full log drops its oldest lines, so count only the lines after a line of this case. */
	EXPECT(run("echo log_says_why_writes_hang > /dev/kmsg"), 0);
	setup();
	EXPECT(close(owner), 0);
	start(&w[0]);
	await_held(1);
	start(&w[1]);
	await_held(2);
	CHECK(still_held(&w[0]));
	CHECK(!w[1].done);
	EXPECT(run("[ $(dmesg | sed '1,/log_says_why_writes_hang/d' | grep -c 'no erad is attached') -eq 1 ]"), 0);
	EXPECT(attach(id, &owner), 0);
	EXPECT(ready(1), 0);
	for (int nr = 0; nr < 2;) {
		struct erad_xfer x = fetch();

		nr += x.nr;
		commit(x.batch);
	}
	EXPECT(finish(&w[0]), 0);
	EXPECT(finish(&w[1]), 0);
}

void reattach(void)
{
	struct writer a = { .off = 0, .len = 4096 };
	struct writer b = { .off = 5 * BLOCK, .len = 4096 };
	struct erad_xfer x;
	int second;

	setup();
	EXPECT(attach(id, &second), EBUSY);
	EXPECT(attach(id + 1000, &second), ENOENT);
	start(&a);
	commit(fetch().batch);
	EXPECT(finish(&a), 0);
	start(&b);
	x = fetch();
	/* the owner ends while it has a fetched batch, like an erad that is killed */
	close(owner);
	EXPECT(do_io(WRITE, 4096, 4096), 0);	/* a write to a recorded block */
	EXPECT(do_io(READ, 5 * BLOCK, 4096), 0);
	CHECK(still_held(&b));
	EXPECT(attach(id, &owner), 0);
	EXPECT(xfer(x.batch, 0, 0, &x), EINVAL);	/* READY has not been called */
	EXPECT(ready(2), EINVAL);
	EXPECT(ready(1), 0);
	EXPECT(ready(1), EINVAL);
	x = fetch();
	EXPECT(x.nr, 1);
	EXPECT(ranges[0].first, 5);
	commit(x.batch);
	EXPECT(finish(&b), 0);
}

void detach_policy_fail(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create(origin, "6 uuid " UUID " detach_policy fail detach_timeout 1");
	start(&w);
	EXPECT(finish(&w), EIO);		/* no owner has attached */
	EXPECT(attach(id, &owner), 0);
	EXPECT(info().state, ERAD_LOADING);
}

/*
 * With detach_policy fail: while the device is suspended, the instance does not fail. Each resume
 * starts the full detach timeout again.
 */
void detach_timeout_suspended(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create(origin, "6 uuid " UUID " detach_policy fail detach_timeout 1");
	begin(1);
	EXPECT(run("dmsetup suspend --nolockfs " NAME), 0);
	close(owner);
	sleep(2);
	EXPECT(run("dmsetup status " NAME " | grep -q detached"), 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(attach(id, &owner), 0);
	EXPECT(ready(1), 0);
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
}

void gone(void)
{
	struct erad_info i = { 0 };
	struct erad_stats s = { 0 };
	struct erad_xfer x;

	setup();
	EXPECT(run("dmsetup remove " NAME), 0);
	CHECK(owner_poll(1000) & POLLHUP);
	EXPECT(xfer(0, 0, 1, &x), ENODEV);
	EXPECT(xfer(1, 0, 1, &x), ENODEV);
	EXPECT(prepare(2), ENODEV);
	EXPECT(new_era(1, 2, 0), ENODEV);
	EXPECT(ready(1), ENODEV);
	HDR(s);
	EXPECT(call(owner, ERAD_IOC_STATS, &s), ENODEV);
	HDR(i);
	EXPECT(call(owner, ERAD_IOC_INFO, &i), ENODEV);
	EXPECT(attach(id, &owner), ENOENT);
}

void unload_refused(void)
{
	CHECK(run("rmmod dm_erad 2>/dev/null") != 0);	/* the control node is open */
	setup();
	close(control);
	CHECK(run("rmmod dm_erad 2>/dev/null") != 0);
}
