// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Converts runs of blocks into words of a bitmap, and compares the result with bits that are set
 * one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bitmap_words.h"
#include "erad_maps.h"
#include "rnd.h"

#define NR	(1u << 18)

struct map {
	uint64_t word[NR / 64];
	unsigned int flushes;
	int fail;
};

static int flush_words(struct bitmap_words *w, void *ctx)
{
	struct map *m = ctx;

	assert_true(w->nr <= BITMAP_WORDS_MAX);
	if (m->fail)
		return m->fail;
	for (unsigned int i = 0; i < w->nr; i++) {
		assert_true(!i || w->index[i] > w->index[i - 1]);
		assert_int_not_equal(m->word[w->index[i]], w->word[i]);
		m->word[w->index[i]] = w->word[i];
	}
	w->nr = 0;
	m->flushes++;
	return 0;
}

static struct bitmap_words *new_words(const struct map *m, unsigned int shift)
{
	struct bitmap_words *w = calloc(1, sizeof(*w));

	w->have = m->word;
	w->shift = shift;
	return w;
}

static uint64_t count_words(const uint8_t *bytes, unsigned int shift)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < NR >> shift; i++)
		n += bytes[i];
	return n;
}

static void random_runs(unsigned int shift)
{
	struct map *m = calloc(1, sizeof(*m));
	struct bitmap_words *w = new_words(m, shift);
	uint8_t *bytes = calloc(NR, 1);
	uint64_t r = 11 + shift;

	for (unsigned int round = 0; round < 50; round++) {
		/*
		 * The runs ascend, like the runs of a batch.  Some are far apart, some are in one
		 * word, and some span many words.
		 */
		for (uint64_t first = rnd_below(&r, 500); first < NR;) {
			uint64_t len = 1 + rnd_below(&r, rnd_below(&r, 50) ? 4 : 70000);

			if (len > NR - first)
				len = NR - first;
			assert_int_equal(bitmap_words_add(w, first, len, flush_words, m), 0);
			memset(bytes + (first >> shift), 1,
			       ((first + len - 1) >> shift) - (first >> shift) + 1);
			first += len + 1 + rnd_below(&r, rnd_below(&r, 3) ? 9000 : 9);
		}
		assert_int_equal(flush_words(w, m), 0);
		for (unsigned int i = 0; i < NR >> shift; i++)
			assert_int_equal(m->word[i / 64] >> i % 64 & 1, bytes[i]);
		assert_int_equal(w->marked, count_words(bytes, shift));
	}
	free(bytes);
	free(w);
	free(m);
}

static void test_as_bits(void **state)
{
	(void)state;
	random_runs(0);
	random_runs(1);
	random_runs(7);
}

static void test_full_and_failing(void **state)
{
	struct map *m = calloc(1, sizeof(*m));
	struct bitmap_words *w = new_words(m, 0);

	(void)state;
	assert_int_equal(bitmap_words_add(w, 0, NR, flush_words, m), 0);
	assert_int_equal(m->flushes, NR / 64 / BITMAP_WORDS_MAX - 1);
	flush_words(w, m);
	assert_int_equal(m->word[NR / 64 - 1], ~0ull);
	/* A word whose bits are set already is not written again. */
	assert_int_equal(bitmap_words_add(w, 0, NR, flush_words, m), 0);
	assert_int_equal(w->nr, 0);

	memset(m->word, 0, sizeof(m->word));
	m->fail = -12;
	assert_int_equal(bitmap_words_add(w, 0, NR, flush_words, m), -12);
	free(w);
	free(m);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(bitmap_words_count(1, 0), 1);
	assert_int_equal(bitmap_words_count(64, 0), 1);
	assert_int_equal(bitmap_words_count(65, 0), 2);
	assert_int_equal(bitmap_words_count(65, 1), 1);
	assert_int_equal(bitmap_words_count(129, 1), 2);
	assert_int_equal(bitmap_words_shift(1, 8), 0);
	assert_int_equal(bitmap_words_shift(64, 8), 0);
	assert_int_equal(bitmap_words_shift(65, 8), 1);
	assert_int_equal(bitmap_words_shift(128, 8), 1);
	assert_int_equal(bitmap_words_shift(129, 8), 2);
	/*
	 * For 32 TiB in blocks of 64 KiB, one bit for each block is just possible.  For 1 PiB, 32
	 * blocks share a bit.
	 */
	assert_int_equal(bitmap_words_shift(1ull << 29, ERAD_MAPS_CAP), 0);
	assert_int_equal(bitmap_words_shift((1ull << 29) + 1, ERAD_MAPS_CAP), 1);
	assert_int_equal(bitmap_words_shift(1ull << 34, ERAD_MAPS_CAP), 5);
	assert_int_equal(bitmap_words_count(1ull << 34, 5), ERAD_MAPS_CAP / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_bits),
		cmocka_unit_test(test_full_and_failing),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
