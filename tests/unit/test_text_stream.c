// SPDX-License-Identifier: GPL-2.0-or-later
/* A stream into memory contains all that was written, or reports that memory was short. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text_stream.h"

static size_t largest = SIZE_MAX;	/* the largest buffer for which there is memory, in bytes */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size)
{
	return size > largest ? NULL : __real_realloc(p, size);
}

static int write_numbers(struct text_stream *t, unsigned int nr)
{
	FILE *f = text_stream_open(t);

	assert_non_null(f);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(f, "%08u\n", i);
	return text_stream_close(f, t);
}

static void test_a_text_of_any_length_is_complete(void **state)
{
	static const unsigned int lengths[] = { 0, 1, 28, 29, 500, 5000 };
	struct text_stream t;
	char line[16];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		assert_int_equal(write_numbers(&t, lengths[i]), 0);
		assert_int_equal(t.len, 9 * lengths[i]);
		assert_int_equal(strlen(t.text), t.len);
		for (unsigned int n = 0; n < lengths[i]; n++) {
			snprintf(line, sizeof(line), "%08u\n", n);
			assert_memory_equal(t.text + 9 * n, line, 9);
		}
		free(t.text);
	}
}

static void test_a_text_that_was_cut_is_an_error(void **state)
{
	struct text_stream t;

	(void)state;
	for (largest = 0; largest < 40000; largest = largest ? 2 * largest : 256) {
		assert_int_equal(write_numbers(&t, 5000), -ENOMEM);
		assert_null(t.text);
		assert_int_equal(t.len, 0);
	}
	largest = 0;
	assert_int_equal(write_numbers(&t, 0), -ENOMEM);
	assert_null(t.text);
	largest = SIZE_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_of_any_length_is_complete),
		cmocka_unit_test(test_a_text_that_was_cut_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
