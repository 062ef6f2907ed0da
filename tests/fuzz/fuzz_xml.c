// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the XML from which metadata is made. The metadata must contain the eras and the notes of
 * the XML.
 */
#include <errno.h>
#include <string.h>

#include "common/uuid.h"
#include "eractl/era_xml.h"
#include "fuzz.h"
#include "mem.h"
#include "store/build.h"
#include "store/era_notes.h"
#include "store/store.h"

/* the largest device that is compared block by block; it is larger than the window of a build */
#define BLOCKS_MAX	20000u
#define NAME		"the XML"

struct heard {
	struct era_super sb;
	/* a copy, because the reader's notes exist only during the reading */
	struct store_notes notes;
	bool has_notes;
	unsigned int supers, calls;
	unsigned int fail_at;		/* which call of the sink fails; UINT_MAX: none */
	struct build *build;		/* metadata that is written; NULL: only eras is filled */
	bool modelled;			/* whether eras contains the newest era of each block */
	uint32_t eras[BLOCKS_MAX];
};

static int hear(struct heard *h, struct err *err)
{
	return h->calls++ == h->fail_at ? err_set(err, -EXDEV, "enough") : 0;
}

static int hear_super(void *ctx, const struct era_super *sb, struct err *err)
{
	struct heard *h = ctx;

	expect(!h->supers++ && !h->calls);
	expect(sb->block_sectors && sb->block_sectors % 8 == 0 && sb->era < UINT32_MAX);
	expect(sb->nr_blocks && sb->nr_sectors);
	expect((sb->nr_sectors - 1) / sb->block_sectors == sb->nr_blocks - 1);
	expect(sb->has_uuid == !uuid_is_zero(sb->uuid));
	h->sb = *sb;
	h->has_notes = sb->notes;
	if (sb->notes)
		h->notes = *sb->notes;
	h->sb.notes = NULL;
	h->modelled = sb->nr_blocks <= BLOCKS_MAX;
	if (h->modelled)
		memset(h->eras, 0, sb->nr_blocks * sizeof(h->eras[0]));
	return hear(h, err);
}

static int hear_blocks(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	struct heard *h = ctx;
	uint64_t b;

	expect(h->supers);
	expect(len && first < h->sb.nr_blocks && len <= h->sb.nr_blocks - first);
	expect(era && era <= h->sb.era);
	for (b = first; h->modelled && b < first + len; b++)
		if (h->eras[b] < era)
			h->eras[b] = era;
	if (h->build)
		expect(!build_put(h->build, first, len, era, err));
	return hear(h, err);
}

static int read_xml(struct heard *h, const uint8_t *data, size_t size, struct err *err)
{
	static const struct era_sink sink = { .super = hear_super, .blocks = hear_blocks };
	FILE *f = fmemopen((void *)data, size, "r");
	int ret;

	expect(f);
	h->supers = 0;
	h->calls = 0;
	ret = era_xml_read(f, NAME, &sink, h, err);
	fclose(f);
	return ret;
}

/*
 * Compares a run of the metadata with the eras in ctx, and clears these eras. At the end, no era
 * may be left.
 */
static int compare(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	uint32_t *eras = ctx;

	expect(era && len);
	for (; len; len--, first++) {
		expect(eras[first] == era);
		eras[first] = 0;
	}
	return 0;
}

/*
 * Checks that the metadata contains the same notes as the XML, or none if the XML contains none.
 * Also checks that the notes are the same after they were written as text and read again.
 */
static void compare_notes(struct store *s, const struct store_notes *expected)
{
	struct store_notes notes, again;
	char text[ERA_NOTES_TEXT];

	store_notes(s, &notes);
	expect(!memcmp(&notes, expected, sizeof(notes)));
	expect(era_notes_parse(era_notes_text(&notes, text), &again));
	expect(!memcmp(&notes, &again, sizeof(notes)));
}

/* Makes metadata as `eractl restore` does. */
static void build(struct heard *h, const uint8_t *data, size_t size)
{
	static struct mem m;
	struct store_geometry g = {
		.nr_sectors = h->sb.nr_sectors, .block_sectors = h->sb.block_sectors,
		.journal_pages = h->sb.journal_pages, .chunk_pages = h->sb.chunk_pages,
	};
	struct store_info info;
	struct engine *e;
	struct store *s;
	uint64_t b;
	int ret;

	memcpy(g.uuid, h->sb.has_uuid ? h->sb.uuid : (const uint8_t[16]){ 1 }, sizeof(g.uuid));
	m.size = sizeof(m.image);
	memset(m.image, 0xa5, sizeof(m.image));
	e = mem_engine(&m);
	ret = build_begin(e, &g, h->sb.era, &h->build, NULL);
	if (ret) {
		expect(ret == -ENOSPC || (ret == -EINVAL && g.journal_pages));
		expect(!h->build);
		engine_destroy(e);
		return;
	}
	if (h->has_notes)
		expect(!build_notes(h->build, &h->notes));
	else
		memset(&h->notes, 0, sizeof(h->notes));
	expect(!read_xml(h, data, size, NULL));
	ret = build_end(h->build, NULL);
	h->build = NULL;
	expect(!ret && !store_open(e, STORE_READ, &s, NULL));
	store_info(s, &info);
	expect(!memcmp(info.uuid, g.uuid, sizeof(g.uuid)) && info.era == h->sb.era && info.clean);
	expect(info.nr_sectors == g.nr_sectors && info.block_sectors == g.block_sectors);
	expect(!g.journal_pages || info.journal_pages == g.journal_pages);
	expect(!store_eras(s, STORE_NOW, compare, h->eras, NULL, NULL));
	for (b = 0; b < info.nr_blocks; b++)
		expect(!h->eras[b]);
	compare_notes(s, &h->notes);
	store_close(s, false, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heard h;
	struct err err = { "" };
	unsigned int calls;
	int ret, again;

	h.fail_at = -1;
	ret = read_xml(&h, data, size, &err);
	expect(!ret == !err.msg[0]);
	expect(!ret ? h.supers == 1 : ret == -EBADMSG && !strncmp(err.msg, NAME ": line ", 14));
	if (!ret && h.modelled)
		build(&h, data, size);

	/*
	 * If the sink fails before the XML has an error, the reader returns the error of the sink.
	 */
	calls = h.calls;
	h.fail_at = size % 16;
	again = read_xml(&h, data, size, &err);
	expect(again == (calls > h.fail_at ? -EXDEV : ret));
	expect(h.calls == (calls > h.fail_at ? h.fail_at + 1 : calls));
	return 0;
}
