// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes all kinds of wrong calls to the module, from several threads.  At the same time, fds are
 * closed, tables are reloaded, suspended and removed, and other threads write.  Then checks that
 * the module still works.
 *
 * The program itself checks three things.  First, every call ends, with an errno that
 * include/erad_uapi.h names.  Second, a call that has failed has not changed the caller's struct.
 * Third, nothing is written beyond the memory that the caller has passed.  The kernel's log shows
 * other faults.
 *
 * Half of the calls are correct calls of an owner, or nearly correct calls.  Without a correct
 * owner, most calls would fail at the first check of the module.
 */

#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "dm_raw.h"
#include "ioctl_fuzz/devices.h"
#include "ioctl_fuzz/random.h"

#define NR_CALLERS	4
#define NR_FDS		12

enum place { PRIVATE, EDGE, OVER_EDGE, READ_ONLY, SHARED, NOWHERE };

static const struct command {
	unsigned long cmd;
	size_t size;
	/* true: an ioctl of the control node; false: an ioctl of an instance */
	bool control;
	bool in_only;			/* whether the ioctl never writes to the struct */
} commands[] = {
	{ ERAD_IOC_VERSION, sizeof(struct erad_version), true, false },
	{ ERAD_IOC_LIST, sizeof(struct erad_list), true, false },
	{ ERAD_IOC_ATTACH, sizeof(struct erad_attach), true, false },
	{ ERAD_IOC_ABORT, sizeof(struct erad_abort), true, false },
	{ ERAD_IOC_DEGRADE, sizeof(struct erad_degrade), true, true },
	{ ERAD_IOC_INFO, sizeof(struct erad_info), false, false },
	{ ERAD_IOC_READY, sizeof(struct erad_ready), false, true },
	{ ERAD_IOC_COMMIT_FETCH, sizeof(struct erad_xfer), false, false },
	{ ERAD_IOC_PREPARE_ERA, sizeof(struct erad_prepare), false, true },
	{ ERAD_IOC_NEW_ERA, sizeof(struct erad_newera), false, true },
	{ ERAD_IOC_USAGE, sizeof(struct erad_usage), false, true },
	{ ERAD_IOC_STATS, sizeof(struct erad_stats), false, false },
	{ ERAD_IOC_MESSAGE_GET, sizeof(struct erad_message), false, false },
	{ ERAD_IOC_MESSAGE_REPLY, sizeof(struct erad_reply), false, true },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

union arg {
	struct erad_hdr h;
	struct erad_list list;
	struct erad_attach attach;
	struct erad_abort abort;
	struct erad_info info;
	struct erad_ready ready;
	struct erad_xfer xfer;
	struct erad_prepare prepare;
	struct erad_newera newera;
	struct erad_usage usage;
	struct erad_stats stats;
	struct erad_message message;
	struct erad_reply reply;
	uint8_t bytes[PAGE];
};

struct caller {
	pthread_t thread;
	uint64_t rng;
	unsigned long ops;
	uint8_t *page;			/* a writable page, followed by inaccessible memory */
	/* two addresses of one page, one writable and one read-only */
	uint8_t *rw, *ro;
	uint8_t *out;			/* two pages for arrays, followed by inaccessible memory */
};

static union arg *shared;		/* a struct that all callers change at any time */
static _Atomic int controls[2];
static _Atomic int owners[NR_FDS];	/* the kept instance fds; -1: none */
static _Atomic uint64_t some_id, some_batch, some_message;
static _Atomic uint32_t some_era;
static _Atomic unsigned long calls, succeeded, attached, committed, degraded;

/* ---- callers ---- */

static uint64_t hostile_pointer(uint64_t *rng)
{
	return ANY_OF(rng, 0, 1, 8, PAGE, 0x7fffffffefff, 0x7ffffffff000, 0x7fffffffffff, 0x800000000000,
		      0x8000000000000000, 0xffff888000000000, 0xffffffff81000000, 0xffffea0000000000,
		      0xfffffffffffff000, UINT64_MAX - 7, UINT64_MAX, next(rng));
}

static uint64_t hostile_number(uint64_t *rng)
{
	return ANY_OF(rng, 0, 1, 2, 4095, 4096, INT32_MAX, (uint64_t)INT32_MAX + 1, UINT32_MAX, INT64_MAX, UINT64_MAX,
		      next(rng), next(rng) & 0xffff);
}

/* Returns the size in bytes of the array that the struct describes. */
static size_t array_length(const struct command *command, const union arg *a)
{
	switch (command->cmd) {
	case ERAD_IOC_LIST:
		return (size_t)a->list.cap * a->list.entry_size;
	case ERAD_IOC_COMMIT_FETCH:
		return (size_t)a->xfer.max * sizeof(struct erad_range);
	}
	return 0;
}

_Static_assert(offsetof(struct erad_list, buf) == offsetof(struct erad_xfer, buf), "buf is at one place");

static void fill(struct caller *c, const struct command *command, union arg *a)
{
	uint64_t *rng = &c->rng;
	uint32_t era = some_era;

	switch (command->cmd) {
	case ERAD_IOC_LIST:
		a->list.cap = one_in(rng, 4) ? hostile_number(rng) : next(rng) % 16;
		a->list.entry_size = one_in(rng, 4) ? hostile_number(rng) : ANY_OF(rng, 8, 16, 95, 96, 97, 128);
		a->list.buf = (uintptr_t)c->out;
		if (array_length(command, a) > 2 * PAGE || one_in(rng, 8))
			/*
			 * Place this array elsewhere: an entry larger than a page could reach
			 * across the inaccessible memory into memory of this program.
			 */
			a->list.buf = one_in(rng, 2) || a->list.entry_size > PAGE ?
				hostile_pointer(rng) : (uintptr_t)c->out + PAGE;
		break;
	case ERAD_IOC_ATTACH:
		a->attach.instance_id = one_in(rng, 4) ? hostile_number(rng) : some_id;
		break;
	case ERAD_IOC_ABORT:
	case ERAD_IOC_DEGRADE:
		a->abort.instance_id = one_in(rng, 4) ? hostile_number(rng) : some_id;
		break;
	case ERAD_IOC_READY:
		a->ready.era = one_in(rng, 4) ? hostile_number(rng) : era;
		if (one_in(rng, 2))
			a->ready.record = one_in(rng, 4) ? hostile_pointer(rng) : (uintptr_t)c->out;
		a->ready.record_sector = one_in(rng, 4) ? hostile_number(rng) : next(rng) % 64;
		break;
	case ERAD_IOC_COMMIT_FETCH:
		if (!one_in(rng, 3))
			a->xfer.commit_batch = one_in(rng, 4) ? hostile_number(rng) : some_batch;
		if (a->xfer.commit_batch && one_in(rng, 8))
			a->xfer.commit_status = hostile_number(rng);
		a->xfer.max = one_in(rng, 4) ? hostile_number(rng) : next(rng) % 512;
		a->xfer.buf = (uintptr_t)c->out;
		if (array_length(command, a) > 2 * PAGE || one_in(rng, 8))
			a->xfer.buf = one_in(rng, 2) ? hostile_pointer(rng) : (uintptr_t)c->out + 2 * PAGE - 8;
		break;
	case ERAD_IOC_PREPARE_ERA:
		a->prepare.to = one_in(rng, 4) ? hostile_number(rng) : era + 1;
		break;
	case ERAD_IOC_NEW_ERA:
		a->newera.from = one_in(rng, 4) ? hostile_number(rng) : era;
		a->newera.to = one_in(rng, 4) ? hostile_number(rng) : era + 1;
		a->newera.drain_ms = ANY_OF(rng, 0, 0, 1, 20, UINT32_MAX);
		break;
	case ERAD_IOC_USAGE:
		a->usage.used = hostile_number(rng);
		a->usage.total = hostile_number(rng);
		a->usage.held_root = hostile_number(rng);
		break;
	case ERAD_IOC_MESSAGE_REPLY:
		a->reply.id = one_in(rng, 4) ? hostile_number(rng) : some_message;
		a->reply.status = one_in(rng, 4) ? hostile_number(rng) : ANY_OF(rng, 0, EIO, EINVAL);
		a->reply.era = hostile_number(rng);
		break;
	}
}

/*
 * Copies the struct, which fill() has made, to the given place. Returns the address that is passed
 * to the ioctl; for some places, this is an address without the struct.
 */
static void *put(struct caller *c, enum place place, const union arg *a, size_t size)
{
	uint8_t *at;

	switch (place) {
	case PRIVATE:
		memcpy(c->page, a, PAGE);
		return c->page;
	case EDGE:
		at = c->page + PAGE - size;
		memcpy(at, a, size);
		return at;
	case OVER_EDGE:
		at = c->page + PAGE - next(&c->rng) % size;
		memcpy(at, a, c->page + PAGE - at);
		return at;
	case READ_ONLY:
		memcpy(c->rw, a, PAGE);
		return c->ro;
	case SHARED:
		memcpy(shared, a, size);
		return shared;
	default:
		return (void *)(uintptr_t)hostile_pointer(&c->rng);
	}
}

static bool known_error(int r)
{
	switch (r) {
	case 0: case EFAULT: case EINVAL: case E2BIG: case ENOTTY: case ENODEV: case ENOENT: case EBUSY: case ESTALE:
	case EIO: case ETIMEDOUT: case ENOMEM: case EMFILE: case EAGAIN: case EOPNOTSUPP: case ECANCELED: case ENOTCONN:
	case EBADF:			/* another thread has closed the fd */
		return true;
	}
	return false;
}

static int any_fd(struct caller *c, bool control)
{
	return control ? controls[next(&c->rng) % 2] : owners[next(&c->rng) % NR_FDS];
}

/* Keeps an instance fd in a random slot, and closes the fd that was in this slot. */
static void keep(struct caller *c, int fd)
{
	int old = atomic_exchange(&owners[next(&c->rng) % NR_FDS], fd);

	attached++;
	if (old >= 0)
		close(old);
}

static void learn(struct caller *c, const struct command *command, const union arg *a)
{
	switch (command->cmd) {
	case ERAD_IOC_ATTACH:
		keep(c, a->attach.fd);
		break;
	case ERAD_IOC_INFO:
		some_era = a->info.era;
		some_id = a->info.instance_id;
		break;
	case ERAD_IOC_MESSAGE_GET:
		if (a->message.id)
			some_message = a->message.id;
		break;
	case ERAD_IOC_DEGRADE:
		degraded++;
		break;
	case ERAD_IOC_COMMIT_FETCH:
		if (a->xfer.batch)
			some_batch = a->xfer.batch;
		if (a->xfer.commit_batch)
			committed++;
		break;
	}
}

static void call_anything(struct caller *c)
{
	const struct command *command = &commands[next(&c->rng) % NR_COMMANDS];
	uint64_t *rng = &c->rng;
	enum place place = one_in(rng, 2) ? PRIVATE : next(rng) % (NOWHERE + 1);
	unsigned long cmd = command->cmd;
	size_t size = command->size;
	union arg before, *after;
	size_t at, length, known;
	int fd, r;

	memset(&before, 0, sizeof(before));
	if (one_in(rng, 16))
		for (size_t i = 0; i < size; i++)
			before.bytes[i] = next(rng);
	fill(c, command, &before);
	before.h.size = size;
	if (one_in(rng, 6))
		before.h.size = ANY_OF(rng, 0, 7, 8, size - 1, size - 4, size + 1, size + 8, PAGE, PAGE + 1, UINT32_MAX);
	before.h.flags = one_in(rng, 16) ? hostile_number(rng) : 0;
	if (one_in(rng, 16))		/* a bit in a field that only a newer caller knows */
		before.bytes[size + next(rng) % 16] = 1;
	at = next(rng) % size;
	/* Do not change the pointer, because it might then point to memory of this program. */
	if (one_in(rng, 16) && at / 8 != offsetof(struct erad_list, buf) / 8)
		before.bytes[at] ^= 1u << next(rng) % 8;
	length = array_length(command, &before);
	if (one_in(rng, 16))
		cmd = one_in(rng, 2) ? next(rng) & UINT32_MAX :
			_IOC(next(rng) % 4, ERAD_IOC_MAGIC, next(rng) % 256, next(rng) % 128);
	fd = any_fd(c, one_in(rng, 16) ? !command->control : command->control);
	known = before.h.size < size ? before.h.size : size;

	memset(c->out, 0x5a, 2 * PAGE);
	after = put(c, place, &before, size);
	r = call(fd, cmd, after);
	calls++;
	if (!known_error(r))
		FAIL("cmd %#lx with size %u of %zu: error %d", cmd, before.h.size, size, r);
	if (r == 0)
		succeeded++;
	if (cmd != command->cmd)
		return;
	if (r == 0 && (place == PRIVATE || place == EDGE))
		learn(c, command, after);

	/* Do not compare the memory of other pointers, because they may lead anywhere. */
	if (place == PRIVATE) {
		/* If the target is removed, INFO returns ENODEV, but also fills in its struct. */
		if ((r || command->in_only) && !(cmd == ERAD_IOC_INFO && r == ENODEV) &&
		    memcmp(after, &before, PAGE))
			FAIL("cmd %#lx: error %d, but the struct has changed", cmd, r);
		if (memcmp(after->bytes + known, before.bytes + known, PAGE - known))
			FAIL("cmd %#lx with size %u of %zu, buf %#llx: written beyond it", cmd, before.h.size, size,
			     (unsigned long long)before.xfer.buf);
	}
	if (length <= 2 * PAGE && before.xfer.buf == (uintptr_t)c->out)
		for (size_t i = length; i < 2 * PAGE; i++)
			if (c->out[i] != 0x5a)
				FAIL("cmd %#lx: byte %zu of an array of %zu written", cmd, i, length);
}

/* Makes the calls of a correct owner, on a kept fd or on a new one. */
static void be_good(struct caller *c)
{
	struct erad_info infos[8], i = { 0 };
	struct erad_list li = { .buf = (uintptr_t)infos, .entry_size = sizeof(infos[0]), .cap = 8 };
	struct erad_attach at = { 0 };
	struct erad_prepare pr = { 0 };
	struct erad_newera ne = { 0 };
	struct erad_degrade de = { 0 };
	struct erad_ready re = { 0 };
	struct erad_xfer x = { 0 };
	int fd;

	HDR(li);
	if (!call(any_fd(c, true), ERAD_IOC_LIST, &li) && li.nr)
		some_id = infos[next(&c->rng) % (li.nr < 8 ? li.nr : 8)].instance_id;
	HDR(at);
	at.instance_id = some_id;
	if (one_in(&c->rng, 2) && !call(any_fd(c, true), ERAD_IOC_ATTACH, &at))
		keep(c, at.fd);
	fd = any_fd(c, false);
	HDR(i);
	if (call(fd, ERAD_IOC_INFO, &i))
		return;
	some_id = i.instance_id;
	some_era = i.era;
	if (!i.era || (i.status & ERAD_PASSES_ALL) || one_in(&c->rng, 8)) {
		HDR(pr);
		HDR(ne);
		pr.to = ne.to = i.era + 1;
		ne.from = i.era;
		ne.drain_ms = ANY_OF(&c->rng, 0, 5, 50);
		if (!call(fd, ERAD_IOC_PREPARE_ERA, &pr) && !call(fd, ERAD_IOC_NEW_ERA, &ne))
			some_era = i.era + 1;
	}
	HDR(re);
	re.era = some_era;
	/* Without a metadata device, READY accepts no record. */
	if (i.meta_major)
		re.record = (uintptr_t)c->out;
	re.record_sector = 8 * (next(&c->rng) % 8);
	call(fd, ERAD_IOC_READY, &re);
	HDR(de);
	de.instance_id = i.instance_id;
	if (one_in(&c->rng, 8) && !call(any_fd(c, true), ERAD_IOC_DEGRADE, &de))
		degraded++;
	for (int round = 0; round < 4; round++) {
		HDR(x);
		x.buf = (uintptr_t)c->out;
		x.max = 2 * PAGE / sizeof(struct erad_range);
		if (call(fd, ERAD_IOC_COMMIT_FETCH, &x) || !x.batch)
			break;
		some_batch = x.batch;
		x.commit_batch = x.batch;
		if (one_in(&c->rng, 4))
			x.max = 0;
	}
	if (x.commit_batch)
		committed++;
}

/* Makes one random call other than an ioctl, such as open, dup, read and write, mmap or poll. */
static void other_calls(struct caller *c)
{
	bool control = one_in(&c->rng, 2);
	int fd = any_fd(c, control), other;
	struct pollfd p = { .fd = fd, .events = next(&c->rng) };
	void *map;

	switch (next(&c->rng) % 8) {
	case 0:
		if (control) {
			fd = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);
			fd = atomic_exchange(&controls[next(&c->rng) % 2], fd);
		} else {
			fd = atomic_exchange(&owners[next(&c->rng) % NR_FDS], -1);
		}
		if (fd >= 0)
			close(fd);
		break;
	case 1:
		other = dup(fd);
		if (other >= 0)
			close(other);
		break;
	case 2:
		if (read(fd, c->out, 8) > 0 || write(fd, c->out, 8) > 0)
			FAIL("read or written");
		break;
	case 3:
		map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			FAIL("mapped");
		break;
	case 4:
		/* Change the shared struct, which another thread may be passing to a call. */
		shared->h.size = hostile_number(&c->rng);
		shared->bytes[next(&c->rng) % 96] = next(&c->rng);
		break;
	default:
		poll(&p, 1, 0);
	}
}

static void *caller_main(void *arg)
{
	struct caller *c = arg;

	/*
	 * Continue until at least one call has succeeded, one fd was attached, one batch committed
	 * and one instance degraded. If one of these never happens, the time limit of the case ends
	 * the test.
	 */
	for (unsigned long i = 0; i < c->ops || !succeeded || !attached || !committed || !degraded; i++) {
		if (one_in(&c->rng, 8))
			be_good(c);
		else if (one_in(&c->rng, 6))
			other_calls(c);
		else
			call_anything(c);
	}
	return NULL;
}

static void *pages(size_t nr, int prot, int fd)
{
	/*
	 * Make the last page inaccessible.  The page stays mapped, so that the kernel maps nothing
	 * else there.
	 */
	uint8_t *p = mmap(NULL, (nr + 1) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK(mmap(p, nr * PAGE, prot, MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), fd, 0) == p);
	return p;
}

static void caller_init(struct caller *c)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	CHECK(fd >= 0);
	EXPECT(ftruncate(fd, PAGE), 0);
	c->page = pages(1, PROT_READ | PROT_WRITE, -1);
	c->out = pages(2, PROT_READ | PROT_WRITE, -1);
	c->rw = pages(1, PROT_READ | PROT_WRITE, fd);
	c->ro = pages(1, PROT_READ, fd);
	close(fd);
}

/* ---- the check at the end ---- */

static void *write_once(void *path)
{
	static _Alignas(PAGE) char buf[PAGE];
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	CHECK(fd >= 0);
	EXPECT(pwrite(fd, buf, PAGE, 5 * 65536), PAGE);
	close(fd);
	return NULL;
}

/* Uses a volume as a correct owner does, from its creation to its removal. */
static void still_works(const char *origin, int control)
{
	struct erad_attach at = { 0 };
	struct erad_prepare pr = { .to = 1 };
	struct erad_newera ne = { .to = 1, .drain_ms = 1000 };
	struct erad_ready re = { .era = 1 };
	struct erad_range ranges[8];
	struct erad_xfer x = { .buf = (uintptr_t)ranges, .max = 8 };
	struct pollfd p = { .events = POLLIN };
	struct erad_info info;
	char path[32], params[128];
	int dm = dm_raw_open();
	pthread_t thread;

	CHECK(dm >= 0);
	EXPECT(dm_raw_create(dm, "fuzz", path), 0);
	snprintf(params, sizeof(params), "- %s 128 2 uuid " UUID "0", origin);
	EXPECT(dm_raw_load(dm, "fuzz", SECTORS, params), 0);
	EXPECT(dm_raw_resume(dm, "fuzz"), 0);
	EXPECT(list(control, &info, 1), 1);
	HDR(at);
	at.instance_id = info.instance_id;
	EXPECT(call(control, ERAD_IOC_ATTACH, &at), 0);
	HDR(pr);
	EXPECT(call(at.fd, ERAD_IOC_PREPARE_ERA, &pr), 0);
	HDR(ne);
	EXPECT(call(at.fd, ERAD_IOC_NEW_ERA, &ne), 0);
	HDR(re);
	EXPECT(call(at.fd, ERAD_IOC_READY, &re), 0);
	EXPECT(pthread_create(&thread, NULL, write_once, path), 0);
	p.fd = at.fd;
	EXPECT(poll(&p, 1, 60000), 1);
	HDR(x);
	EXPECT(call(at.fd, ERAD_IOC_COMMIT_FETCH, &x), 0);
	EXPECT(x.nr, 1);
	EXPECT(ranges[0].first, 5);
	x.commit_batch = x.batch;
	x.max = 0;
	EXPECT(call(at.fd, ERAD_IOC_COMMIT_FETCH, &x), 0);
	EXPECT(pthread_join(thread, NULL), 0);
	close(at.fd);
	EXPECT(dm_raw(dm, DM_DEV_REMOVE, "fuzz", 0), 0);
	EXPECT(list(control, &info, 1), 0);
}

/*
 * ioctl_fuzz CALLS SEED ORIGIN METADATA ORIGIN METADATA: each caller makes CALLS calls.  There are
 * two origins of 64 MiB, each with a disk for its metadata, which is overwritten.
 */
int main(int argc, char **argv)
{
	static struct caller callers[NR_CALLERS];
	unsigned long loads;
	uint64_t seed;
	int control;

	if (argc != 3 + 2 * NR_DEVICES)
		FAIL("usage: ioctl_fuzz CALLS SEED ORIGIN METADATA ORIGIN METADATA");
	seed = strtoull(argv[2], NULL, 0);
	printf("seed %llu\n", (unsigned long long)seed);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	control = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);
	CHECK(control >= 0);
	for (int i = 0; i < 2; i++)
		controls[i] = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);
	for (int i = 0; i < NR_FDS; i++)
		owners[i] = -1;

	devices_start(argv + 3, seed);
	for (int i = 0; i < NR_CALLERS; i++) {
		callers[i].rng = seed * 1000 + 200 + i;
		callers[i].ops = strtoul(argv[1], NULL, 0);
		caller_init(&callers[i]);
		EXPECT(pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]), 0);
	}
	for (int i = 0; i < NR_CALLERS; i++)
		EXPECT(pthread_join(callers[i].thread, NULL), 0);
	loads = devices_end(control);
	printf("%lu calls, %lu of them succeeded; %lu attached, %lu batches committed, %lu degraded, %lu tables loaded\n",
	       calls, succeeded, attached, committed, degraded, loads);
	CHECK(succeeded && attached && committed && degraded && loads);
	still_works(argv[3], control);
	return 0;
}
