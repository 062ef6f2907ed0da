// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the superblocks, the degrade record and the history of an otherwise empty volume.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "exercise.h"
#include "fuzz.h"
#include "store/history_copy.h"
#include "store/super.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_mutate(data, size, max_size, seed, LLVMFuzzerMutate);
}

/* Chooses a superblock as a repair does: uses the fields of a damaged copy only if neither copy is valid. */
static void salvage(struct mem *m)
{
	struct erad_disk_super sb;
	struct engine *e = mem_engine(m);
	int ret;

	if (super_read(e, &sb, NULL) != -EUCLEAN || super_damaged(e) != 3) {
		engine_destroy(e);
		return;
	}
	ret = super_salvage(e, &sb, NULL);
	expect(!ret || ret == -EUCLEAN);
	if (!ret)
		expect(super_pages(&sb) <= m->size / ERAD_PAGE);
	engine_destroy(e);
}

/* Checks that what a repair saves of a damaged history can be written and read again. */
static void salvage_history(struct mem *m)
{
	static _Alignas(ERAD_PAGE) struct erad_disk_history h, again;
	struct engine *e = mem_engine(m);
	static struct mem copy;
	struct erad_disk_super sb;

	if (!super_read(e, &sb, NULL) && history_there(&sb) && le64toh(sb.history_seq) < SUPER_LAST_SEQ) {
		history_salvage(e, &sb, &h);
		engine_destroy(e);
		copy = *m;
		e = mem_engine(&copy);
		expect(!history_write(e, &sb, &h));
		expect(!history_read(e, &sb, &again, NULL));
		expect(!memcmp(&h, &again, sizeof(h)));
	}
	engine_destroy(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem empty, m;
	struct image_head head;

	if (!empty.size)
		image_format(&empty);
	m = empty;
	image_build(&m, data, size, IMAGE_SUPER, &head);
	salvage(&m);
	salvage_history(&m);
	exercise(&m, &head);
	return 0;
}
