/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small volume with a history.  For files that include cmocka.h. */
#ifndef ERAD_TEST_HISTORY_VOLUME_H
#define ERAD_TEST_HISTORY_VOLUME_H

#include "store/bookmarks.h"
#include "store/history.h"
#include "store/moment.h"
#include "volume.h"

/* Makes a volume in era 3.  Blocks 0 to 9 were written in era 1, and blocks 20 to 24 in era 3. */
static inline void make_volume(struct disk *d)
{
	struct store *s;

	format(d);
	s = open_store(d, STORE_WRITE);
	assert_int_equal(store_new_timeline(s, 71, NULL, NULL), 0);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, 10), 0);
	assert_int_equal(store_begin_era(s, 2, NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 20, 5), 0);
	assert_int_equal(store_close(s, true, NULL), 0);
}

/* Sets a bookmark to the token of this era. */
static inline int set_bookmark(struct store *s, const char *name, uint32_t era)
{
	struct token t;

	assert_true(store_token(s, era, &t));
	return store_set_bookmark(s, name, &t, NULL);
}

#endif /* ERAD_TEST_HISTORY_VOLUME_H */
