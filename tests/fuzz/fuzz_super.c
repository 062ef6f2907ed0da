// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the superblocks of an otherwise empty volume. Reaches: daemon/store/super.c daemon/store/store.c */
#include "exercise.h"
#include "fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_mutate(data, size, max_size, seed, LLVMFuzzerMutate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem empty, m;
	struct image_head head;

	if (!empty.size)
		image_format(&empty);
	m = empty;
	image_build(&m, data, size, IMAGE_SUPER, &head);
	exercise(&m, &head);
	return 0;
}
