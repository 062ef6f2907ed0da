// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: suspend, resume and reload while writes are held. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

/* A noflush suspend returns held writes to dm, whether they are fetched or not.  dm submits them again. */
void noflush_suspend(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 4 * BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	start(&a);
	x = fetch();
	start(&b);
	usleep(200000);
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME), 0);
	CHECK(!(info().status & ERAD_RESUMED));
	EXPECT(xfer(x.batch, 0, 0, &y), ESTALE);
	EXPECT(run("dmsetup resume " NAME), 0);
	CHECK(info().status & ERAD_RESUMED);
	for (int blocks = 0; blocks < 2; ) {
		x = fetch();
		blocks += x.nr;
		commit(x.batch);
	}
	EXPECT(finish(&a), 0);
	EXPECT(finish(&b), 0);
}

/*
 * A noflush suspend returns held writes even if there is no owner.  The instance of the next table
 * holds these writes.
 */
void noflush_reload_detached(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	struct erad_xfer x;
	uint64_t old;

	create(origin, "2 uuid " UUID);
	old = id;
	start(&w);
	CHECK(still_held(&w));
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME), 0);
	EXPECT(run("dmsetup load " NAME " --table '0 %d erad - %s %d 2 uuid " UUID "'",
		   SECTORS, origin, BLOCK / 512), 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	CHECK(still_held(&w));
	id = find_instance();
	CHECK(id != old);
	begin(5);
	x = fetch();
	EXPECT(x.era, 5);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

/* A flush suspend waits for held writes, and the owner continues to serve them. */
void flush_suspend(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	struct erad_xfer x;
	int status;
	pid_t pid;

	setup();
	start(&w);
	x = fetch();
	pid = fork();
	if (!pid)
		_exit(run("dmsetup suspend --nolockfs " NAME));
	usleep(500000);
	EXPECT(waitpid(pid, &status, WNOHANG), 0);
	commit(x.batch);
	EXPECT(waitpid(pid, &status, 0), pid);
	EXPECT(status, 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(finish(&w), 0);
}

void flush_suspend_abort(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	int status;
	pid_t pid;

	create(origin, "2 uuid " UUID);
	start(&w);
	await_held(1);
	pid = fork();
	if (!pid)
		_exit(run("dmsetup suspend --nolockfs " NAME));
	usleep(500000);
	EXPECT(waitpid(pid, &status, WNOHANG), 0);
	EXPECT(do_abort(id), 0);
	EXPECT(waitpid(pid, &status, 0), pid);
	EXPECT(status, 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(finish(&w), EIO);
}

/* The device's counters show whether another table has let a write pass between two instances. */
void written_between_tables(void)
{
	const char *const erad = "0 %d erad - %s %d 2 uuid " UUID;
	struct writer w = { .off = 0, .len = 4096 }, held = { .off = BLOCK, .len = 4096 };
	struct erad_info i;
	uint64_t left, first;
	char table[200];

	snprintf(table, sizeof(table), erad, SECTORS, origin, BLOCK / 512);
	setup();
	i = info();
	first = i.instance_id;
	EXPECT(i.written_suspended, ERAD_WRITTEN_UNKNOWN);
	EXPECT(i.since_id, first);
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
	EXPECT(do_io(DISCARD, 0, 8192), 0);
	/*
	 * The suspend returns this held write to dm. dm has not counted the write yet, so the count
	 * below contains only the first write and the discard.
	 */
	start(&held);
	wait_in();
	EXPECT(run("dmsetup load " NAME " --table '%s'", table), 0);
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME " && dmsetup resume " NAME), 0);
	HDR(i);
	EXPECT(call(owner, ERAD_IOC_INFO, &i), ENODEV);
	left = i.written_suspended;
	EXPECT(left - i.written_resumed, 8 + 16);
	close(owner);

	/* Two tables of erad follow each other, and nothing is written in between. */
	id = find_instance();
	begin(2);
	EXPECT(info().written_resumed, left);
	EXPECT(info().since_id, first);
	commit(fetch().batch);
	EXPECT(finish(&held), 0);

	/* Another table is used in between, and lets one write pass. */
	EXPECT(run("dmsetup reload " NAME " --table '0 %d linear %s 0'", SECTORS, origin), 0);
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME " && dmsetup resume " NAME), 0);
	HDR(i);
	EXPECT(call(owner, ERAD_IOC_INFO, &i), ENODEV);
	left = i.written_suspended;
	EXPECT(left - i.written_resumed, 8);
	EXPECT(do_io(WRITE, 0, 4096), 0);
	close(owner);
	EXPECT(run("dmsetup reload " NAME " --table '%s' && dmsetup suspend --noflush --nolockfs " NAME " && dmsetup resume " NAME,
		   table), 0);
	id = find_instance();
	begin(3);
	EXPECT(info().written_resumed, left + 8);
	EXPECT(info().since_id, info().instance_id);

	/*
	 * A table with other metadata is used in between.  Its writes are not in the metadata of
	 * the first table.
	 */
	for (int other = 1; other >= 0; other--) {
		snprintf(table, sizeof(table), erad, SECTORS, origin, BLOCK / 512);
		if (other)
			table[strlen(table) - 1] ^= 1;
		EXPECT(run("dmsetup reload " NAME " --table '%s' && dmsetup suspend --noflush --nolockfs " NAME " && dmsetup resume " NAME,
			   table), 0);
		close(owner);
		id = find_instance();
		begin(5 - other);
		EXPECT(info().since_id, info().instance_id);
	}
}
