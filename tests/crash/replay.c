// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulates power cuts at every flush, FUA and mark of a dm-log-writes log, and at random moments
 * between them, and checks the metadata after each cut.  Alternatively, writes the devices of one
 * such moment to files.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bringup.h"
#include "expect.h"
#include "files.h"
#include "log.h"
#include "unit/rnd.h"

struct replay {
	struct log log;
	uint64_t origin_size, metadata_size;
	uint8_t *disk;			/* durable content: the origin, then the metadata */
	uint8_t *cut;			/* content after the simulated power cut */
	uint32_t *era;			/* era in which each block is reported after the power cut */
	struct expect expect;
	struct file files[MAX_FILES];
	size_t expected;		/* how many entries were added to the expectation */
	size_t filed;			/* how many entries were added to the expected files */
	/* whether the log contains marks about files, so that there is an ext4 */
	bool any_file;
	uint64_t rng;			/* random state for the cuts; it does not depend on which points are checked */
	uint64_t bringup_rng;
	bool ext4;
	/* whether to ignore all flushes; then the replay must find lost blocks */
	bool no_flush;
	const char *scratch;

	unsigned long points, at_flush, at_fua, at_mark, between, mounted, failed;
	uint64_t lost;

	long emit;			/* the point whose devices are written to files; -1: none */
	const char *into;
};

static uint64_t disk_size(const struct replay *r)
{
	return r->origin_size + r->metadata_size;
}

/*
 * Applies an entry to the disk: all its sectors, or some of them if torn is true.  Writes of an
 * ext4 are torn only between whole pages, because ext4 relies on writes of whole pages.
 */
static void apply(struct replay *r, uint8_t *disk, const struct entry *e, bool torn)
{
	const uint64_t unit = r->ext4 && e->offset < r->origin_size ? 4096 : SECTOR;
	uint64_t at, n;

	for (at = 0; at < e->length; at += n) {
		n = e->length - at < unit ? e->length - at : unit;
		if (torn && rnd_below(&r->rng, 2))
			continue;
		if (e->data)
			memcpy(disk + e->offset + at, e->data + at, n);
		else
			memset(disk + e->offset + at, 0, n);
	}
}

static bool is_durable(const struct entry *e)
{
	return e->kind == ENTRY_FUA || e->kind == ENTRY_FLUSH;
}

static bool write_out(const struct replay *r, const char *what, const uint8_t *data, uint64_t size)
{
	char path[4096];
	uint64_t done = 0;
	bool good;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", r->into, what);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		perror(path);
		return false;
	}
	while (done < size) {
		const ssize_t n = write(fd, data + done, size - done);

		if (n <= 0)
			break;
		done += n;
	}
	good = !close(fd) && done == size;
	if (!good)
		perror(path);
	return good;
}

/*
 * Writes to the directory r->into: origin, metadata, eras (acknowledged and requested), need
 * (offset and era of each block that must be reported), and files (see files_list()). Returns false
 * on an error.
 */
static bool emit(const struct replay *r)
{
	char path[4096];
	uint64_t b;
	FILE *f;

	if (!write_out(r, "origin", r->cut, r->origin_size) ||
	    !write_out(r, "metadata", r->cut + r->origin_size, r->metadata_size))
		return false;
	snprintf(path, sizeof(path), "%s/eras", r->into);
	f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f, "%" PRIu32 " %" PRIu32 "\n", r->expect.acked, r->expect.requested);
	fclose(f);
	snprintf(path, sizeof(path), "%s/need", r->into);
	f = fopen(path, "w");
	if (!f)
		return false;
	for (b = 0; b < r->expect.nr_blocks; b++)
		if (r->expect.need[b])
			fprintf(f, "%" PRIu64 " %" PRIu32 "\n", b * r->expect.block, r->expect.need[b]);
	fclose(f);
	snprintf(path, sizeof(path), "%s/files", r->into);
	return files_list(r->files, path);
}

/*
 * Checks the content in r->cut. If r->emit names a point, writes the devices of this point to files
 * instead. Returns false if the replay must end.
 */
static bool check_cut(struct replay *r, const char *kind, size_t at, bool mount)
{
	bool good;

	if (r->emit >= 0) {
		if ((unsigned long)r->emit != r->points++)
			return true;
		if (!emit(r))
			exit(1);
		return false;
	}
	r->points++;
	good = bringup(r->cut + r->origin_size, r->metadata_size, &r->expect, &r->bringup_rng, r->era, &r->lost);
	if (good && mount) {
		r->mounted++;
		good = files_check(r->cut, r->origin_size, r->files, r->era, r->expect.block, r->scratch,
				   &r->lost);
	}
	if (good)
		return true;
	printf("  ^ at point %lu: %s, entry %zu of %zu, %" PRIu64 " completed writes, era %" PRIu32 "\n",
	       r->points - 1, kind, at, r->log.nr, r->expect.completed, r->expect.acked);
	return ++r->failed < 10;
}

struct group {
	size_t from, end;	/* entries of the group; the flush that ends the group is at `end` */
};

/*
 * Simulates a power cut at entry `at`, which keeps all durable writes. If keep is false, all other
 * writes of the group are lost. If keep is true, each of them is lost, kept or torn at random.
 * Returns false if the replay must end.
 */
static bool point(struct replay *r, const char *kind, size_t at, const struct group *g, bool keep)
{
	/* Check the files only if mkfs has made the ext4. */
	const bool mount = r->ext4 && rnd_below(&r->rng, 16) == 0 && r->any_file;
	const bool wanted = r->emit < 0 || (unsigned long)r->emit == r->points;
	size_t i;

	if (wanted && (mount || r->emit >= 0))
		memcpy(r->cut, r->disk, r->origin_size);
	if (wanted)
		memcpy(r->cut + r->origin_size, r->disk + r->origin_size, r->metadata_size);
	for (i = g->from; keep && i < (r->no_flush ? at : g->end); i++) {
		const struct entry *e = &r->log.entries[i];

		if (e->kind != ENTRY_WRITE && e->kind != ENTRY_DISCARD)
			continue;
		switch (rnd_below(&r->rng, 4)) {
		case 0:
			break;
		case 1:
			apply(r, r->cut, e, e->kind == ENTRY_WRITE);
			break;
		default:
			apply(r, r->cut, e, false);
		}
	}
	return check_cut(r, kind, at, mount);
}

static bool expect_until(struct replay *r, size_t end)
{
	for (; r->expected < end; r->expected++)
		if (!expect_entry(&r->expect, &r->log.entries[r->expected]))
			return false;
	return true;
}

static bool files_until(struct replay *r, size_t end)
{
	for (; r->filed < end; r->filed++) {
		if (!expect_files(r->files, &r->log.entries[r->filed], &r->any_file))
			return false;
	}
	return true;
}

/*
 * Adds to the expected files: all marks about files before the first durable entry after i. Returns
 * false if a mark is wrong.
 */
static bool files_before_next(struct replay *r, const struct group *g, size_t i)
{
	for (i++; i < g->end && !is_durable(&r->log.entries[i]); i++)
		;
	return files_until(r, i);
}

/*
 * Returns up to which entry the marks must be expected if all entries before i are durable: the
 * next durable entry. The marks before it are of writes that were released, so the blocks of these
 * writes are recorded by the entries before i.
 */
static size_t told_until(const struct replay *r, const struct group *g, size_t i)
{
	for (; i < g->end; i++)
		if (r->log.entries[i].kind == ENTRY_FUA)
			return i;
	return g->end < r->log.nr ? g->end + 1 : g->end;
}

/* Checks all points from one flush to the next. Returns false if the replay must end. */
static bool group(struct replay *r, const struct group *g)
{
	size_t last_fua = g->from, i;
	bool writes = false;

	for (i = g->from; i < g->end; i++) {
		if (r->log.entries[i].kind == ENTRY_FUA)
			last_fua = i + 1;
		writes |= r->log.entries[i].kind == ENTRY_WRITE;
	}
	if (!r->no_flush && !expect_until(r, told_until(r, g, g->from)))
		return false;
	for (i = g->from; i < g->end; i++) {
		const struct entry *e = &r->log.entries[i];

		if (!expect_until(r, i + 1) || !files_before_next(r, g, i))
			return false;
		if (e->kind == ENTRY_FUA) {
			apply(r, r->disk, e, false);
			r->at_fua++;
			if (!r->no_flush && !expect_until(r, told_until(r, g, i + 1)))
				return false;
			if (!point(r, "a FUA", i, g, false))
				return false;
		} else if (e->kind == ENTRY_MARK) {
			/*
			 * Keep other writes only at a mark after the last FUA write of the group.
			 * The other writes of the group are logged just before its flush. So the
			 * log does not say whether they were submitted before or after a FUA write
			 * completed. A write that was submitted afterwards cannot be on the disk at
			 * an earlier mark.
			 */
			r->at_mark++;
			if (!point(r, "a mark", i, g, i >= last_fua))
				return false;
		} else if (i >= last_fua && rnd_below(&r->rng, 8) == 0) {
			r->between++;
			if (!point(r, "between flushes", i, g, true))
				return false;
		}
	}
	if (writes) {
		r->between++;
		if (!point(r, "before a flush", g->end, g, true))
			return false;
	}
	for (i = g->from; i < g->end; i++)
		if (r->log.entries[i].kind == ENTRY_WRITE || r->log.entries[i].kind == ENTRY_DISCARD)
			apply(r, r->disk, &r->log.entries[i], false);
	if (g->end == r->log.nr)
		return true;
	apply(r, r->disk, &r->log.entries[g->end], false);
	r->at_flush++;
	return files_before_next(r, &(struct group){ 0, r->log.nr }, g->end) &&
	       point(r, "a flush", g->end, g, false);
}

static bool check_entries(const struct replay *r)
{
	size_t i;

	for (i = 0; i < r->log.nr; i++) {
		const struct entry *e = &r->log.entries[i];

		if (e->kind == ENTRY_MARK ? e->length >= SECTOR : e->offset + e->length > disk_size(r)) {
			fprintf(stderr, "entry %zu of the log lies beyond the devices\n", i);
			return false;
		}
	}
	return true;
}

static void replay_all(struct replay *r)
{
	struct group g;

	for (g.from = 0; g.from < r->log.nr; g.from = g.end + 1) {
		for (g.end = g.from; g.end < r->log.nr; g.end++)
			if (r->log.entries[g.end].kind == ENTRY_FLUSH && !(r->no_flush && r->expect.acked))
				break;
		if (!group(r, &g))
			return;
	}
}

static void usage(void)
{
	fputs("usage: replay [-e] [-x] [-r SEED] [-t DIRECTORY] [-n POINT -o DIRECTORY]\n"
	      "              LOG ORIGIN_SIZE METADATA_SIZE BLOCK_SIZE\n"
	      "  -e  the origin has an ext4; -t  for scratch files\n"
	      "  -x  as if no flush had been done once the volume was there, which must be found to lose blocks\n"
	      "  -n -o  write point number POINT to DIRECTORY; beyond the last, say how many there are\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	struct replay *r = calloc(1, sizeof(*r));
	int c;

	if (!r)
		return 1;
	/* Let malloc() keep its memory: each point allocates the same memory again. */
	mallopt(M_MMAP_THRESHOLD, INT_MAX);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	r->emit = -1;
	r->rng = 1;
	r->scratch = "/tmp";
	while ((c = getopt(argc, argv, "exr:t:n:o:")) != -1) {
		switch (c) {
		case 'e':
			r->ext4 = true;
			break;
		case 'x':
			r->no_flush = true;
			break;
		case 'r':
			r->rng = strtoull(optarg, NULL, 0);
			break;
		case 't':
			r->scratch = optarg;
			break;
		case 'n':
			r->emit = atol(optarg);
			break;
		case 'o':
			r->into = optarg;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 4 || (r->emit >= 0) != !!r->into)
		usage();
	r->origin_size = strtoull(argv[optind + 1], NULL, 0);
	r->metadata_size = strtoull(argv[optind + 2], NULL, 0);
	if (!log_open(&r->log, argv[optind]) || !check_entries(r))
		return 1;
	expect_init(&r->expect, &r->log, r->origin_size, strtoull(argv[optind + 3], NULL, 0));
	r->disk = calloc(1, disk_size(r));
	r->cut = calloc(1, disk_size(r));
	r->era = calloc(r->expect.nr_blocks, sizeof(*r->era));
	if (!r->disk || !r->cut || !r->era)
		return 1;
	replay_all(r);
	if (r->emit >= 0) {
		if (r->points > (unsigned long)r->emit)
			return 0;
		printf("%lu\n", r->points);
		return 1;
	}
	if (r->expected < r->log.nr && !r->failed)
		r->failed = 1;	/* check() has printed the error */
	printf("%lu crash points, %" PRIu64 " lost; %lu at a flush, %lu at a FUA, %lu at a mark, %lu between; ",
	       r->points, r->lost, r->at_flush, r->at_fua, r->at_mark, r->between);
	printf("%" PRIu64 " writes, %" PRIu32 " eras", r->expect.completed, r->expect.acked);
	if (r->ext4)
		printf(", %lu times fsck and files", r->mounted);
	putchar('\n');
	return r->failed ? 1 : 0;
}
