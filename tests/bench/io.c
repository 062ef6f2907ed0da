// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The load of the benchmarks: direct I/O of one size to the slots of a device, each slot equally
 * often. Measures how long the requests take.
 *
 * usage: io [OPTION]... DEVICE
 *
 * --read          reads instead of writes
 * --size BYTES    size of a request (4096)
 * --stride BYTES  distance from the start of a slot to the start of the next (the size)
 * --first N       the first slot (0)
 * --slots N       number of slots (all that the device has)
 * --count N       number of requests (one for each slot)
 * --random        the slots in a random order, which is the same each time
 * --depth N       number of requests at the same time (1)
 * --message TEXT  sends the message to the device instead of requests, one at a time
 * --meanwhile N   sends the message N times, from another process, during the requests
 *
 * Prints one line, in nanoseconds: the time of all requests divided by their number, and the
 * median, the 99th percentile and the longest time of a request. With --meanwhile prints another
 * line, for the messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <liburing.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#define HUGE_PAGE	(2u << 20)

struct load {
	const char *device;
	const char *message;
	int fd;
	bool read;
	bool random;
	uint64_t size;
	uint64_t stride;
	uint64_t first;
	uint64_t slots;
	uint64_t count;
	unsigned int depth;
	uint64_t meanwhile;
	void *buf;
	size_t buf_size;
	uint64_t *took;		/* time of each request in ns */
	uint64_t all;		/* time from the first request to the end of the last one, in ns */
	pid_t child;		/* process that sends the messages of --meanwhile */
};

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "io: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * Returns the offset of the n-th request. The random order comes from a linear congruential
 * generator, whose period is the smallest power of two that is not smaller than the number of
 * slots. Numbers that are not slots are skipped, so each period contains each slot once.
 */
static uint64_t offset_of(const struct load *l, uint64_t n)
{
	static uint64_t x;
	uint64_t period = 1;

	if (!l->random)
		return (l->first + n % l->slots) * l->stride;
	while (period < l->slots)
		period *= 2;
	do
		x = (x * 1664525 + 1013904223) % period;
	while (x >= l->slots);
	return (l->first + x) * l->stride;
}

static void check(const struct load *l, int64_t got)
{
	if (got != (int64_t)l->size)
		die(l->device, got < 0 ? -got : EIO);
}

/* Makes one request at a time, with the system call that an application would use. */
static void run_single(struct load *l)
{
	for (uint64_t i = 0; i < l->count; i++) {
		uint64_t offset = offset_of(l, i), began = now();
		ssize_t got = l->read ? pread(l->fd, l->buf, l->size, offset) : pwrite(l->fd, l->buf, l->size, offset);

		l->took[i] = now() - began;
		check(l, got < 0 ? -errno : got);
		if (l->meanwhile && i == l->count / 10)
			kill(l->child, SIGCONT);
	}
}

static void run_many(struct load *l)
{
	struct io_uring ring;
	uint64_t submitted = 0, completed = 0;
	int ret = io_uring_queue_init(l->depth, &ring, 0);

	if (ret)
		die("io_uring_queue_init", -ret);
	while (completed < l->count) {
		struct io_uring_cqe *cqe;

		while (submitted < l->count && submitted - completed < l->depth) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			if (l->read)
				io_uring_prep_read(sqe, l->fd, l->buf, l->size, offset_of(l, submitted));
			else
				io_uring_prep_write(sqe, l->fd, l->buf, l->size, offset_of(l, submitted));
			io_uring_sqe_set_data64(sqe, submitted);
			l->took[submitted++] = now();
		}
		ret = io_uring_submit_and_wait(&ring, 1);
		if (ret < 0)
			die("io_uring_submit_and_wait", -ret);
		while (!io_uring_peek_cqe(&ring, &cqe)) {
			uint64_t i = io_uring_cqe_get_data64(cqe);

			check(l, cqe->res);
			l->took[i] = now() - l->took[i];
			io_uring_cqe_seen(&ring, cqe);
			if (l->meanwhile && completed == l->count / 10)
				kill(l->child, SIGCONT);
			completed++;
		}
	}
	io_uring_queue_exit(&ring);
}

static void run_messages(struct load *l)
{
	for (uint64_t i = 0; i < l->count; i++) {
		struct dm_task *task = dm_task_create(DM_DEVICE_TARGET_MSG);
		uint64_t began;

		if (!task || !dm_task_set_name(task, l->device) || !dm_task_set_sector(task, 0) ||
		    !dm_task_set_message(task, l->message))
			die("the message", ENOMEM);
		began = now();
		if (!dm_task_run(task))
			die(l->message, dm_task_get_errno(task));
		l->took[i] = now() - began;
		dm_task_destroy(task);
	}
}

/* Allocates huge pages, so that a request has the same segments in each run. */
static void make_buffer(struct load *l)
{
	l->buf_size = (l->size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	l->buf = mmap(NULL, l->buf_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (l->buf == MAP_FAILED)
		die("huge pages, vm.nr_hugepages", errno);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t number(const char *option, const char *value)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(value, &end, 0);
	if (errno || *end || end == value) {
		fprintf(stderr, "io: --%s: got '%s', expected a number\n", option, value);
		exit(2);
	}
	return n;
}

static void parse(struct load *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "read", no_argument, NULL, 'r' },	{ "random", no_argument, NULL, 'x' },
		{ "size", required_argument, NULL, 's' }, { "stride", required_argument, NULL, 't' },
		{ "first", required_argument, NULL, 'f' }, { "slots", required_argument, NULL, 'n' },
		{ "count", required_argument, NULL, 'c' }, { "depth", required_argument, NULL, 'd' },
		{ "message", required_argument, NULL, 'm' }, { "meanwhile", required_argument, NULL, 'w' },
		{ }
	};
	int c, index;

	while ((c = getopt_long(argc, argv, "", options, &index)) != -1) {
		switch (c) {
		case 'r':
			l->read = true;
			break;
		case 'x':
			l->random = true;
			break;
		case 's':
			l->size = number("size", optarg);
			break;
		case 't':
			l->stride = number("stride", optarg);
			break;
		case 'f':
			l->first = number("first", optarg);
			break;
		case 'n':
			l->slots = number("slots", optarg);
			break;
		case 'c':
			l->count = number("count", optarg);
			break;
		case 'd':
			l->depth = number("depth", optarg);
			break;
		case 'm':
			l->message = optarg;
			break;
		case 'w':
			l->meanwhile = number("meanwhile", optarg);
			break;
		default:
			exit(2);
		}
	}
	if (optind + 1 != argc || !l->size || !l->depth || (l->meanwhile && !l->message)) {
		fputs("usage: io [OPTION]... DEVICE\n", stderr);
		exit(2);
	}
	l->device = argv[optind];
}

static void await_stop(struct load *l)
{
	int status;

	if (waitpid(l->child, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
		die("the messages", EIO);
}

static void run(struct load *l)
{
	const uint64_t began = now();

	if (l->message && !l->meanwhile)
		run_messages(l);
	else if (l->depth == 1)
		run_single(l);
	else
		run_many(l);
	l->all = now() - began;
}

static void print(struct load *l)
{
	qsort(l->took, l->count, sizeof(*l->took), by_value);
	printf("%.1f %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (double)l->all / l->count, l->took[l->count / 2],
	       l->took[l->count * 99 / 100], l->took[l->count - 1]);
	fflush(stdout);
}

/*
 * A child process sends the messages, because this process waits for its own requests.  The child
 * is started, and has sent one message, before the first request.  The child ends after the last
 * request.  So the requests are delayed only by the messages, and not by the start or the end of
 * the child.
 */
static void start_messages(struct load *l)
{
	struct load messages = *l;

	l->child = fork();
	if (l->child < 0)
		die("fork", errno);
	if (l->child) {
		await_stop(l);
		return;
	}
	/*
	 * Lower the priority, so that on one processor the work of this process does not delay the
	 * requests.  Do this only if one request is sent at a time: with several requests at a
	 * time, the processor is never idle, and a process of low priority would never run.
	 */
	if (l->depth == 1 && nice(19) < 0)
		die("nice", errno);
	messages.count = 1;
	messages.meanwhile = 0;
	run(&messages);
	messages.count = l->meanwhile;
	raise(SIGSTOP);
	run(&messages);
	raise(SIGSTOP);
	print(&messages);
	exit(0);
}

static void end_messages(struct load *l)
{
	int status;

	await_stop(l);
	kill(l->child, SIGCONT);
	if (waitpid(l->child, &status, 0) < 0 || status)
		die("the messages", EIO);
}

int main(int argc, char **argv)
{
	struct load l = { .size = 4096, .depth = 1 };
	uint64_t bytes;

	parse(&l, argc, argv);
	l.fd = open(l.device, (l.read ? O_RDONLY : O_WRONLY) | O_DIRECT | O_CLOEXEC);
	if (l.fd < 0 || ioctl(l.fd, BLKGETSIZE64, &bytes))
		die(l.device, errno);
	l.stride = l.stride ? l.stride : l.size;
	l.slots = l.slots ? l.slots : bytes / l.stride - l.first;
	l.count = l.count ? l.count : l.slots;
	l.took = calloc(l.count > l.meanwhile ? l.count : l.meanwhile, sizeof(*l.took));
	if (!l.took)
		die("memory", ENOMEM);
	make_buffer(&l);
	/* Touch the memory before the clock starts. */
	memset(l.took, 0xff, l.count * sizeof(*l.took));

	if (l.meanwhile)
		start_messages(&l);
	run(&l);
	print(&l);
	if (l.meanwhile)
		end_messages(&l);
	free(l.took);
	munmap(l.buf, l.buf_size);
	close(l.fd);
	return 0;
}
