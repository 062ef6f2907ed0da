// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a random history of one volume.  Several threads write, discard and zero blocks, in eras
 * that begin with a checkpoint, a reload or an open.  Prints "BLOCK ERA" for each block that was
 * touched.  The metadata must contain the same eras.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NR_THREADS	4
#define SECTOR		512u
#define MAX_SECTORS	512u		/* longest operation, in sectors */

static const char *device;
static uint64_t size, block;		/* size of the device and of a block in bytes */
static bool one_block;			/* whether no operation is longer than a block */
static uint32_t era = 1;
static uint32_t *eras;			/* era of each block; if two threads store at the same time, they store the same value */
static void *buffer;

struct thread {
	pthread_t id;
	uint64_t rng;
	int error;
};

static uint64_t next(uint64_t *s)	/* This is splitmix64. */
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static int operation(int fd, uint64_t *rng)
{
	uint64_t sectors = next(rng) % 3 ? 1 + next(rng) % 16 : 1 + next(rng) % MAX_SECTORS;
	uint64_t first = next(rng) % (size / SECTOR), kind = next(rng) % 10;
	uint64_t end, range[2];

	if (sectors > size / SECTOR - first)
		sectors = size / SECTOR - first;
	range[0] = first * SECTOR;
	end = range[0] + sectors * SECTOR;
	if (one_block && end > (range[0] / block + 1) * block)
		end = (range[0] / block + 1) * block;
	range[1] = end - range[0];
	for (uint64_t b = range[0] / block; b <= (end - 1) / block; b++)
		__atomic_store_n(&eras[b], era, __ATOMIC_RELAXED);
	if (kind == 0)
		return ioctl(fd, BLKDISCARD, range) ? errno : 0;
	if (kind == 1)
		return ioctl(fd, BLKZEROOUT, range) ? errno : 0;
	return pwrite(fd, buffer, range[1], range[0]) == (ssize_t)range[1] ? 0 : errno ?: EIO;
}

static void *run_operations(void *arg)
{
	struct thread *t = arg;
	int fd = open(device, O_RDWR | O_DIRECT);

	if (fd < 0) {
		t->error = errno;
		return NULL;
	}
	for (uint64_t n = next(&t->rng) % 8; n && !t->error; n--)
		t->error = operation(fd, &t->rng);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct thread threads[NR_THREADS];
	uint64_t rng, nr_eras;
	int fd;

	if (argc < 6) {
		fputs("usage: oracle one|many SEED BLOCK DEVICE COMMAND...\n"
		      "  one: each operation stays within one block.  Each COMMAND must begin a new era.\n", stderr);
		return 2;
	}
	one_block = !strcmp(argv[1], "one");
	rng = strtoull(argv[2], NULL, 0);
	block = strtoull(argv[3], NULL, 0);
	device = argv[4];
	fd = open(device, O_RDONLY);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) || !block) {
		fprintf(stderr, "oracle: %s: %s\n", device, strerror(errno));
		return 1;
	}
	close(fd);
	eras = calloc(size / block + 1, sizeof(*eras));
	if (!eras || posix_memalign(&buffer, 4096, MAX_SECTORS * SECTOR))
		return 1;
	memset(buffer, 'o', MAX_SECTORS * SECTOR);

	nr_eras = 2 + next(&rng) % 6;
	while (era <= nr_eras) {
		const char *command = argv[5 + next(&rng) % (argc - 5)];

		for (unsigned int i = 0; i < NR_THREADS; i++) {
			threads[i] = (struct thread){ .rng = next(&rng) };
			if (pthread_create(&threads[i].id, NULL, run_operations, &threads[i]))
				return 1;
		}
		for (unsigned int i = 0; i < NR_THREADS; i++) {
			pthread_join(threads[i].id, NULL);
			if (threads[i].error) {
				fprintf(stderr, "oracle: era %u: %s\n", era, strerror(threads[i].error));
				return 1;
			}
		}
		if (system(command)) {
			fprintf(stderr, "oracle: era %u: failed: %s\n", era, command);
			return 1;
		}
		era++;
	}
	for (uint64_t b = 0; b * block < size; b++) {
		if (eras[b])
			printf("%llu %u\n", (unsigned long long)b, eras[b]);
	}
	return 0;
}
