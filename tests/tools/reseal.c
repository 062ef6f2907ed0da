// SPDX-License-Identifier: GPL-2.0-or-later
/* Damages metadata of dm-era, and makes its checksums correct again. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eractl/dm_era_format.h"

static const char *const usage =
	"usage: reseal FILE BLOCK [OFFSET BYTES VALUE]...\n"
	"  writes numbers of so many bytes into a superblock, a node of a btree or a block of an array, and\n"
	"  makes its checksum right\n";

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

/*
 * Returns the kind of block for which the present checksum is correct.  The new checksum must be of
 * the same kind.
 */
static uint32_t kind_of(const void *block)
{
	static const uint32_t kinds[] = { DM_ERA_SUPER_XOR, DM_ERA_NODE_XOR, DM_ERA_ARRAY_XOR };
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (le32toh(*(const __le32 *)block) == dm_era_csum(block, kinds[i]))
			return kinds[i];
	fprintf(stderr, "reseal: this block is none of dm-era's\n");
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	_Alignas(8) char block[DM_ERA_BLOCK];
	uint32_t kind;
	off_t at;
	int fd, i;

	if (argc < 3 || argc % 3) {
		fputs(usage, stderr);
		return 2;
	}
	at = strtoul(argv[2], NULL, 0) * DM_ERA_BLOCK;
	fd = open(argv[1], O_RDWR);
	must(fd >= 0, argv[1]);
	must(pread(fd, block, sizeof(block), at) == sizeof(block), argv[1]);
	kind = kind_of(block);
	for (i = 3; i < argc; i += 3) {
		const unsigned long offset = strtoul(argv[i], NULL, 0), bytes = strtoul(argv[i + 1], NULL, 0);
		const __le64 value = htole64(strtoull(argv[i + 2], NULL, 0));

		if (bytes > 8 || offset + bytes > sizeof(block)) {
			fputs(usage, stderr);
			return 2;
		}
		memcpy(block + offset, &value, bytes);
	}
	*(__le32 *)block = htole32(dm_era_csum(block, kind));
	must(pwrite(fd, block, sizeof(block), at) == sizeof(block), argv[1]);
	return 0;
}
