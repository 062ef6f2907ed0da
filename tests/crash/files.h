/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks files on an ext4 that were fsynced before a power cut: each file must exist, be complete
 * and be reported as changed.
 */
#ifndef CRASH_FILES_H
#define CRASH_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "expect.h"

/* Returns byte i of file id. The byte depends only on i and id. */
static inline uint8_t file_byte(unsigned int id, uint64_t i)
{
	return (uint8_t)((id * 2654435761u + i / 512 * 40503u + i * 7u) >> 3);
}

/* Writes a line "ID LO LENGTH" for each expected file to `path`. Returns false on an error. */
bool files_list(const struct file *files, const char *path);

/*
 * Recovers and checks a copy of the image with ext4's own tools, in the directory `scratch`.
 * Compares the content of each file with file_byte(), and the eras of its blocks in era[] with LO
 * of the file. Adds 1 to *lost if a block is missing. At the first error, prints the error and
 * returns false.
 */
bool files_check(const uint8_t *origin, uint64_t size, const struct file *files, const uint32_t *era,
		 uint64_t block, const char *scratch, uint64_t *lost);

#endif /* CRASH_FILES_H */
