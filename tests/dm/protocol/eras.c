// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: new eras, and the drains of old eras. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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
	EXPECT(new_era(1, 2, 1000), EINVAL);		/* the era has not been prepared */
	EXPECT(prepare(2), 0);
	EXPECT(new_era(3, 2, 1000), EINVAL);
	EXPECT(new_era(0, 2, 1000), EINVAL);
	EXPECT(new_era(1, 2, 1000), 0);
	/* the second call does nothing, because the era has begun already */
	EXPECT(new_era(1, 2, 1000), 0);
	EXPECT(info().era, 2);
	start(&w);
	x = fetch();
	EXPECT(x.era, 2);
	CHECK(still_held(&w));
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

/*
 * As long as a write that is recorded only in the old era is in flight, the checkpoint must not be
 * acknowledged.
 */
void rollover_drains(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct writer next = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x;

	slow_takes(60000);
	create(slow, "2 uuid " UUID);
	begin(1);
	start(&w);
	commit(fetch().batch);
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 0), ETIMEDOUT);
	CHECK(!w.done);
	EXPECT(info().era, 2);
	CHECK(info().status & ERAD_DRAINING);
	start(&next);				/* writes of the new era are served during the drain */
	x = fetch();
	EXPECT(x.era, 2);
	commit(x.batch);
	EXPECT(prepare(3), 0);
	EXPECT(new_era(2, 3, 0), EBUSY);	/* there is only one drain at a time */
	new_era_waits(1, 2);
	CHECK(!(info().status & ERAD_DRAINING));
	/* The write has completed, but its thread may not have run since. */
	for (int i = 0; i < 50 && !w.done; i++)
		usleep(2000);
	CHECK(w.done);
	EXPECT(finish(&w), 0);
	EXPECT(finish(&next), 0);
	EXPECT(new_era(2, 3, 10000), 0);
}

/*
 * The module has two sets of counters, which the eras use in turn.  Check that no write of an era
 * is counted in another era.
 */
void counts_of_many_eras(void)
{
	struct writer held = { .off = BLOCK, .len = 4096 };

	setup();
	for (uint32_t era = 1; era <= 5; era++) {
		if (era > 1) {
			EXPECT(prepare(era), 0);
			EXPECT(new_era(era - 1, era, 10000), 0);
		}
		start(&held);
		commit(fetch().batch);
		EXPECT(finish(&held), 0);
		for (uint32_t i = 0; i < era; i++)
			EXPECT(do_io(WRITE, BLOCK, 4096), 0);
		EXPECT(stats().passed, era * (era + 1) / 2);
		EXPECT(stats().released, era);
	}
	/* begin two eras without a write: no count changes */
	EXPECT(prepare(6), 0);
	EXPECT(new_era(5, 6, 10000), 0);
	EXPECT(prepare(7), 0);
	EXPECT(new_era(6, 7, 10000), 0);
	EXPECT(stats().passed, 15);
}

static uint64_t list_gen(void)
{
	struct erad_list l = { .entry_size = sizeof(struct erad_info) };

	HDR(l);
	EXPECT(call(control, ERAD_IOC_LIST, &l), 0);
	return l.gen;
}

/*
 * A new era does not wake pollers of the control node.  Otherwise each checkpoint would make erad
 * list all instances, perhaps a thousand.
 */
void eras_do_not_change_the_list(void)
{
	struct pollfd p = { .fd = control, .events = POLLIN };
	struct erad_info i;
	uint64_t gen;

	create(origin, "2 uuid " UUID);
	EXPECT(attach(id, &owner), 0);
	i = info();
	gen = list_gen();
	EXPECT(prepare(1), 0);
	EXPECT(new_era(0, 1, 1000), 0);
	CHECK(owner_poll(0) & POLLPRI);			/* the owner is woken */
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 10000), 0);
	EXPECT(info().era, i.era + 2);
	EXPECT(poll(&p, 1, 0), 0);
	EXPECT(list_gen(), gen);
	EXPECT(ready(2), 0);
	EXPECT(poll(&p, 1, 0), 1);
	CHECK(list_gen() > gen);
	gen = list_gen();
	EXPECT(close(owner), 0);
	CHECK(list_gen() > gen);
}

static void *prepare_main(void *arg)
{
	return (void *)(intptr_t)call(owner, ERAD_IOC_PREPARE_ERA, arg);
}

/*
 * A thread that sleeps in PREPARE_ERA does not block a commit by another thread.  In this case, the
 * thread sleeps because a page of its argument is missing.
 */
void prepare_beside_commit(void)
{
	struct erad_prepare *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_register reg = { .range = { (uintptr_t)a, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)a, .len = 4096 };
	static struct erad_prepare page[4096 / sizeof(*a)] __attribute__((aligned(4096)));
	struct uffdio_api api = { .api = UFFD_API };
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct pollfd fault = { .fd = uffd, .events = POLLIN };
	pthread_t thread;
	void *r;

	setup();
	CHECK(a != MAP_FAILED && uffd >= 0);
	EXPECT(ioctl(uffd, UFFDIO_API, &api), 0);
	EXPECT(ioctl(uffd, UFFDIO_REGISTER, &reg), 0);
	EXPECT(pthread_create(&thread, NULL, prepare_main, a), 0);
	EXPECT(poll(&fault, 1, 10000), 1);

	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);

	HDR(page[0]);
	page[0].to = 2;
	copy.src = (uintptr_t)page;
	EXPECT(ioctl(uffd, UFFDIO_COPY, &copy), 0);
	EXPECT(pthread_join(thread, &r), 0);
	EXPECT((intptr_t)r, 0);
	EXPECT(new_era(1, 2, 1000), 0);
	close(uffd);
}

/*
 * The directory of this writeset needs nearly as much memory as the machine has, but at most the
 * module's limit of 2 GiB.  PREPARE_ERA may fail with ENOMEM, but the OOM killer must not run, because
 * the VM counts this as a failure.  (One page of the directory covers 2^24 blocks.)
 */
void no_memory_for_the_writeset(void)
{
	unsigned long long sectors;
	struct sysinfo si;
	int r;

	EXPECT(sysinfo(&si), 0);
	sectors = (unsigned long long)(si.totalram * si.mem_unit / 4096 - 1024) << 27;
	if (sectors > (1ull << 46) - (1 << 24))	/* 2 GiB is the module's limit */
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

#define MANY		5u		/* number of targets; the module lists 4 at a time */

/* The list contains each instance once, sorted by id, however many instances each call returns. */
void list_in_parts(void)
{
	const struct erad_list none = { .entry_size = sizeof(struct erad_info), .after = UINT64_MAX };
	struct erad_list l = none;
	struct erad_info infos[MANY + 1];
	FILE *table;

	for (unsigned int i = 0; i < MANY; i++)
		EXPECT(run("dmsetup create part%u --table '0 %u zero'", i, BLOCK / 512), 0);
	table = popen("dmsetup create " NAME, "w");
	CHECK(table);
	for (unsigned int i = 0; i < MANY; i++)
		fprintf(table, "%u %u erad - /dev/mapper/part%u %u 2 uuid 7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0f%03u\n",
			i * (BLOCK / 512), BLOCK / 512, i, BLOCK / 512, i);
	EXPECT(pclose(table), 0);
	id = find_instance();
	for (unsigned int part = 1; part <= MANY + 1; part++) {
		uint64_t expected = id - MANY;

		l = (struct erad_list){
			.buf = (uintptr_t)infos, .entry_size = sizeof(infos[0]), .cap = part, .after = expected,
		};
		HDR(l);
		do {
			EXPECT(call(control, ERAD_IOC_LIST, &l), 0);
			EXPECT(l.nr, id - expected);
			for (uint32_t n = 0; n < l.nr && n < part; n++)
				EXPECT(infos[n].instance_id, ++expected);
			l.after = expected;
		} while (l.nr > part);
		EXPECT(expected, id);
	}
	l = none;
	HDR(l);
	EXPECT(call(control, ERAD_IOC_LIST, &l), 0);
	EXPECT(l.nr, 0);
	EXPECT(run("dmsetup remove " NAME), 0);
	for (unsigned int i = 0; i < MANY; i++)
		EXPECT(run("dmsetup remove part%u", i), 0);
}
