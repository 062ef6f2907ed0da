// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A verifying load: random writes, discards and zeroes.  Fails on any I/O error.  At the end, reads
 * back the data that it has written.  Prints the blocks that it has touched in the format of `eractl
 * diff --format ranges`.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096u
#define MAX_PAGES	64u		/* longest write, in pages */

static const char *device;
static uint64_t size;			/* size of the device in bytes */
static uint64_t block = 65536;
static unsigned int nr_threads = 4;
static double seconds = 2;
/* how many operations each thread does; 0: until the time is over */
static unsigned long max_writes;
static uint64_t seed = 1;
static bool discards;
static bool say_done;
static int log_fd = -1;
static volatile sig_atomic_t stopped;

static uint8_t *touched;		/* one byte for each block: whether it was touched */
static uint64_t *stamps;		/* the content of each page; 0: not written, or zeroed */

struct thread {
	pthread_t id;
	unsigned int index;
	unsigned long writes;
	uint64_t rng;
	int error;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Returns the time in microseconds since 1970, like EPOCHREALTIME of bash, as an integer. */
static unsigned long long wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static uint64_t next(uint64_t *s)	/* This is splitmix64. */
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void fill_page(uint64_t *buf, uint64_t page, uint64_t stamp)
{
	for (unsigned int i = 0; i < PAGE / 8; i++)
		buf[i] = stamp ? stamp ^ (page << 20) ^ i : 0;
}

static void touch(uint64_t page, uint64_t nr)
{
	for (uint64_t b = page * PAGE / block; b <= ((page + nr) * PAGE - 1) / block; b++)
		__atomic_store_n(&touched[b], 1, __ATOMIC_RELAXED);
}

/* Each thread writes its own pages, so that the expected content of each page is known. */
static void *write_pages(void *arg)
{
	struct thread *t = arg;
	uint64_t pages = size / PAGE / nr_threads, base = t->index * pages;
	double end = now() + seconds;
	uint64_t *buf;
	int fd = open(device, O_RDWR | O_DIRECT);

	if (fd < 0 || posix_memalign((void **)&buf, PAGE, MAX_PAGES * PAGE)) {
		t->error = errno;
		return NULL;
	}
	while (!stopped && now() < end && !(max_writes && t->writes >= max_writes)) {
		const unsigned long long began = wall_clock();
		uint64_t kind = next(&t->rng) % 100;
		uint64_t nr = kind < 70 ? 1 : 1 + next(&t->rng) % MAX_PAGES;
		uint64_t page, range[2], stamp = 0;
		long r;

		if (nr > pages)
			nr = pages;
		page = base + next(&t->rng) % (pages - nr + 1);
		range[0] = page * PAGE;
		range[1] = nr * PAGE;
		touch(page, nr);
		if (discards && kind >= 95) {
			r = ioctl(fd, BLKZEROOUT, range);
		} else if (discards && kind >= 90) {
			r = ioctl(fd, BLKDISCARD, range);
			/*
			 * write zeros, because the device decides what a read of a discarded page
			 * returns
			 */
			if (!r)
				r = ioctl(fd, BLKZEROOUT, range);
		} else {
			stamp = next(&t->rng) | 1;
			for (uint64_t i = 0; i < nr; i++)
				fill_page(buf + i * PAGE / 8, page + i, stamp);
			r = pwrite(fd, buf, range[1], range[0]) == (long)range[1] ? 0 : -1;
		}
		if (r) {
			fprintf(stderr, "load: write of %llu bytes at %llu: %s\n",
				(unsigned long long)range[1], (unsigned long long)range[0],
				strerror(errno));
			t->error = errno ?: EIO;
			break;
		}
		for (uint64_t i = 0; i < nr; i++)
			stamps[page + i] = stamp;
		t->writes++;
		if (log_fd >= 0) {
			dprintf(log_fd, "w %llu %llu %llu %llu\n", began, wall_clock(),
				(unsigned long long)range[0], (unsigned long long)range[1]);
		}
		if (say_done) {
			dprintf(STDOUT_FILENO, "done %llu %llu\n",
				(unsigned long long)range[0], (unsigned long long)range[1]);
		}
	}
	free(buf);
	close(fd);
	return NULL;
}

/* Compares the pages that contain data of this load.  Skips zeroed pages. */
static int verify(void)
{
	uint64_t *got, want[PAGE / 8];
	int fd = open(device, O_RDONLY | O_DIRECT);

	if (fd < 0 || posix_memalign((void **)&got, PAGE, PAGE))
		return errno;
	for (uint64_t page = 0; page < size / PAGE; page++) {
		if (!stamps[page])
			continue;
		if (pread(fd, got, PAGE, page * PAGE) != PAGE) {
			fprintf(stderr, "load: read at %llu: %s\n",
				(unsigned long long)page * PAGE, strerror(errno));
			return EIO;
		}
		fill_page(want, page, stamps[page]);
		if (memcmp(got, want, PAGE)) {
			fprintf(stderr, "load: at %llu: got other data than was written last\n",
				(unsigned long long)page * PAGE);
			return EIO;
		}
	}
	close(fd);
	free(got);
	return 0;
}

static void print_touched(void)
{
	uint64_t nr = (size + block - 1) / block, first;

	for (uint64_t b = 0; b < nr; b++) {
		uint64_t end;

		if (!touched[b])
			continue;
		for (first = b; b < nr && touched[b]; b++)
			;
		end = b * block < size ? b * block : size;
		printf("%llu %llu\n", (unsigned long long)(first * block),
		       (unsigned long long)(end - first * block));
	}
}

static void usage(void)
{
	fputs("usage: load [-t THREADS] [-s SECONDS] [-n WRITES] [-r SEED] [-b BLOCK] [-d] [-p] [-w FILE] DEVICE\n"
	      "  -d  also discard and zero; -p  print a line for each write when it has completed\n"
	      "  -w  append a line \"w BEGAN ENDED OFFSET LENGTH\" for each write, in microseconds and bytes\n"
	      "SIGTERM ends the load before SECONDS are over.\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	unsigned long writes = 0;
	struct thread *threads;
	int c, fd, error = 0;

	while ((c = getopt(argc, argv, "t:s:n:r:b:dpw:")) != -1) {
		switch (c) {
		case 't':
			nr_threads = atoi(optarg);
			break;
		case 's':
			seconds = atof(optarg);
			break;
		case 'n':
			max_writes = atol(optarg);
			break;
		case 'r':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			block = strtoull(optarg, NULL, 0);
			break;
		case 'd':
			discards = true;
			break;
		case 'p':
			say_done = true;
			break;
		case 'w':
			log_fd = open(optarg, O_WRONLY | O_CREAT | O_APPEND, 0600);
			if (log_fd < 0) {
				perror(optarg);
				return 1;
			}
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1 || !nr_threads || !block)
		usage();
	device = argv[optind];
	fd = open(device, O_RDONLY);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size)) {
		fprintf(stderr, "load: %s: %s\n", device, strerror(errno));
		return 1;
	}
	close(fd);
	touched = calloc(size / block + 1, 1);
	stamps = calloc(size / PAGE + 1, sizeof(*stamps));
	threads = calloc(nr_threads, sizeof(*threads));
	if (!touched || !stamps || !threads)
		return 1;

	signal(SIGTERM, stop);
	for (unsigned int i = 0; i < nr_threads; i++) {
		threads[i].index = i;
		threads[i].rng = seed * 1000 + i;
		if (pthread_create(&threads[i].id, NULL, write_pages, &threads[i]))
			return 1;
	}
	for (unsigned int i = 0; i < nr_threads; i++) {
		pthread_join(threads[i].id, NULL);
		writes += threads[i].writes;
		if (threads[i].error)
			error = threads[i].error;
	}
	if (!error)
		error = verify();
	print_touched();
	fprintf(stderr, "load: %lu writes%s%s\n", writes, error ? ", failed: " : ", no error",
		error ? strerror(error) : "");
	return error ? 1 : 0;
}
