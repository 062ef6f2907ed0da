/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files on an ext4 that were fsynced before a power cut: are they there, whole, and reported as changed? */
#ifndef CRASH_FILES_H
#define CRASH_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "expect.h"

/* Byte i of file id, which is the same whenever it is asked for. */
static inline uint8_t file_byte(unsigned int id, uint64_t i)
{
	return (uint8_t)((id * 2654435761u + i / 512 * 40503u + i * 7u) >> 3);
}

/* One line for each that is expected: ID LO LENGTH. */
bool files_list(const struct file *files, const char *path);

/*
 * Lets ext4's own tools recover the image, which stays as it is, and check
 * it; compares each file's content, and its blocks with era[].  Prints what is wrong.
 */
bool files_check(const uint8_t *origin, uint64_t size, const struct file *files, const uint32_t *era,
		 uint64_t block, const char *scratch, uint64_t *lost);

#endif /* CRASH_FILES_H */
