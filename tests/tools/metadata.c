// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes, changes and damages metadata in a file, step by step, with erad's own library.  After
 * damaging metadata, makes its checksums correct again.
 */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/past_note.h"
#include "common/seal.h"
#include "common/table_state.h"
#include "erad_format.h"
#include "store/crc32c.h"
#include "store/history.h"
#include "store/store.h"

static const char *const usage =
	"usage: metadata FILE STEP...\n"
	"  format BLOCKS LAST   blocks of 64 KiB, of the last of them LAST sectors; journal of 16 pages\n"
	"  timeline N           that of the eras that begin from now on\n"
	"  era N                begins it\n"
	"  snapshot N           the same, with a snapshot of what was before\n"
	"  mark FIRST LEN       blocks were written\n"
	"  fold                 the journal goes into the era array\n"
	"  degrade              the module lets all writes pass, and says so in the record; unopened then\n"
	"  floor                all that follows from it: every block counts as written, a new era\n"
	"  close                with a clean end; without it, as after a crash\n"
	"  close-sealed FILE    the same, with a seal of the data in FILE, as erad closes it\n"
	"  snapshot-eras        prints a line \"block era\" for each that the snapshot shows\n"
	"  gone DEVICE          the table note of a close in this boot, with the counter of DEVICE\n"
	"  past DEVICE          the note that DEVICE is on the origin beside the volume\n"
	"  hold                 says so and keeps it open until its input ends\n"
	"  poke PAGE SECTOR ENTRY ERA  writes into a sector of the era array, unopened\n";

#define JOURNAL_PAGES	16
#define BLOCK_SECTORS	128

static const char *path;
static struct store *store;
static struct err err;

static void check(int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "metadata: %s\n", err.msg);
	exit(EXIT_FAILURE);
}

static uint64_t number(char ***arg)
{
	if (!**arg) {
		fputs(usage, stderr);
		exit(2);
	}
	return strtoull(*(*arg)++, NULL, 0);
}

static struct store *opened(void)
{
	struct engine *e;

	if (!store) {
		check(engine_open(path, ENGINE_WRITE, &e, &err));
		e->block_device = true;		/* treat the file like a block device */
		check(store_open(e, STORE_WRITE, &store, &err));
	}
	return store;
}

static void format(uint64_t blocks, uint64_t last)
{
	const struct store_geometry g = {
		.uuid = { 0xe7, 0xad, 3, [15] = 1 },
		.nr_sectors = (blocks - 1) * BLOCK_SECTORS + last,
		.block_sectors = BLOCK_SECTORS, .journal_pages = JOURNAL_PAGES, .chunk_pages = 1,
	};
	struct engine *e;
	uint64_t written, size;

	size = store_size(&g, &written);
	check(engine_create_file(path, size, written, NULL, &err));
	check(engine_open(path, ENGINE_WRITE, &e, &err));
	check(store_format(e, &g, NULL, NULL, &err));
	engine_destroy(e);
}

static int print_eras(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	(void)ctx;
	for (; len; first++, len--)
		printf("%" PRIu64 " %" PRIu32 "\n", first, era);
	return 0;
}

static uint64_t degrade_record(uint8_t *record)
{
	uint64_t sector;

	if (store_degrade_record(opened(), &sector, record)) {
		fputs("metadata: no degrade record\n", stderr);
		exit(EXIT_FAILURE);
	}
	return sector;
}

static void degrade(void)
{
	uint8_t *page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	struct engine *engine;
	uint64_t sector;

	if (!page)
		exit(EXIT_FAILURE);
	memset(page, 0, ERAD_PAGE);
	sector = degrade_record(page);
	store_close(store, false, NULL);
	store = NULL;
	check(engine_open(path, ENGINE_WRITE, &engine, &err));
	if (engine->ops->write(engine, page, sector * ERAD_SECTOR, ERAD_PAGE))
		exit(EXIT_FAILURE);
	engine_destroy(engine);
	free(page);
}

static void raise_floor(void)
{
	uint8_t record[ERAD_SECTOR];
	struct store_info info;

	check(store_set_floor(opened(), &err));
	store_info(store, &info);
	check(store_begin_era(store, info.era + 1, &err));
	degrade_record(record);
	check(store_clear_degraded(store, &err));
}

static void close_sealed(const char *data)
{
	union {
		uint8_t bytes[ERAD_HISTORY_SEAL];
		struct seal seal;
	} page = { };
	struct store_info info;
	int fd;

	if (!data) {
		fputs(usage, stderr);
		exit(2);
	}
	store_info(opened(), &info);
	fd = open(data, O_RDONLY);
	if (fd < 0) {
		perror(data);
		exit(EXIT_FAILURE);
	}
	check(seal_take(fd, info.nr_sectors * ERAD_SECTOR, 7, &page.seal, &err));
	close(fd);
	check(store_close_sealed(store, page.bytes, &err));
	store = NULL;
}

/* Copies the first line of the file to text. */
static void read_line(const char *file, char *text, int room)
{
	FILE *f = fopen(file, "r");

	if (!f || !fgets(text, room, f)) {
		perror(file);
		exit(EXIT_FAILURE);
	}
	fclose(f);
	text[strcspn(text, "\n")] = 0;
}

static void note_gone(const char *device)
{
	struct table_note n = { .version = htole32(TABLE_NOTE_VERSION), .state = htole32(NOTE_GONE) };
	uint64_t written, discarded;
	char file[64], line[512];
	struct stat st;

	if (!device || stat(device, &st)) {
		fputs(usage, stderr);
		exit(2);
	}
	read_line("/proc/sys/kernel/random/boot_id", n.boot, sizeof(n.boot));
	snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/diskseq", major(st.st_rdev), minor(st.st_rdev));
	read_line(file, line, sizeof(line));
	n.origin.diskseq = htole64(strtoull(line, NULL, 10));
	snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/stat", major(st.st_rdev), minor(st.st_rdev));
	read_line(file, line, sizeof(line));
	if (sscanf(line, "%*u %*u %*u %*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64, &written, &discarded) != 2)
		exit(EXIT_FAILURE);
	n.origin.known = htole32(1);
	n.origin.major = htole32(major(st.st_rdev));
	n.origin.minor = htole32(minor(st.st_rdev));
	n.origin.sectors = htole64(written + discarded);
	check(store_set_item(opened(), STORE_TABLE_NOTE, (const uint8_t *)&n, &err));
}

static void note_past(const char *device)
{
	union {
		uint8_t bytes[ERAD_HISTORY_ITEM];
		struct past_note note;
	} item = { .note.version = htole32(PAST_NOTE_VERSION) };

	if (!device) {
		fputs(usage, stderr);
		exit(2);
	}
	snprintf(item.note.text, sizeof(item.note.text), "%s", device);
	check(store_set_item(opened(), STORE_PAST, item.bytes, &err));
}

static void poke(uint64_t page, uint64_t sector, uint64_t entry, uint64_t era)
{
	struct erad_disk_eras *e;
	struct engine *engine;
	char *buf = aligned_alloc(ERAD_PAGE, ERAD_PAGE);

	if (!buf || sector >= ERAD_PAGE / ERAD_SECTOR || entry >= ERAD_ERAS_PER_SECTOR)
		exit(2);
	check(engine_open(path, ENGINE_WRITE, &engine, &err));
	if (engine->ops->read(engine, buf, page * ERAD_PAGE, ERAD_PAGE))
		exit(EXIT_FAILURE);
	e = (struct erad_disk_eras *)buf + sector;
	e->era[entry] = htole32(era);
	e->csum = htole32(crc32c(0, (char *)e + 4, ERAD_SECTOR - 4));
	if (engine->ops->write(engine, buf, page * ERAD_PAGE, ERAD_PAGE))
		exit(EXIT_FAILURE);
	engine_destroy(engine);
	free(buf);
}

int main(int argc, char **argv)
{
	char **arg = argv + 2;

	if (argc < 3) {
		fputs(usage, stderr);
		return 2;
	}
	path = argv[1];
	while (*arg) {
		const char *step = *arg++;

		if (!strcmp(step, "format")) {
			const uint64_t blocks = number(&arg);

			format(blocks, number(&arg));
		} else if (!strcmp(step, "timeline")) {
			check(store_new_timeline(opened(), number(&arg), NULL, &err));
		} else if (!strcmp(step, "era")) {
			check(store_begin_era(opened(), number(&arg), &err));
		} else if (!strcmp(step, "snapshot")) {
			check(store_begin_snapshot(opened(), number(&arg), true, &err));
		} else if (!strcmp(step, "mark")) {
			struct erad_range r = { .first = number(&arg) };

			r.len = number(&arg);
			check(store_mark(opened(), &r, 1, &err));
		} else if (!strcmp(step, "fold")) {
			check(store_fold(opened(), &err));
		} else if (!strcmp(step, "degrade")) {
			degrade();
		} else if (!strcmp(step, "floor")) {
			raise_floor();
		} else if (!strcmp(step, "close")) {
			check(store_close(opened(), true, &err));
			store = NULL;
		} else if (!strcmp(step, "close-sealed")) {
			close_sealed(*arg);
			arg++;
		} else if (!strcmp(step, "snapshot-eras")) {
			check(store_eras(opened(), STORE_SNAPSHOT, print_eras, NULL, NULL, &err));
		} else if (!strcmp(step, "past")) {
			note_past(*arg);
			arg++;
		} else if (!strcmp(step, "gone")) {
			note_gone(*arg);
			arg++;
		} else if (!strcmp(step, "hold")) {
			opened();
			puts("held");
			fflush(stdout);
			while (getchar() != EOF)
				;
		} else if (!strcmp(step, "poke")) {
			const uint64_t page = number(&arg), sector = number(&arg);
			const uint64_t entry = number(&arg);

			poke(page, sector, entry, number(&arg));
		} else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (store)
		store_close(store, false, NULL);
	return 0;
}
