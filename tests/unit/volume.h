/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small volume on a disk in memory, and short functions to use it.  For files that include
 * cmocka.h.
 */
#ifndef ERAD_TEST_VOLUME_H
#define ERAD_TEST_VOLUME_H

#include "disk.h"
#include "erad_format.h"
#include "store/store.h"

#define NR_BLOCKS	1500u
#define RING		16u
#define ARRAY_START	(ERAD_JOURNAL_START + RING)
#define ARRAY_SECTOR(n)	((ARRAY_START + (n) / 8 * 2) * ERAD_PAGE + (n) % 8 * ERAD_SECTOR)

static const struct store_geometry geometry = {
	.uuid = { 1, 2, 3 }, .nr_sectors = NR_BLOCKS * 8 - 3, .block_sectors = 8,
	.journal_pages = RING, .chunk_pages = 1,
};

static inline void format(struct disk *d)
{
	struct engine *e;

	disk_init(d, store_size(&geometry, NULL));
	e = disk_engine(d);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	engine_destroy(e);
}

static inline int try_open(struct disk *d, enum store_mode mode, struct store **s)
{
	struct err err = { "" };
	int ret = store_open(disk_engine(d), mode, s, &err);

	assert_true(!ret == !err.msg[0]);
	return ret;
}

static inline struct store *open_store(struct disk *d, enum store_mode mode)
{
	struct store *s;

	assert_int_equal(try_open(d, mode, &s), 0);
	return s;
}

static inline int mark(struct store *s, uint64_t first, uint32_t len)
{
	const struct erad_range r = { .first = first, .len = len };

	return store_mark(s, &r, 1, NULL);
}

static inline int add_len(void *ctx, uint64_t first, uint64_t len)
{
	(void)first;
	*(uint64_t *)ctx += len;
	return 0;
}

static inline uint64_t diff_blocks(struct store *s, uint32_t since)
{
	uint64_t n = 0;

	assert_int_equal(store_diff(s, since, add_len, &n, NULL), 0);
	return n;
}

static inline uint64_t snapshot_blocks(struct store *s, uint32_t since)
{
	uint64_t n = 0;

	assert_int_equal(store_diff_view(s, STORE_SNAPSHOT, since, add_len, &n, NULL), 0);
	return n;
}

static inline void complain(void *ctx, const char *what)
{
	(void)what;
	++*(unsigned int *)ctx;
}

static inline int check(struct disk *d, struct store_info *info)
{
	unsigned int complaints = 0;
	int ret = store_check(disk_engine(d), complain, &complaints, info, NULL);

	assert_true(ret < 0 || (unsigned int)ret == complaints);
	return ret;
}

#endif /* ERAD_TEST_VOLUME_H */
