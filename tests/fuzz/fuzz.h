/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the fuzz targets: an assertion that is active in every build. */
#ifndef ERAD_FUZZ_H
#define ERAD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Functions that libFuzzer calls, and functions of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define expect(what)									\
	do {										\
		if (!(what)) {								\
			fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #what);	\
			abort();							\
		}									\
	} while (0)

#endif /* ERAD_FUZZ_H */
