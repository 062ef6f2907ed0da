// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes all of the metadata, including the era array and its copies.
 */
#include <string.h>

#include "exercise.h"
#include "fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return image_mutate(data, size, max_size, seed, LLVMFuzzerMutate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem m;
	struct image_head head;

	memset(&m, 0, sizeof(m));
	image_build(&m, data, size, IMAGE_ALL, &head);
	exercise(&m, &head);
	return 0;
}
