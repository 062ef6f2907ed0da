// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures the CPU time and the memory of each operation on metadata, with growing devices and
 * growing numbers of changed blocks.
 *
 * usage: scale DIRECTORY; the metadata is a sparse file there.
 *
 * Prints a table. With --values prints lines for tests/bench/table: the costs of opening metadata
 * with a full journal, and the costs that grow with the device and the marked blocks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

#define BLOCK_SECTORS	128u	/* 64 KiB in sectors */
#define NR_BATCHES	10u	/* usual number of batches; each contains ERAD_MAX_RANGES blocks */

enum step { CREATE, OPEN, MARK, RECOVER, CHECKPOINT, DIGEST, DIFF, CLOSE, NR_STEPS };

static const char *const step_name[NR_STEPS] = {
	"create", "open", "mark", "recover", "checkpoint", "digest", "diff", "close",
};

struct bench {
	const char *path;
	unsigned int nr_batches;	/* number of batches to mark, if until_full is false */
	bool until_full;		/* whether to mark until the journal is full */
	struct store *store;
	struct err err;
	double ms[NR_STEPS];
	double began;
};

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void begin_step(struct bench *b)
{
	b->began = cpu_ms();
}

static void end_step(struct bench *b, enum step step, int ret)
{
	b->ms[step] += cpu_ms() - b->began;
	if (ret) {
		fprintf(stderr, "scale: %s: %s\n", step_name[step], b->err.msg);
		unlink(b->path);
		exit(1);
	}
}

static void create(struct bench *b, const struct store_geometry *g)
{
	struct engine *e = NULL;
	uint64_t written, size = store_size(g, &written);
	int ret;

	begin_step(b);
	ret = engine_create_file(b->path, size, written, NULL, &b->err);
	if (!ret)
		ret = engine_open(b->path, ENGINE_WRITE, &e, &b->err);
	if (!ret)
		ret = store_format(e, g, NULL, NULL, &b->err);
	engine_destroy(e);
	end_step(b, CREATE, ret);
}

static void open_store(struct bench *b, enum step step)
{
	struct engine *e;
	int ret;

	begin_step(b);
	ret = engine_open(b->path, ENGINE_WRITE, &e, &b->err);
	if (!ret)
		ret = store_open(e, STORE_WRITE, &b->store, &b->err);
	end_step(b, step, ret);
}

static void close_store(struct bench *b, bool clean)
{
	begin_step(b);
	end_step(b, CLOSE, store_close(b->store, clean, &b->err));
}

static void begin_era(struct bench *b, uint32_t era)
{
	begin_step(b);
	end_step(b, CHECKPOINT, store_begin_era(b->store, era, &b->err));
}

/*
 * Returns whether the journal may have no room for the next batch, so that the next mark may fold.
 */
static bool is_full(struct bench *b)
{
	struct store_info info;

	store_info(b->store, &info);
	return info.journal_pages - info.journal_used < 8;
}

/* Marks single blocks, at random places if scattered, otherwise one after the other. */
static void mark(struct bench *b, uint64_t nr_blocks, bool scattered)
{
	struct erad_range r[ERAD_MAX_RANGES];
	uint64_t next = 0;
	unsigned int i, k;

	for (i = 0; b->until_full ? !is_full(b) : i < b->nr_batches; i++) {
		for (k = 0; k < ERAD_MAX_RANGES; k++, next++) {
			const uint64_t at = (uint64_t)lrand48() << 31 | lrand48();

			r[k] = (struct erad_range){ .first = scattered ? at % nr_blocks : next };
			r[k].len = 1;
		}
		begin_step(b);
		end_step(b, MARK, store_mark(b->store, r, ERAD_MAX_RANGES, &b->err));
	}
}

static int count(void *ctx, uint64_t first, uint64_t len)
{
	(void)first;
	*(uint64_t *)ctx += len;
	return 0;
}

static uint64_t diff(struct bench *b, uint32_t since)
{
	uint64_t blocks = 0;

	begin_step(b);
	end_step(b, DIFF, store_diff(b->store, since, count, &blocks, &b->err));
	return blocks;
}

static void print_size(double bytes)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	unsigned int i;

	bytes /= 1024;
	for (i = 0; bytes >= 1024 && i + 1 < sizeof(unit) / sizeof(unit[0]); i++)
		bytes /= 1024;
	printf("%6.1f %s", bytes, unit[i]);
}

/* Measures all operations on new metadata. Returns how many blocks have changed. */
static uint64_t live(struct bench *b, uint64_t device, bool scattered)
{
	const struct store_geometry g = {
		.uuid = { 1 }, .nr_sectors = device / 512, .block_sectors = BLOCK_SECTORS,
	};
	uint64_t blocks;

	srand48(1);
	unlink(b->path);
	create(b, &g);
	open_store(b, OPEN);
	begin_era(b, 1);
	mark(b, g.nr_sectors / BLOCK_SECTORS, scattered);
	close_store(b, false);
	b->ms[CLOSE] = 0;
	open_store(b, RECOVER);
	if (b->until_full) {
		close_store(b, false);
		return 0;
	}
	b->ms[CHECKPOINT] = 0;
	begin_era(b, 2);
	begin_step(b);
	end_step(b, DIGEST, store_fold(b->store, &b->err));
	blocks = diff(b, 1);
	close_store(b, true);
	return blocks;
}

static void row(const char *path, uint64_t device, bool scattered)
{
	struct bench b = { .path = path, .nr_batches = NR_BATCHES };
	struct rusage usage;
	struct stat st;
	uint64_t blocks;
	unsigned int i;

	blocks = live(&b, device, scattered);
	stat(path, &st);
	unlink(path);
	getrusage(RUSAGE_SELF, &usage);

	print_size(device);
	printf("  %-9s %7" PRIu64, scattered ? "scattered" : "in a row", blocks);
	for (i = 0; i < NR_STEPS; i++)
		printf(" %10.1f", b.ms[i]);
	printf("  ");
	print_size(st.st_size);
	printf(" ");
	print_size(st.st_blocks * 512.0);
	printf(" ");
	print_size(usage.ru_maxrss * 1024.0);
	printf("\n");
}

static void print_values(const char *path)
{
	static const struct {
		const char *name;
		uint64_t device;
	} full[] = { { "activation_1m", 1ULL << 36 }, { "activation_1g", 1ULL << 46 } };
	unsigned int i;

	for (i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		struct bench b = { .path = path, .until_full = true };

		live(&b, full[i].device, true);
		printf("%s erad %.3f\n", full[i].name, b.ms[RECOVER]);
	}
	for (i = 36; i <= 50; i += 2) {
		struct bench b = { .path = path, .nr_batches = NR_BATCHES };

		live(&b, 1ULL << i, true);
		printf("growth device %llu open %.3f\n", 1ULL << i, b.ms[RECOVER]);
		printf("growth device %llu digest %.3f\n", 1ULL << i, b.ms[DIGEST]);
		printf("growth device %llu diff %.3f\n", 1ULL << i, b.ms[DIFF]);
	}
	for (i = 1; i <= 256; i *= 2) {
		struct bench b = { .path = path, .nr_batches = i };
		const uint64_t blocks = live(&b, 1ULL << 40, true);

		printf("growth blocks %" PRIu64 " mark %.3f\n", blocks, b.ms[MARK]);
		printf("growth blocks %" PRIu64 " open %.3f\n", blocks, b.ms[RECOVER]);
		printf("growth blocks %" PRIu64 " digest %.3f\n", blocks, b.ms[DIGEST]);
		printf("growth blocks %" PRIu64 " diff %.3f\n", blocks, b.ms[DIFF]);
	}
	unlink(path);
}

int main(int argc, char **argv)
{
	static const uint64_t device[] = { 1ULL << 40, 1ULL << 44, 1ULL << 48, 1ULL << 50 };
	const bool values = argc == 3 && !strcmp(argv[1], "--values");
	char path[4096];
	unsigned int i;
	int status;

	if (argc != 2 && !values) {
		fprintf(stderr, "usage: scale [--values] DIRECTORY\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/scale.erad", argv[argc - 1]);
	if (values) {
		print_values(path);
		return 0;
	}
	printf("Metadata of 64 KiB blocks; CPU time in ms\n\n%10s  %-9s %7s", "device", "written",
	       "blocks");
	for (i = 0; i < NR_STEPS; i++)
		printf(" %10s", step_name[i]);
	printf("  %10s %10s %10s\n", "metadata", "allocated", "memory");
	for (i = 0; i < 2 * sizeof(device) / sizeof(device[0]); i++) {
		fflush(stdout);
		/*
		 * Run each measurement in a separate process, because the peak of memory of the
		 * process is measured.
		 */
		if (fork() == 0) {
			row(path, device[i / 2], i % 2);
			return 0;
		}
		if (wait(&status) < 0 || status)
			return 1;
	}
	return 0;
}
