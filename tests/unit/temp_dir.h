/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A temporary directory for each test of a program.  For files that include cmocka.h. */
#ifndef ERAD_TEST_TEMP_DIR_H
#define ERAD_TEST_TEMP_DIR_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Makes a new directory, and puts its path into dir.  dir is a template whose last six characters
 * are XXXXXX, or the path from an earlier call, whose last six characters are replaced.
 */
static inline void temp_dir_make(char *dir)
{
	memset(dir + strlen(dir) - 6, 'X', 6);
	assert_non_null(mkdtemp(dir));
}

/*
 * Removes the file, if it exists, and the directory.  For cmocka's teardown: returns -1 if the
 * directory contains other files.
 */
static inline int temp_dir_remove(const char *dir, const char *file)
{
	unlink(file);
	return rmdir(dir);
}

/* The directory of a test and its only file. */
struct temp_file {
	const char *dir, *path;
};

/* A teardown of cmocka.  The set-up has set *state to a struct temp_file. */
static inline int temp_file_tear_down(void **state)
{
	const struct temp_file *f = *state;

	return temp_dir_remove(f->dir, f->path);
}

#endif /* ERAD_TEST_TEMP_DIR_H */
