// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks an ext4 after a power cut with e2fsck and debugfs: see files.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

#define FS_BLOCK	4096u

bool files_list(const struct file *files, const char *path)
{
	FILE *f = fopen(path, "w");
	unsigned int id;

	if (!f) {
		perror(path);
		return false;
	}
	for (id = 0; id < MAX_FILES; id++)
		if (files[id].lo)
			fprintf(f, "%u %" PRIu32 " %" PRIu64 "\n", id, files[id].lo, files[id].length);
	return !fclose(f);
}

static bool write_image(const char *path, const uint8_t *image, uint64_t size)
{
	static const uint8_t zeros[1 << 16];
	uint64_t at, n;
	bool good = true;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, size)) {
		perror(path);
		return false;
	}
	for (at = 0; at < size && good; at += n) {
		n = size - at < sizeof(zeros) ? size - at : sizeof(zeros);
		if (memcmp(image + at, zeros, n))
			good = pwrite(fd, image + at, n, at) == (ssize_t)n;
	}
	if (!good)
		perror(path);
	return !close(fd) && good;
}

/*
 * Checks one file. `line` is "ID BLOCK…" from debugfs, which has also written the content of the
 * file to scratch/files/ID. Returns false after printing an error.
 */
static bool check_file(char *line, const struct file *files, const uint32_t *era, uint64_t block,
		       const char *scratch, bool *seen, uint64_t *lost)
{
	char path[4096], *word, *rest = NULL;
	unsigned int id;
	uint8_t *got;
	uint64_t i, n, blocks = 0;
	FILE *f;

	word = strtok_r(line, " \n", &rest);
	if (!word)
		return false;
	id = atoi(word);
	if (id >= MAX_FILES || !files[id].lo) {
		printf("  ext4: debugfs tells of file '%s'\n", word);
		return false;
	}
	while ((word = strtok_r(NULL, " \n", &rest))) {
		const uint64_t b = strtoull(word, NULL, 10) * FS_BLOCK / block;

		blocks++;
		if (era[b] >= files[id].lo)
			continue;
		printf("  lost: block %" PRIu64 " of file %u, fsynced in era %" PRIu32 ", is reported in era %"
		       PRIu32 "\n", b, id, files[id].lo, era[b]);
		++*lost;
		return false;
	}
	snprintf(path, sizeof(path), "%s/files/%u", scratch, id);
	f = fopen(path, "r");
	got = malloc(files[id].length + 1);
	if (!f || !got) {
		printf("  ext4: file %u is not there\n", id);
		return false;
	}
	n = fread(got, 1, files[id].length + 1, f);
	fclose(f);
	for (i = 0; i < n && i < files[id].length && got[i] == file_byte(id, i); i++)
		;
	free(got);
	if (n != files[id].length || i < n || blocks * FS_BLOCK < n) {
		printf("  ext4: file %u has %" PRIu64 " bytes in %" PRIu64 " blocks, right up to byte %" PRIu64
		       ", expected %" PRIu64 " bytes\n", id, n, blocks, i, files[id].length);
		return false;
	}
	seen[id] = true;
	return true;
}

bool files_check(const uint8_t *origin, uint64_t size, const struct file *files, const uint32_t *era,
		 uint64_t block, const char *scratch, uint64_t *lost)
{
	char path[4096], command[8192], *line = NULL;
	static bool seen[MAX_FILES];
	size_t room = 0;
	bool good = true;
	unsigned int id;
	int status;
	FILE *f;

	snprintf(path, sizeof(path), "%s/image", scratch);
	if (!write_image(path, origin, size))
		return false;
	snprintf(path, sizeof(path), "%s/list", scratch);
	if (!files_list(files, path))
		return false;
	snprintf(command, sizeof(command), "tests/crash/ext4 '%s'", scratch);
	fflush(stdout);
	f = popen(command, "r");
	if (!f)
		return false;
	memset(seen, 0, sizeof(seen));
	while (good && getline(&line, &room, f) > 0)
		good = check_file(line, files, era, block, scratch, seen, lost);
	while (getline(&line, &room, f) > 0)
		;
	free(line);
	status = pclose(f);
	if (status) {
		printf("  ext4: its tools are not content\n");
		return false;
	}
	for (id = 0; id < MAX_FILES && good; id++) {
		if (!files[id].lo || seen[id])
			continue;
		printf("  ext4: file %u was fsynced and is gone\n", id);
		good = false;
	}
	return good;
}
