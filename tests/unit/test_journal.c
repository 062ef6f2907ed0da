// SPDX-License-Identifier: GPL-2.0-or-later
/* Journal groups: whole groups are replayed, torn groups are not, and inconsistent groups are refused. */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"
#include "rnd.h"
#include "store/replay.h"
#include "store/journal_page.h"

#define RING	16u
#define NR	(1ULL << 52)	/* the largest number of blocks that is allowed */

struct fixture {
	struct disk disk;
	struct journal j;
	struct erad_disk_journal *group;
	struct run runs[ERAD_MAX_RANGES];
};

static void setup(struct fixture *f)
{
	disk_init(&f->disk, RING * ERAD_PAGE);
	f->j = (struct journal){ .e = disk_engine(&f->disk), .uuid = { 7 }, .pages = RING, .nr_blocks = NR };
	f->group = aligned_alloc(ERAD_PAGE, ERAD_GROUP_MAX * ERAD_PAGE);
}

static void teardown(struct fixture *f)
{
	engine_destroy(f->j.e);
	disk_destroy(&f->disk);
	free(f->group);
}

static struct erad_disk_journal *journal_ring(struct fixture *f)
{
	return (struct erad_disk_journal *)f->disk.visible;
}

static unsigned int write_marks(struct fixture *f, uint64_t seq, uint32_t era, unsigned int nr)
{
	const unsigned int count = journal_encode(f->group, f->runs, nr);

	assert_in_range(count, 1, ERAD_GROUP_MAX);
	journal_number(&f->j, f->group, count, seq, era, ERAD_J_MARK);
	assert_int_equal(journal_write(&f->j, f->group, count, seq, false), 0);
	return count;
}

struct seen {
	struct run runs[4 * ERAD_MAX_RANGES];
	unsigned int nr;
	uint32_t era;
};

static int see_run(void *ctx, uint32_t era, const struct run *runs, unsigned int nr)
{
	struct seen *s = ctx;

	memcpy(&s->runs[s->nr], runs, nr * sizeof(*runs));
	s->nr += nr;
	s->era = era;
	return 0;
}

static int replay_journal(struct fixture *f, uint64_t tail, uint32_t era, struct seen *s,
		  struct journal_end *end)
{
	struct err err;

	s->nr = 0;
	return journal_replay(&f->j, tail, era, see_run, s, end, &err);
}

/* Makes nr runs that are as long as possible, and as far from each other as possible. */
static void extreme_runs(struct fixture *f, unsigned int nr, uint64_t salt)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		f->runs[i] = (struct run){ i * (NR / nr) + salt, NR / nr / 2 + 1 };
}

static void test_runs(void **state)
{
	struct erad_range r[6] = {
		{ .first = 50, .len = 10 }, { .first = 10, .len = 5 }, { .first = 15, .len = 5 },
		{ .first = 52, .len = 2 }, { .first = 0, .len = 9 }, { .first = 58, .len = 7 },
	};
	struct run runs[6];

	(void)state;
	assert_int_equal(journal_runs(runs, r, 0), 0);
	assert_int_equal(journal_runs(runs, r, 6), 3);
	assert_int_equal(runs[0].first, 0);
	assert_int_equal(runs[0].len, 9);
	assert_int_equal(runs[1].first, 10);
	assert_int_equal(runs[1].len, 10);
	assert_int_equal(runs[2].first, 50);
	assert_int_equal(runs[2].len, 15);
}

static void test_runs_random(void **state)
{
	struct erad_range r[ERAD_MAX_RANGES];
	struct run runs[ERAD_MAX_RANGES];
	uint8_t want[4096], got[4096];
	unsigned int round, i, nr;
	uint64_t seed = 3, b;

	(void)state;
	for (round = 0; round < 500; round++) {
		memset(want, 0, sizeof(want));
		memset(got, 0, sizeof(got));
		nr = 1 + rnd_below(&seed, round % 10 ? 20 : ERAD_MAX_RANGES);
		for (i = 0; i < nr; i++) {
			r[i] = (struct erad_range){ .first = rnd_below(&seed, 4000) };
			r[i].len = 1 + rnd_below(&seed, 20);
			memset(want + r[i].first, 1, r[i].len);
		}
		nr = journal_runs(runs, r, nr);
		for (i = 0; i < nr; i++) {
			assert_true(i == 0 || runs[i].first > runs[i - 1].first + runs[i - 1].len);
			for (b = 0; b < runs[i].len; b++)
				got[runs[i].first + b] = 1;
		}
		assert_memory_equal(want, got, sizeof(want));
	}
}

/* The largest batch fits into a group and is replayed, at whatever position the journal wraps. */
static void test_round_trip(void **state)
{
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));
	unsigned int count;
	uint64_t tail;

	(void)state;
	setup(&f);
	for (tail = 1000; tail < 1000 + RING; tail++) {
		extreme_runs(&f, ERAD_MAX_RANGES, 0);
		count = write_marks(&f, tail, 3, ERAD_MAX_RANGES);
		assert_int_equal(count, 4);
		assert_int_equal(replay_journal(&f, tail, 3, s, &end), 0);
		assert_int_equal(end.head, tail + count);
		assert_int_equal(end.last, tail);
		assert_int_equal(s->nr, ERAD_MAX_RANGES);
		assert_memory_equal(s->runs, f.runs, ERAD_MAX_RANGES * sizeof(struct run));
	}
	f.runs[0] = (struct run){ NR - 1, 1 };
	write_marks(&f, 5000, 3, 1);
	assert_int_equal(replay_journal(&f, 5000, 3, s, &end), 0);
	assert_int_equal(s->runs[0].first, NR - 1);
	f.runs[0] = (struct run){ 0, NR };
	write_marks(&f, 6000, 3, 1);
	assert_int_equal(replay_journal(&f, 6000, 3, s, &end), 0);
	assert_int_equal(s->runs[0].len, NR);
	free(s);
	teardown(&f);
}

/* Numbers that take one byte more than the next smaller number are replayed. */
static void test_lengths_of_numbers(void **state)
{
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));
	uint64_t seq = 0;
	unsigned int i, k;

	(void)state;
	setup(&f);
	for (i = 0; i <= 51; i++) {
		for (k = 0; k <= 51; k++, seq++) {
			f.runs[0] = (struct run){ (1ULL << i) - 1, 1ULL << k };
			f.runs[1] = (struct run){ f.runs[0].first + f.runs[0].len + (1ULL << i), (2ULL << k) - 1 };
			if (f.runs[1].first + f.runs[1].len > NR)
				continue;
			assert_int_equal(write_marks(&f, seq, 3, 2), 1);
			assert_int_equal(replay_journal(&f, seq, 3, s, &end), 0);
			assert_int_equal(s->nr, 2);
			assert_memory_equal(s->runs, f.runs, 2 * sizeof(struct run));
		}
	}
	free(s);
	teardown(&f);
}

/*
 * Two attempts have written a group at the same place.  In all combinations, each page of the
 * journal is the page of the first attempt, the page of the second attempt, or zeros.  A group is
 * replayed only if all its pages are of the same attempt.
 */
static void test_mixed_attempts(void **state)
{
	struct erad_disk_journal first[ERAD_GROUP_MAX], second[ERAD_GROUP_MAX];
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));
	unsigned int mix, i;

	(void)state;
	setup(&f);
	extreme_runs(&f, ERAD_MAX_RANGES, 0);
	write_marks(&f, 64, 3, ERAD_MAX_RANGES);
	memcpy(first, journal_ring(&f), sizeof(first));
	extreme_runs(&f, ERAD_MAX_RANGES, 1);
	write_marks(&f, 64, 3, ERAD_MAX_RANGES);
	memcpy(second, journal_ring(&f), sizeof(second));
	for (mix = 0; mix < 81; mix++) {
		unsigned int m = mix, kinds = 0;

		for (i = 0; i < ERAD_GROUP_MAX; i++, m /= 3) {
			kinds |= 1 << m % 3;
			if (m % 3 == 2)
				memset(journal_ring(&f) + i, 0, ERAD_PAGE);
			else
				memcpy(journal_ring(&f) + i, m % 3 ? &second[i] : &first[i], ERAD_PAGE);
		}
		assert_int_equal(replay_journal(&f, 64, 3, s, &end), 0);
		assert_int_equal(end.head, kinds == 1 || kinds == 2 ? 68 : 64);
		if (kinds > 2)
			assert_int_equal(s->nr, 0);
		else
			assert_int_equal(s->runs[0].first, kinds - 1);
	}
	free(s);
	teardown(&f);
}

/* The group has four pages, and random sectors of it are missing. */
static void test_torn(void **state)
{
	uint8_t *old = calloc(1, RING * ERAD_PAGE), *new = malloc(RING * ERAD_PAGE);
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));
	uint64_t seed = 5;
	unsigned int round, i, torn;

	(void)state;
	setup(&f);
	/* Fill the whole journal once, so that all pages are valid. */
	extreme_runs(&f, ERAD_MAX_RANGES, 7);
	for (i = 0; i < RING; i += 4)
		write_marks(&f, 16 + i, 3, ERAD_MAX_RANGES);
	memcpy(old, f.disk.visible, RING * ERAD_PAGE);
	extreme_runs(&f, ERAD_MAX_RANGES, 0);
	write_marks(&f, 32, 3, ERAD_MAX_RANGES);
	memcpy(new, f.disk.visible, RING * ERAD_PAGE);
	for (round = 0; round < 2000; round++) {
		for (i = torn = 0; i < ERAD_GROUP_MAX * 8; i++) {
			const bool lost = rnd_below(&seed, 8) == 0;

			memcpy(f.disk.visible + i * 512, (lost ? old : new) + i * 512, 512);
			torn += lost && memcmp(old + i * 512, new + i * 512, 512);
		}
		assert_int_equal(replay_journal(&f, 32, 3, s, &end), 0);
		assert_int_equal(end.head, torn ? 32 : 36);
	}
	free(s);
	free(old);
	free(new);
	teardown(&f);
}

static void reseal_page(struct erad_disk_journal *page)
{
	page->group = htole32(journal_group_csum(page, 1));
	page->csum = htole32(journal_page_csum(page));
}

/* Makes content that no crash could leave, with correct checksums. */
static void test_nonsense(void **state)
{
	struct erad_disk_journal *p;
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));
	unsigned int i;

	(void)state;
	setup(&f);
	p = journal_ring(&f);
	for (i = 0; i < 15; i++) {
		int want = -EUCLEAN;

		memset(f.disk.visible, 0, RING * ERAD_PAGE);
		f.runs[0] = (struct run){ 100, 100 };
		write_marks(&f, 0, 3, 1);
		switch (i) {
		case 0:
			want = 0;
			break;
		case 1:
			p->type = htole16(9);
			break;
		case 2:
			p->era = htole32(4);
			break;
		case 3:
			p->nr_runs = htole16(2);
			break;
		case 4:
			p->nr_runs = 0;
			break;
		case 5:
			p->bytes = htole16(5000);
			break;
		case 6:	/* a length of 0 */
			p->payload[1] = 0;
			break;
		case 7:	/* a varint of more than 64 bits */
			memset(p->payload, 0xff, 12);
			p->bytes = htole16(12);
			break;
		case 8:	/* an era that is not newer */
			p->type = htole16(ERAD_J_ERA_BEGIN);
			p->nr_runs = 0;
			p->bytes = 0;
			break;
		case 9:	/* an era with runs */
			p->type = htole16(ERAD_J_ERA_BEGIN);
			p->era = htole32(4);
			break;
		case 10: /* a gap that wraps around */
			memset(p->payload, 0xff, 9);
			p->payload[9] = 1;
			p->payload[10] = 1;
			p->bytes = htole16(11);
			break;
		case 11: /* a length that wraps around */
			memset(p->payload + 1, 0xff, 9);
			p->payload[10] = 1;
			p->bytes = htole16(11);
			break;
		case 12: /* a run without a length */
			p->bytes = htole16(1);
			break;
		case 13: /* a payload that ends within a length */
			p->payload[1] = 0x80;
			break;
		case 14: /* a payload that ends within a gap */
			p->payload[0] = 0x80;
			p->bytes = htole16(1);
			break;
		}
		reseal_page(p);
		assert_int_equal(replay_journal(&f, 0, 3, s, &end), want);
	}
	/* The last page is the beginning of a group that is not complete. */
	f.runs[0] = (struct run){ 100, 100 };
	write_marks(&f, 0, 3, 1);
	p->group++;
	p->csum = htole32(journal_page_csum(p));
	assert_int_equal(replay_journal(&f, 0, 3, s, &end), 0);
	assert_int_equal(end.head, 0);
	free(s);
	teardown(&f);
}

/*
 * The page after the end of the journal is valid, except for its field `durable`.  The next commit
 * must not make this page a part of the journal.
 */
static void test_other_durable(void **state)
{
	struct erad_disk_journal *p;
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));

	(void)state;
	setup(&f);
	p = journal_ring(&f) + 1;
	f.runs[0] = (struct run){ 100, 100 };
	write_marks(&f, 1, 3, 1);
	p->durable = htole64(0);
	reseal_page(p);
	assert_int_equal(replay_journal(&f, 0, 3, s, &end), 0);
	assert_int_equal(end.head, 0);
	write_marks(&f, 0, 3, 1);
	assert_int_equal(replay_journal(&f, 0, 3, s, &end), 0);
	assert_int_equal(end.head, 1);
	free(s);
	teardown(&f);
}

/* Damages a page.  Later pages say that this page was durable.  The journal begins at each place of the ring. */
static void test_lost(void **state)
{
	struct journal_end end;
	struct fixture f;
	struct seen *s = malloc(sizeof(*s));
	uint64_t seq;

	(void)state;
	setup(&f);
	f.runs[0] = (struct run){ 1, 1 };
	/* The ring is full, so the last place may contain the only page that shows the loss. */
	for (seq = 0; seq < RING * RING; seq++) {
		const uint64_t tail = seq / RING, bad = tail + seq % RING, newest = tail + RING - 1;
		uint64_t i;

		memset(f.disk.visible, 0, RING * ERAD_PAGE);
		for (i = tail; i <= newest; i++)
			write_marks(&f, i, 3, 1);
		journal_ring(&f)[bad % RING].payload[0] ^= 1;
		assert_int_equal(replay_journal(&f, tail, 3, s, &end), bad < newest ? -EUCLEAN : 0);
		assert_int_equal(end.head, bad);
		/* Damage before the tail does not matter. */
		assert_int_equal(replay_journal(&f, bad + 1, 3, s, &end), 0);
		assert_int_equal(end.head, newest + 1);
	}
	free(s);
	teardown(&f);
}

static void test_crc32c(void **state)
{
	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_runs_random),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_lengths_of_numbers),
		cmocka_unit_test(test_mixed_attempts),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_other_durable),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
