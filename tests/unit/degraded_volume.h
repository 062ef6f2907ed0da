/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small volume that degrades, and the steps of the daemon that attaches afterwards.  For files
 * that include cmocka.h.
 */
#ifndef ERAD_TEST_DEGRADED_VOLUME_H
#define ERAD_TEST_DEGRADED_VOLUME_H

#include <string.h>

#include "volume.h"

#define RECORD(d)	((d)->visible + ERAD_DEGRADE * ERAD_PAGE)

/* Makes a closed volume in era 3.  Blocks 10 to 14 were written in era 1, and blocks 20 to 21 in era 3. */
static inline void make_volume(struct disk *d)
{
	struct store *s;

	format(d);
	s = open_store(d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 10, 5), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 20, 2), 0);
	assert_int_equal(store_close(s, true, NULL), 0);
}

static inline void given(struct store *s, uint8_t content[ERAD_SECTOR])
{
	uint64_t sector = 0;

	assert_int_equal(store_degrade_record(s, &sector, content), 0);
	assert_int_equal(sector, ERAD_DEGRADE * ERAD_PAGE / ERAD_SECTOR);
}

/* Writes the degrade record, as the module does when no daemon attaches. */
static inline void degrade(struct disk *d, const uint8_t content[ERAD_SECTOR])
{
	memcpy(RECORD(d), content, ERAD_SECTOR);
	memcpy(d->durable + ERAD_DEGRADE * ERAD_PAGE, content, ERAD_SECTOR);
}

/* Opens the volume of make_volume(), as a daemon does.  content: receives the degrade record for the target. */
static inline struct store *open_served(struct disk *d, uint8_t content[ERAD_SECTOR])
{
	struct store *s;

	make_volume(d);
	s = open_store(d, STORE_WRITE);
	given(s, content);
	assert_false(store_degraded(s));
	return s;
}

/* Makes the volume of make_volume(), and degrades it after a daemon has served it. */
static inline void fill_degraded(struct disk *d)
{
	uint8_t content[ERAD_SECTOR];

	store_close(open_served(d, content), false, NULL);
	degrade(d, content);
}

static inline struct store *open_degraded(struct disk *d)
{
	fill_degraded(d);
	return open_store(d, STORE_WRITE);
}

static inline void set_floor_and_begin(struct store *s, uint32_t era)
{
	assert_int_equal(store_set_floor(s, NULL), 0);
	assert_int_equal(store_begin_era(s, era, NULL), 0);
}

/* Takes all steps that end a degrade record.  content: receives the new record for the target. */
static inline void come_back(struct store *s, uint8_t content[ERAD_SECTOR])
{
	struct store_info info;

	assert_int_equal(store_set_floor(s, NULL), 0);
	store_info(s, &info);
	assert_int_equal(store_begin_era(s, info.era + 1, NULL), 0);
	given(s, content);
	assert_int_equal(store_clear_degraded(s, NULL), 0);
}

static inline void assert_info(struct disk *d, uint32_t era, uint32_t floor, bool degraded)
{
	struct store_info info;

	assert_int_equal(check(d, &info), 0);
	assert_int_equal(info.era, era);
	assert_int_equal(info.floor_era, floor);
	assert_int_equal(info.degraded, degraded);
}

#endif /* ERAD_TEST_DEGRADED_VOLUME_H */
