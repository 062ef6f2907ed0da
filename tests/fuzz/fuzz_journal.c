// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the journal, with superblocks that also come from the input. Also fuzzes the repair of such metadata, and of a
 * journal with a page that cannot be read.
 */
#include <errno.h>

#include "exercise.h"
#include "fuzz.h"
#include "store/history.h"
#include "store/history_copy.h"
#include "store/repair.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_mutate(data, size, max_size, seed, LLVMFuzzerMutate);
}

static void hear(void *ctx, const char *what)
{
	(void)ctx;
	expect(what[0]);
}

/* Returns whether the superblock names a history that cannot be used. */
static bool history_is_damaged(struct mem *m)
{
	static _Alignas(ERAD_PAGE) struct erad_disk_history h;
	struct engine *e = mem_engine(m);
	struct erad_disk_super sb;
	bool damaged;

	damaged = !super_read(e, &sb, NULL) && history_read(e, &sb, &h, NULL);
	engine_destroy(e);
	return damaged;
}

static bool has_unknown_gap(struct mem *m)
{
	struct store_gap gap[ERAD_GAPS];
	struct store *s;
	unsigned int nr;
	bool has = false;

	expect(!store_open(mem_engine(m), STORE_READ, &s, NULL));
	nr = store_gaps(s, gap);
	while (nr--)
		has |= gap[nr].kind == ERAD_GAP_UNKNOWN;
	store_close(s, false, NULL);
	return has;
}

/*
 * If a repair succeeds, check finds no faults afterwards, and a history that was damaged contains a
 * gap.
 */
static void repair(struct mem *m, const struct image_head *head)
{
	static const uint8_t uuid[16] = { 1 };
	struct store_repaired done;
	struct store_info info;
	const bool damaged = history_is_damaged(m);
	struct err err = { "" };
	int ret;

	if (head->choice[1] & 1)
		m->unreadable = ERAD_JOURNAL_START + head->choice[2] % (head->choice[1] | 1);
	m->written = false;
	ret = store_repair(mem_engine(m), uuid, hear, NULL, &done, &info, &err);
	if (!ret)
		expect(!store_check(mem_engine(m), hear, NULL, NULL, &err));
	else
		expect(err.msg[0]);
	m->unreadable = 0;
	expect(ret || !damaged || has_unknown_gap(m));
	expect(ret != -EOVERFLOW || !m->written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem empty, m;
	struct image_head head;

	if (!empty.size)
		image_format(&empty);
	m = empty;
	image_build(&m, data, size, IMAGE_SUPER | IMAGE_JOURNAL, &head);
	exercise(&m, &head);
	m = empty;
	image_build(&m, data, size, IMAGE_SUPER | IMAGE_JOURNAL, &head);
	repair(&m, &head);
	return 0;
}
