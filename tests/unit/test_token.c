// SPDX-License-Identifier: GPL-2.0-or-later
/* Tokens: a printed token is read again, and any other text is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/token.h"

static void test_a_token_is_read_as_it_is_printed(void **state)
{
	static const struct token t = { .uuid = { 0xab, 1 }, .timeline = 0xfedcba9876543210, .era = 4294967294 };
	static const char text[] = "ab010000-0000-0000-0000-000000000000:fedcba9876543210:4294967294";
	struct token got;
	char out[TOKEN_TEXT_SIZE];

	(void)state;
	assert_string_equal(token_text(&t, out), text);
	assert_true(token_from_text(text, &got));
	assert_memory_equal(got.uuid, t.uuid, sizeof(t.uuid));
	assert_true(got.timeline == t.timeline && got.era == t.era);
}

static void test_anything_else_is_no_token(void **state)
{
	static const char *const bad[] = {
		"", "5", "ab010000-0000-0000-0000-000000000000", "ab010000-0000-0000-0000-000000000000:",
		"ab010000-0000-0000-0000-000000000000:fedcba9876543210:",
		"ab010000-0000-0000-0000-000000000000:0000000000000000:7",
		"ab010000-0000-0000-0000-000000000000:fedcba987654321:77",
		"ab010000-0000-0000-0000-000000000000:FEDCBA9876543210:7",
		"ab010000-0000-0000-0000-000000000000:fedcba9876543210:07",
		"ab010000-0000-0000-0000-000000000000:fedcba9876543210:-1",
		"ab010000-0000-0000-0000-000000000000:fedcba9876543210:7 ",
		"ab010000-0000-0000-0000-000000000000:fedcba9876543210:4294967295",
		"ab010000-0000-0000-0000-000000000000:fedcba9876543210:18446744073709551623",
		"ab010000-0000-0000-0000-000000000000;fedcba9876543210:7",
	};
	struct token got;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(token_from_text(bad[i], &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_token_is_read_as_it_is_printed),
		cmocka_unit_test(test_anything_else_is_no_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
