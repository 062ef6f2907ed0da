// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls that failing_calls lets fail.  Each has arguments with which it works. */

#include <linux/fs.h>
#include <poll.h>
#include <sys/epoll.h>

#include "../check.h"
#include "../dm_raw.h"
#include "calls.h"

#define RECORD_SECTOR	16			/* sector of the degrade record on the metadata device */

const char *origin;
const char *metadata = "-";
int dm;
int control;
int owner = -1;
struct erad_range ranges[8];
uint64_t batch;

/* ---- the module's calls; each returns 0 or a positive errno ---- */

int version(void)
{
	struct erad_version a = { 0 };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_VERSION, &a);
	if (!r)
		EXPECT(a.abi, ERAD_ABI);
	return r;
}

uint32_t nr_instances;
static uint64_t newest;

int list(void)
{
	struct erad_info infos[8];
	struct erad_list a = { .buf = (uintptr_t)infos, .entry_size = sizeof(infos[0]), .cap = 8 };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_LIST, &a);
	if (!r) {
		nr_instances = a.nr;
		for (uint32_t i = 0; i < a.nr && i < 8; i++)
			newest = infos[i].instance_id;
	}
	return r;
}

int attach(void)
{
	struct erad_attach a = { .instance_id = newest };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_ATTACH, &a);
	if (!r)
		owner = a.fd;
	return r;
}

int detach(void)
{
	int r = close(owner) ? errno : 0;

	owner = -1;
	return r;
}

int abort_it(void)
{
	struct erad_abort a = { .instance_id = newest };

	HDR(a);
	return call(control, ERAD_IOC_ABORT, &a);
}

int degrade(void)
{
	struct erad_degrade a = { .instance_id = newest };

	HDR(a);
	return call(control, ERAD_IOC_DEGRADE, &a);
}

struct erad_info last_info;

int info(void)
{
	struct erad_info a = { 0 };
	int r;

	HDR(a);
	r = call(owner, ERAD_IOC_INFO, &a);
	if (!r)
		last_info = a;
	return r;
}

int prepare(void)
{
	struct erad_prepare a = { .to = last_info.era + 1 };

	HDR(a);
	return call(owner, ERAD_IOC_PREPARE_ERA, &a);
}

int new_era(void)
{
	struct erad_newera a = { .from = last_info.era, .to = last_info.era + 1, .drain_ms = 10000 };

	HDR(a);
	return call(owner, ERAD_IOC_NEW_ERA, &a);
}

/* If the metadata is on a device, also passes a degrade record. The module copies the record. */
int ready(void)
{
	static uint8_t record[ERAD_RECORD_SIZE] = { 1, 2, 3 };
	struct erad_ready a = { .era = last_info.era };

	HDR(a);
	if (strcmp(metadata, "-")) {
		a.record = (uintptr_t)record;
		a.record_sector = RECORD_SECTOR;
	}
	return call(owner, ERAD_IOC_READY, &a);
}

int usage(void)
{
	struct erad_usage a = { .used = 1, .total = 2 };

	HDR(a);
	return call(owner, ERAD_IOC_USAGE, &a);
}

int stats(void)
{
	struct erad_stats a = { 0 };

	HDR(a);
	return call(owner, ERAD_IOC_STATS, &a);
}

static int xfer(uint64_t commit, uint32_t max, struct erad_xfer *x)
{
	*x = (struct erad_xfer) { .commit_batch = commit, .max = max, .buf = (uintptr_t)ranges };
	HDR(*x);
	return call(owner, ERAD_IOC_COMMIT_FETCH, x);
}

int fetch(void)
{
	struct erad_xfer x;
	int r = xfer(0, 8, &x);

	batch = r ? 0 : x.batch;
	return r;
}

int commit(void)
{
	struct erad_xfer x;

	return xfer(batch, 0, &x);
}

uint64_t message_id;

int message_get(void)
{
	struct erad_message a = { 0 };
	int r;

	HDR(a);
	r = call(owner, ERAD_IOC_MESSAGE_GET, &a);
	if (r)
		return r;
	message_id = a.id;
	return a.id && a.type == ERAD_MESSAGE_TAKE_SNAPSHOT ? 0 : ENOENT;
}

int message_reply(void)
{
	struct erad_reply a = { .id = message_id, .status = SENDER_ERROR };

	HDR(a);
	return call(owner, ERAD_IOC_MESSAGE_REPLY, &a);
}

int poll_owner(void)
{
	struct pollfd p[2] = { { .fd = owner, .events = POLLIN }, { .fd = control, .events = POLLIN } };

	return poll(p, 2, 0) < 0 ? errno : 0;
}

int epoll_owner(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC), r;

	if (fd < 0)
		return errno;
	r = epoll_ctl(fd, EPOLL_CTL_ADD, owner, &event) || epoll_ctl(fd, EPOLL_CTL_ADD, control, &event) ? errno : 0;
	close(fd);
	return r;
}

int open_control(void)
{
	int fd = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* ---- calls of device-mapper ---- */

int load(void)
{
	char params[256];

	snprintf(params, sizeof(params), "%s %s %d 6 uuid " UUID " detach_policy fail detach_timeout 3600",
		 metadata, origin, BLOCK / 512);
	return dm_raw_load(dm, NAME, SECTORS, params);
}

int load_bad(void)
{
	char params[256];

	snprintf(params, sizeof(params), "%s %s %d 2 uuid nonsense", metadata, origin, BLOCK / 512);
	return dm_raw_load(dm, NAME, SECTORS, params) == EINVAL ? 0 : EIO;
}

int clear(void)
{
	return dm_raw(dm, DM_TABLE_CLEAR, NAME, 0);
}

int resume(void)
{
	return dm_raw_resume(dm, NAME);
}

int suspend_noflush(void)
{
	return dm_raw_suspend(dm, NAME, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG);
}

int suspend_flush(void)
{
	return dm_raw_suspend(dm, NAME, 0);
}

int status(void)
{
	return dm_raw(dm, DM_TABLE_STATUS, NAME, 0);
}

int status_table(void)
{
	return dm_raw(dm, DM_TABLE_STATUS, NAME, DM_STATUS_TABLE_FLAG);
}

int deps(void)
{
	return dm_raw(dm, DM_TABLE_DEPS, NAME, 0);
}

/* Sends an unknown message.  A known message would have to be answered by the owner during the call. */
int message(void)
{
	int r = dm_raw_message(dm, NAME, "nonsense");

	return r == EINVAL ? 0 : r;
}

int remove_device(void)
{
	return dm_raw(dm, DM_DEV_REMOVE, NAME, 0);
}

/* ---- writes ---- */

int device = -1;
static _Alignas(4096) char buf[4096];

static int write_block(uint64_t block)
{
	ssize_t r = pwrite(device, buf, sizeof(buf), block * BLOCK);

	return r < 0 ? errno : r == sizeof(buf) ? 0 : EIO;
}

int write_recorded(void)
{
	return write_block(0);
}

int discard_recorded(void)
{
	uint64_t range[2] = { 0, BLOCK };

	return ioctl(device, BLKDISCARD, range) ? errno : 0;
}

int zero_recorded(void)
{
	uint64_t range[2] = { 0, BLOCK };

	return ioctl(device, BLKZEROOUT, range) ? errno : 0;
}

int read_any(void)
{
	ssize_t r = pread(device, buf, sizeof(buf), 3 * BLOCK);

	return r < 0 ? errno : r == sizeof(buf) ? 0 : EIO;
}

/* The writer writes to a block that is not recorded, in a thread whose allocations do not fail. */
uint64_t writer_block;
pthread_t writer;
int writer_result;

void *writer_main(void *arg)
{
	writer_result = write_block(writer_block);
	return arg;
}

void wait_held(void)
{
	struct pollfd p = { .fd = owner, .events = POLLIN };

	EXPECT(poll(&p, 1, 60000), 1);
}

void start_writer(void)
{
	writer_block = (writer_block + 1) % (SECTORS / (BLOCK / 512));
	EXPECT(pthread_create(&writer, NULL, writer_main, NULL), 0);
	wait_held();
}

void finish_writer(int want)
{
	EXPECT(pthread_join(writer, NULL), 0);
	EXPECT(writer_result, want);
}

/* ---- messages ---- */

static pthread_t sender;
static int sender_result;

static void *sender_main(void *arg)
{
	sender_result = dm_raw_message(dm, NAME, "take_metadata_snap");
	return arg;
}

void start_sender(void)
{
	struct pollfd p = { .fd = owner, .events = POLLPRI };

	message_id = 0;
	EXPECT(pthread_create(&sender, NULL, sender_main, NULL), 0);
	/* Earlier events also wake poll(), until info() has reported them. */
	do {
		EXPECT(poll(&p, 1, 60000), 1);
		EXPECT(info(), 0);
	} while (!(last_info.status & ERAD_MESSAGE));
}

void finish_sender(void)
{
	EXPECT(pthread_join(sender, NULL), 0);
	EXPECT(sender_result, SENDER_ERROR);
}
