// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: one era after the other. */
#include <errno.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "protocol.h"

void rollover_gates_again(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x;

	setup();
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
	EXPECT(new_era(1, 2, 1000), EINVAL);		/* not prepared */
	EXPECT(prepare(2), 0);
	EXPECT(new_era(3, 2, 1000), EINVAL);
	EXPECT(new_era(0, 2, 1000), EINVAL);
	EXPECT(new_era(1, 2, 1000), 0);
	EXPECT(new_era(1, 2, 1000), 0);			/* again: done already */
	EXPECT(info().era, 2);
	start(&w);
	x = fetch();
	EXPECT(x.era, 2);
	CHECK(still_held(&w));
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

/* The checkpoint must not be acknowledged while a write recorded only in the old era is in flight. */
void rollover_drains(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct writer next = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x;

	create(slow, "2 uuid " UUID);
	begin(1);
	start(&w);
	commit(fetch().batch);
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 0), ETIMEDOUT);
	CHECK(!w.done);
	EXPECT(info().era, 2);
	CHECK(info().status & ERAD_DRAINING);
	start(&next);				/* meanwhile the new era is served */
	x = fetch();
	EXPECT(x.era, 2);
	commit(x.batch);
	EXPECT(prepare(3), 0);
	EXPECT(new_era(2, 3, 0), EBUSY);	/* one drain at a time */
	EXPECT(new_era(1, 2, 10000), 0);
	CHECK(!(info().status & ERAD_DRAINING));
	/* end_io ran; the writer itself may need a moment to be scheduled */
	for (int i = 0; i < 50 && !w.done; i++)
		usleep(2000);
	CHECK(w.done);
	EXPECT(finish(&w), 0);
	EXPECT(finish(&next), 0);
	EXPECT(new_era(2, 3, 10000), 0);
}

/* A directory, a page of which is for 2^24 blocks, as large as all memory: more than there is free, but not absurd. */
void no_memory_for_the_writeset(void)
{
	unsigned long long sectors;
	struct sysinfo si;
	int r;

	EXPECT(sysinfo(&si), 0);
	sectors = (unsigned long long)(si.totalram * si.mem_unit / 4096 - 1024) << 27;
	if (sectors > (1ull << 46) - (1 << 24))	/* the module's limit, 2 GiB */
		sectors = (1ull << 46) - (1 << 24);

	EXPECT(run("dmsetup create huge --table '0 %llu zero'", sectors), 0);
	EXPECT(run("dmsetup create " NAME " --table '0 %llu erad - /dev/mapper/huge 8 2 uuid " UUID "'", sectors), 0);
	id = find_instance();
	EXPECT(attach(id, &owner), 0);
	r = prepare(1);
	CHECK(r == 0 || r == ENOMEM);
	EXPECT(close(owner), 0);
	EXPECT(run("dmsetup remove " NAME), 0);
	EXPECT(run("dmsetup remove huge"), 0);
}
