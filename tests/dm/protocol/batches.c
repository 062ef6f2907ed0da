// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: which writes are held, which batches contain them, and when they are released. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "protocol.h"

void held_until_commit(void)
{
	struct writer w = { .off = 3 * BLOCK, .len = 4096 };
	struct erad_xfer x;

	setup();
	EXPECT(do_io(READ, 3 * BLOCK, 4096), 0);
	start(&w);
	x = fetch();
	EXPECT(x.nr, 1);
	EXPECT(x.era, 1);
	EXPECT(ranges[0].first, 3);
	EXPECT(ranges[0].len, 1);
	CHECK(still_held(&w));
	commit(x.batch);
	EXPECT(finish(&w), 0);
	EXPECT(do_io(WRITE, 3 * BLOCK + 4096, 8192), 0);	/* the block is recorded, so the write does not wait for the owner */
	EXPECT(owner_poll(0) & POLLIN, 0);
}

/*
 * Commits the batches with the blocks of w, until w has completed. Sets seen[b] for each block b of
 * the batches. The batches may contain only blocks first … last.
 */
static void serve(struct writer *w, uint64_t first, uint64_t last, bool *seen)
{
	struct erad_xfer x;

	start(w);
	while (!w->done) {
		if (!(owner_poll(100) & POLLIN))
			continue;
		EXPECT(xfer(0, 0, ERAD_MAX_RANGES, &x), 0);
		for (uint32_t i = 0; i < x.nr; i++)
			for (uint64_t b = ranges[i].first; b < ranges[i].first + ranges[i].len; b++) {
				CHECK(b >= first && b <= last);
				seen[b] = true;
			}
		CHECK(!w->done);
		commit(x.batch);
	}
	EXPECT(finish(w), 0);
}

/*
 * A write of many blocks is held if at least one of the blocks is not recorded.  The batch contains
 * all blocks that are not recorded.
 */
void many_blocks(void)
{
	struct writer one = { .off = 10 * BLOCK, .len = 4096 };
	struct writer w = { .off = 8 * BLOCK + 4096, .len = 6 * BLOCK };
	struct erad_xfer x;
	bool seen[16] = { false };

	setup();
	start(&one);
	x = fetch();
	commit(x.batch);
	EXPECT(finish(&one), 0);

	serve(&w, 8, 14, seen);
	for (int b = 8; b <= 14; b++)
		CHECK(seen[b] || b == 10);
}

static void check_wide(int op)
{
	struct writer w = { .off = 4 * BLOCK + 4096, .len = 100 * BLOCK, .op = op };
	bool seen[128] = { false };

	setup();
	serve(&w, 4, 104, seen);
	for (int b = 4; b <= 104; b++)
		CHECK(seen[b]);
}

void discard_many_blocks(void)
{
	check_wide(DISCARD);
}

void write_zeroes_many_blocks(void)
{
	check_wide(ZERO);
}

void full_buffer(void)
{
	struct writer w[5];
	struct erad_xfer x;
	uint32_t got = 0;

	setup();
	for (int i = 0; i < 5; i++) {
		w[i] = (struct writer) { .off = (i * 7 + 1) * BLOCK, .len = 4096 };
		start(&w[i]);
	}
	await_held(5);
	while (got < 5) {
		wait_in();
		EXPECT(xfer(0, 0, 2, &x), 0);
		CHECK(x.nr >= 1 && x.nr <= 2);
		got += x.nr;
		EXPECT(x.pending, 5 - got);
		commit(x.batch);
	}
	for (int i = 0; i < 5; i++)
		EXPECT(finish(&w[i]), 0);
}

void stale_batch(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	EXPECT(xfer(77, 0, 0, &y), ESTALE);
	start(&w);
	x = fetch();
	EXPECT(xfer(0, 0, 1, &y), EBUSY);
	EXPECT(xfer(x.batch + 1, 0, 1, &y), ESTALE);
	CHECK(still_held(&w));

	/* the era in which the batch was fetched has ended, so its blocks must be recorded again */
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 1000), 0);
	EXPECT(xfer(x.batch, 0, 0, &y), ESTALE);
	CHECK(still_held(&w));
	x = fetch();
	EXPECT(x.era, 2);
	EXPECT(x.nr, 1);
	EXPECT(ranges[0].first, 1);
	commit(x.batch);
	EXPECT(xfer(x.batch, 0, 0, &y), ESTALE);
	EXPECT(finish(&w), 0);
}

static void *poll_main(void *arg)
{
	*(int *)arg = owner_poll(5000);
	return NULL;
}

/*
 * While a batch is outstanding, an owner may sleep in poll(). If other writes are held, the commit
 * of the batch wakes the owner.
 */
void poll_wakes_after_commit(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 4 * BLOCK, .len = 4096 };
	struct erad_xfer x;
	pthread_t thread;
	int events = 0;
	uint64_t began;

	setup();
	start(&a);
	x = fetch();
	start(&b);
	usleep(200000);
	info();			/* clears POLLPRI, which would wake the owner, too */
	began = now_ms();
	EXPECT(pthread_create(&thread, NULL, poll_main, &events), 0);
	usleep(300000);
	commit(x.batch);
	EXPECT(pthread_join(thread, NULL), 0);
	CHECK(events & POLLIN);
	CHECK(now_ms() - began < 4000);
	EXPECT(finish(&a), 0);
	commit(fetch().batch);
	EXPECT(finish(&b), 0);
}

void bad_buffer(void)
{
	struct writer w = { .off = 2 * BLOCK, .len = 4096 };
	struct erad_xfer x = { .max = 16, .buf = 8 };

	setup();
	start(&w);
	wait_in();
	HDR(x);
	EXPECT(call(owner, ERAD_IOC_COMMIT_FETCH, &x), EFAULT);
	CHECK(still_held(&w));
	x = fetch();
	EXPECT(ranges[0].first, 2);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

void last_partial_block(void)
{
	uint64_t last = (SECTORS - 8) * 512ull - 4096;
	struct writer w = { .off = last, .len = 4096 };
	struct erad_xfer x;

	EXPECT(run("dmsetup create " NAME " --table '0 %d erad - %s %d 2 uuid " UUID "'",
		   SECTORS - 8, origin, 24), 0);	/* the block size is 12 KiB, which is not a power of two */
	id = find_instance();
	begin(1);
	EXPECT(info().nr_blocks, (SECTORS - 8 + 23) / 24);
	start(&w);
	x = fetch();
	EXPECT(ranges[0].first, info().nr_blocks - 1);
	EXPECT(ranges[0].len, 1);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}
