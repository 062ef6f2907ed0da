// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes the seeds of the targets that read metadata. The store writes some small histories, which
 * are converted to inputs as image.h describes.
 *
 * usage: seeds DIRECTORY		the files go to DIRECTORY/{super,journal,image}
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "image.h"
#include "store/history.h"
#include "store/journal.h"

static const char *dir;

static void save(const struct mem *m, const char *target, enum image_part parts, const char *name,
		 uint8_t choice)
{
	const struct image_head head = {
		.pages = m->size / ERAD_PAGE + 4, .choice = { choice, 11, 77 | (choice & 0x10) << 3 },
	};
	static uint8_t data[MEM_PAGES * ERAD_PAGE];
	char path[4096];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, target);
	expect(!mkdir(path, 0777) || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, target, name);
	len = image_encode(m, &head, parts, data, sizeof(data));
	f = fopen(path, "w");
	expect(f && fwrite(data, 1, len, f) == len && !fclose(f));
}

static void save_all(const struct mem *m, const char *name, uint8_t choice)
{
	save(m, "super", IMAGE_SUPER, name, choice);
	save(m, "journal", IMAGE_SUPER | IMAGE_JOURNAL, name, choice);
	save(m, "image", IMAGE_ALL, name, choice);
}

static struct store *open_store(struct mem *m)
{
	struct store *s;

	expect(!store_open(mem_engine(m), STORE_WRITE, &s, NULL));
	return s;
}

static void mark(struct store *s, uint64_t first, uint32_t len, unsigned int nr)
{
	struct erad_range r;

	for (; nr; nr--, first += 2 * len) {
		r = (struct erad_range){ .first = first, .len = len };
		expect(!store_mark(s, &r, 1, NULL));
	}
}

/* Appends a group of two pages.  The store would not need two pages for a volume of this size. */
static void append_group(struct mem *m, uint64_t seq)
{
	static _Alignas(ERAD_PAGE) struct erad_disk_journal group[2];
	struct journal j = {
		.e = mem_engine(m), .start = ERAD_JOURNAL_START, .pages = IMAGE_RING,
		.nr_blocks = IMAGE_BLOCKS,
	};

	memcpy(j.uuid, image_geometry.uuid, sizeof(j.uuid));
	journal_encode(&group[0], &(struct run){ 3, 5 }, 1);
	journal_encode(&group[1], &(struct run){ 300, 400 }, 1);
	journal_number(&j, group, 2, seq, 1, ERAD_J_MARK);
	expect(!journal_write(&j, group, 2, seq, false));
	engine_destroy(j.e);
}

int main(int argc, char **argv)
{
	static struct mem m;
	static const uint8_t seal[ERAD_HISTORY_SEAL] = { 1, 2 };
	uint8_t record[ERAD_SECTOR];
	struct store *s;
	uint64_t sector;
	unsigned int i;

	expect(argc == 2);
	dir = argv[1];
	image_format(&m);
	for (i = 0; i < 2; i++) {
		struct erad_disk_super *sb = (void *)(m.image + i * ERAD_PAGE);

		/* Make metadata as the old version of erad, which had no history, made it. */
		sb->incompat = 0;
		sb->journal_start = htole64(ERAD_JOURNAL_START_OLD);
		sb->journal_pages = htole64(IMAGE_RING + ERAD_JOURNAL_START - ERAD_JOURNAL_START_OLD);
	}
	save_all(&m, "old", 0x1f);
	image_format(&m);
	save_all(&m, "new", 0x07);

	s = open_store(&m);
	expect(!store_begin_era(s, 1, NULL));
	mark(s, 0, 1, 3);
	mark(s, 992 - 8, 16, 1);
	store_close(s, false, NULL);
	append_group(&m, 5);
	save_all(&m, "journal-only", 0x87);

	s = open_store(&m);
	expect(!store_begin_era(s, 2, NULL));
	mark(s, 100, 30, 2);
	save_all(&m, "two-eras", 0x0f);
	expect(!store_fold(s, NULL));
	expect(!store_begin_snapshot(s, 3, true, NULL));
	expect(!store_fold(s, NULL));
	mark(s, 110, 200, 1);
	expect(!store_fold(s, NULL));
	mark(s, 5, 3, 2);
	save_all(&m, "snapshot", 0x17);
	save(&m, "image", IMAGE_ALL, "snapshot-dropped", 0x2f);
	save(&m, "image", IMAGE_ALL, "snapshot-busy", 0x0f);
	expect(!store_close(s, true, NULL));
	save_all(&m, "clean", 0xce);

	s = open_store(&m);
	expect(!store_resize(s, 700 * 8, NULL));
	expect(!store_drop_snapshot(s, NULL));
	for (i = 4; i < 20; i++) {
		expect(!store_begin_era(s, i, NULL));
		mark(s, i * 30, 20, 1);
	}
	store_close(s, false, NULL);
	save_all(&m, "resized", 0x93);

	s = open_store(&m);
	expect(!store_degrade_record(s, &sector, record));
	store_close(s, false, NULL);
	memcpy(m.image + sector * ERAD_SECTOR, record, sizeof(record));
	save_all(&m, "degraded", 0x17);
	s = open_store(&m);
	expect(!store_set_floor(s, NULL));
	expect(!store_begin_era(s, 20, NULL));
	save_all(&m, "floor", 0x87);
	expect(!store_degrade_record(s, &sector, record));
	expect(!store_clear_degraded(s, NULL));
	mark(s, 40, 3, 2);
	store_close(s, false, NULL);
	save_all(&m, "floor-only", 0x1f);

	s = open_store(&m);
	expect(!store_gap(s, ERAD_GAP_CLOSED, "the first MiB", NULL));
	expect(!store_new_timeline(s, 77, NULL, NULL));
	expect(!store_begin_era(s, 21, NULL));
	mark(s, 40, 3, 2);
	save_all(&m, "history", 0x1f);
	expect(!store_close_sealed(s, seal, NULL));
	save_all(&m, "sealed", 0x87);
	return 0;
}
