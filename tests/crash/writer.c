// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A random load, on a device or with files on a file system. It writes a mark of dm-log-writes for
 * each completed write, and requests checkpoints.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "expect.h"
#include "files.h"
#include "unit/rnd.h"

#define BUFFER	(256u << 10)
#define LIVE	48u		/* how many files exist at the same time */

static const char *device, *directory, *logger = "clock", *volume = "data";
static uint64_t size;
static unsigned long operations = 1000, every = 100;
static unsigned int nr_threads = 6;
static uint64_t seed = 1;
static bool flushes;

static atomic_uint acked, requested;
static atomic_ulong done;
static atomic_uint next_file;
static atomic_bool failed;
static int dm_fd;

static void give_up(const char *what)
{
	fprintf(stderr, "writer: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * Writes a mark to the log.  In the log, the mark comes before all writes that the caller makes
 * after this call.
 */
__attribute__((format(printf, 1, 2)))
static void mark(const char *fmt, ...)
{
	/*
	 * The request consists of a header, a message and its text.  For the kernel, the offset of
	 * the text counts from the start of the message.
	 */
	uint64_t buffer[(sizeof(struct dm_ioctl) + 512) / 8] = { };
	struct dm_ioctl *io = (struct dm_ioctl *)buffer;
	struct dm_target_msg *msg = (struct dm_target_msg *)(io + 1);
	char *text = (char *)msg + offsetof(struct dm_target_msg, message);
	va_list ap;

	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = sizeof(buffer);
	io->data_start = sizeof(*io);
	snprintf(io->name, sizeof(io->name), "%s", logger);
	strcpy(text, "mark ");
	va_start(ap, fmt);
	vsnprintf(text + 5, 256, fmt, ap);
	va_end(ap);
	if (ioctl(dm_fd, DM_TARGET_MSG, io))
		give_up("mark");
}

/*
 * Returns a random offset for a write of `length` bytes. One offset in four is anywhere. The others
 * are in the first sixteenth, so that its blocks are written again and again.
 */
static uint64_t somewhere(uint64_t *rng, uint64_t length)
{
	const uint64_t room = size - length;

	return rnd_below(rng, rnd_below(rng, 4) ? room / 16 : room) / SECTOR * SECTOR;
}

/*
 * Makes one write. Either flushes and FUA are used or discards, because not every device below
 * supports both. Returns 0, or -1 on an error.
 */
static int one_write(int fd, uint64_t *rng, uint8_t *buffer)
{
	const uint64_t kind = rnd_below(rng, 100);
	const uint32_t lo = atomic_load(&acked);
	uint64_t length = SECTOR * (1 + rnd_below(rng, kind < 60 ? 16 : 192));
	uint64_t range[2] = { somewhere(rng, length), length };
	struct iovec iov = { .iov_base = buffer, .iov_len = length };
	ssize_t r;

	if (flushes && kind >= 76 && kind < 82)
		return fdatasync(fd);
	memset(buffer, (int)kind, length);
	if (kind >= 86)
		r = ioctl(fd, BLKZEROOUT, range);
	else if (kind >= 76 && !flushes)
		r = ioctl(fd, BLKDISCARD, range);
	else
		r = pwritev2(fd, &iov, 1, (off_t)range[0], flushes && kind >= 60 ? RWF_DSYNC : 0) ==
			(ssize_t)length ? 0 : -1;
	if (!r)
		mark("write:%u:%u:%" PRIu64 ":%" PRIu64, lo, atomic_load(&requested), range[0], length);
	return (int)r;
}

static void file_name(char path[4096], unsigned int id)
{
	snprintf(path, 4096, "%s/f%u", directory, id);
}

/*
 * Writes a new file, and removes an old one. Most files are fsynced, and only fsynced files have a
 * mark. Returns 0, or -1 with errno set.
 */
static int one_file(uint64_t *rng, uint8_t *buffer)
{
	const unsigned int id = atomic_fetch_add(&next_file, 1);
	const uint32_t lo = atomic_load(&acked);
	const uint64_t length = 1 + rnd_below(rng, rnd_below(rng, 4) ? 16384 : BUFFER);
	char path[4096];
	uint64_t i;
	int fd, r;

	if (id >= MAX_FILES) {
		errno = EMFILE;
		return -1;
	}
	for (i = 0; i < length; i++)
		buffer[i] = file_byte(id, i);
	file_name(path, id);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, buffer, length) != (ssize_t)length)
		return -1;
	if (rnd_below(rng, 4)) {
		r = fsync(fd);
		if (r)
			return r;
		mark("file:%u:%u:%" PRIu64, lo, id, length);
	}
	close(fd);
	if (id < LIVE)
		return 0;
	file_name(path, id - LIVE);
	mark("unlink:%u", id - LIVE);
	return unlink(path) && errno != ENOENT ? -1 : 0;
}

static void *write_slots(void *arg)
{
	uint64_t rng = seed * 1000 + (uintptr_t)arg;
	uint8_t *buffer = aligned_alloc(4096, BUFFER);
	int fd = -1;

	if (!buffer)
		give_up("memory");
	if (device) {
		fd = open(device, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			give_up(device);
	}
	while (!atomic_load(&failed) && atomic_fetch_add(&done, 1) < operations) {
		if (device ? one_write(fd, &rng, buffer) : one_file(&rng, buffer)) {
			fprintf(stderr, "writer: an operation failed: %s\n", strerror(errno));
			atomic_store(&failed, true);
			break;
		}
	}
	if (fd >= 0)
		close(fd);
	free(buffer);
	return NULL;
}

/*
 * Requests checkpoints until one is acknowledged. If erad is killed, it is not known whether the
 * era has begun. Returns false, after printing an error, if no checkpoint is acknowledged or its
 * era is wrong.
 */
static bool checkpoint(void)
{
	char command[512];
	unsigned int era, tries;
	FILE *f;

	snprintf(command, sizeof(command), "eractl checkpoint '%s'", volume);
	for (tries = 0; tries < 20; tries++) {
		const uint32_t next = atomic_load(&requested) + 1;

		mark("request:%u", next);
		atomic_store(&requested, next);
		f = popen(command, "r");
		if (f && fscanf(f, "%u", &era) == 1 && !pclose(f)) {
			if (era <= atomic_load(&acked) || era > next)
				break;
			atomic_store(&acked, era);
			mark("era:%u", era);
			return true;
		}
		usleep(200000);
	}
	fprintf(stderr, "writer: a checkpoint failed\n");
	return false;
}

static void usage(void)
{
	fputs("usage: writer [-n OPERATIONS] [-t THREADS] [-c OPERATIONS_BETWEEN_CHECKPOINTS] [-r SEED] [-i FIRST_FILE] [-f] -e ERA\n"
	      "              DEVICE|DIRECTORY\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	unsigned long next;
	uintptr_t i;
	int c, fd;

	while ((c = getopt(argc, argv, "n:t:c:r:i:fe:")) != -1) {
		switch (c) {
		case 'n':
			operations = strtoul(optarg, NULL, 0);
			break;
		case 't':
			nr_threads = atoi(optarg);
			break;
		case 'c':
			every = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'i':
			atomic_store(&next_file, (unsigned int)atoi(optarg));
			break;
		case 'f':
			flushes = true;
			break;
		case 'e':
			atomic_store(&acked, (unsigned int)atoi(optarg));
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1 || !nr_threads || nr_threads > 64 || !every || !atomic_load(&acked))
		usage();
	atomic_store(&requested, atomic_load(&acked));
	dm_fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (dm_fd < 0)
		give_up("/dev/mapper/control");
	fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		give_up(argv[optind]);
	if (ioctl(fd, BLKGETSIZE64, &size))
		directory = argv[optind];
	else
		device = argv[optind];
	close(fd);

	for (i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, write_slots, (void *)i))
			give_up("a thread");
	for (next = every; next < operations; next += every) {
		while (atomic_load(&done) < next && !atomic_load(&failed))
			usleep(1000);
		if (atomic_load(&failed) || !checkpoint()) {
			atomic_store(&failed, true);
			break;
		}
	}
	for (i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	printf("%u\n", atomic_load(&acked));
	return atomic_load(&failed) ? 1 : 0;
}
