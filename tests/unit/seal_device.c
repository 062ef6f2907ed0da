// SPDX-License-Identifier: GPL-2.0-or-later
/* A device with file systems, for unit tests of seals: see seal_device.h. */
#include <endian.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "seal_device.h"

int device_fd;

int seal_device_make(void **state)
{
	char path[] = "/var/tmp/erad-seal-XXXXXX";

	(void)state;
	device_fd = mkostemp(path, O_CLOEXEC);
	assert_true(device_fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(device_fd, SIZE), 0);
	return 0;
}

int seal_device_remove(void **state)
{
	(void)state;
	close(device_fd);
	return 0;
}

void put_bytes(uint64_t offset, const void *bytes, size_t len)
{
	assert_int_equal(pwrite(device_fd, bytes, len, offset), len);
}

void flip_bit(uint64_t offset)
{
	uint8_t b;

	assert_int_equal(pread(device_fd, &b, 1, offset), 1);
	b ^= 0x10;
	put_bytes(offset, &b, 1);
}

void take_seal(uint64_t size, struct seal *s)
{
	struct err err;

	if (seal_take(device_fd, size, 42, s, &err))
		fail_msg("%s", err.msg);
}

const struct seal_entry *find_entry(const struct seal *s, enum seal_what what, uint64_t offset)
{
	for (uint32_t i = 0; i < le32toh(s->nr); i++)
		if (le32toh(s->entry[i].what) == what && le64toh(s->entry[i].offset) == offset)
			return &s->entry[i];
	return NULL;
}

void assert_seen(const struct seal *s, uint64_t offset, const char *text)
{
	struct err err;

	flip_bit(offset);
	assert_int_equal(seal_compare(device_fd, SIZE, s, &err), 1);
	if (!strstr(err.msg, text))
		fail_msg("got '%s', expected '%s'", err.msg, text);
	flip_bit(offset);
	assert_int_equal(seal_compare(device_fd, SIZE, s, &err), 0);
}

void put_be32(uint64_t offset, uint32_t v)
{
	v = htobe32(v);
	put_bytes(offset, &v, sizeof(v));
}

void put_le32(uint64_t offset, uint32_t v)
{
	v = htole32(v);
	put_bytes(offset, &v, sizeof(v));
}

void put_ext4(uint64_t base, uint32_t journal)
{
	put_le32(base + 1024 + 24, 2);
	put_bytes(base + 1024 + 56, "\x53\xef", 2);
	put_le32(base + 1024 + 92, 4);
	put_le32(base + 1024 + 224, 8);
	put_bytes(base + 1024 + 253, "\x01", 1);
	put_le32(base + 1024 + 268, 0x0001f30a);	/* the journal has one extent */
	put_le32(base + 1024 + 268 + 12 + 8, journal);	/* first block of the extent */
}

void put_xfs(uint64_t base, uint64_t log, uint32_t size, uint32_t newer)
{
	uint8_t *sectors = calloc(1, size);

	assert_non_null(sectors);
	put_bytes(base, "XFSB", 4);
	put_be32(base + 4, 4096);
	put_be32(base + 84, 16384);
	put_be32(base + 96, size / 4096);
	put_bytes(base + 124, "\x0e", 1);
	put_be32(base + 52, log / 4096);	/* a group has 2^14 blocks, so this is the number of the block */
	for (uint32_t i = 0; i < size / 512; i++)
		sectors[i * 512 + 3] = i < newer ? 2 : 1;
	/*
	 * Each record of the log begins with a header: a magic number, then the number of the cycle
	 * of the log.
	 */
	memcpy(sectors, "\xfe\xed\xba\xbe\0\0\0\2", 8);
	put_bytes(base + log, sectors, size);
	free(sectors);
}

void put_partition(unsigned int nr, uint64_t at, uint64_t size)
{
	put_bytes(446 + 16 * nr + 4, "\x83", 1);
	put_le32(446 + 16 * nr + 8, at / 512);
	put_le32(446 + 16 * nr + 12, size / 512);
	put_bytes(510, "\x55\xaa", 2);
}
