// SPDX-License-Identifier: GPL-2.0-or-later
/* Error sentences: no control character gets to a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"

static void printed(const char *text, const char *expected)
{
	size_t len;
	char *got;
	FILE *f = open_memstream(&got, &len);

	assert_non_null(f);
	print_printable(f, text);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(got, expected);
	free(got);
}

static void replaced(const char *text, const char *expected)
{
	char copy[64];

	strcpy(copy, text);
	assert_string_equal(printable(copy), expected);
}

static void test_control_characters_are_printed_as_numbers(void **state)
{
	(void)state;
	printed("", "");
	printed("/srv/data.erad", "/srv/data.erad");
	printed("m\033[31m\nred\177", "m\\x1b[31m\\x0ared\\x7f");
	/* UTF-8: the control character U+009B, then letters that contain its bytes. */
	printed("\xc2\x9b" "31m", "\\xc2\\x9b31m");
	printed("\xc3\x9b\xc2\xa0\xe2\x82\xac", "\xc3\x9b\xc2\xa0\xe2\x82\xac");
	printed("\xc2", "\xc2");
}

static void test_control_characters_are_replaced_in_sentences(void **state)
{
	(void)state;
	replaced("m\033[31m\nred", "m?[31m?red");
	replaced("\xc2\x9b" "31m \xc3\x9b", "??31m \xc3\x9b");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control_characters_are_printed_as_numbers),
		cmocka_unit_test(test_control_characters_are_replaced_in_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
