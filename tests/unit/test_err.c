// SPDX-License-Identifier: GPL-2.0-or-later
/* Error messages: no control character reaches a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"

static void assert_printed(const char *text, const char *expected)
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

static void assert_replaced(const char *text, const char *expected)
{
	char copy[64];

	strcpy(copy, text);
	assert_string_equal(printable(copy), expected);
}

static void test_control_characters_are_printed_as_numbers(void **state)
{
	(void)state;
	assert_printed("", "");
	assert_printed("/srv/data.erad", "/srv/data.erad");
	assert_printed("m\033[31m\nred\177", "m\\x1b[31m\\x0ared\\x7f");
	/*
	 * The text contains the control character U+009B in UTF-8, and then letters that contain
	 * its bytes.
	 */
	assert_printed("\xc2\x9b" "31m", "\\xc2\\x9b31m");
	assert_printed("\xc3\x9b\xc2\xa0\xe2\x82\xac", "\xc3\x9b\xc2\xa0\xe2\x82\xac");
	assert_printed("\xc2", "\xc2");
}

static void test_control_characters_are_replaced_in_sentences(void **state)
{
	(void)state;
	assert_replaced("m\033[31m\nred", "m?[31m?red");
	assert_replaced("\xc2\x9b" "31m \xc3\x9b", "??31m \xc3\x9b");
}

/*
 * An error with a path of 200 bytes is part of another error with a path of 200 bytes.  erad makes
 * no longer messages.
 */
static void test_a_nested_sentence_is_not_cut(void **state)
{
	struct err inner, outer;
	char path[201];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	err_set(&inner, -1, "%s was replaced by another file, which is not used: move the other file away, and %s back", path, path);
	err_set(&outer, -1, "its metadata %s is not closed cleanly: %s; 'eractl check' says more", path, inner.msg);
	assert_non_null(strstr(outer.msg, " back; 'eractl check' says more"));
	err_prefix(&outer, -1, "volume %s", path);
	assert_non_null(strstr(outer.msg, " back; 'eractl check' says more"));
	err_suffix(&outer, "the line of %s stays", "data");
	assert_non_null(strstr(outer.msg, " says more; the line of data stays"));
}

static void test_a_sentence_that_is_too_long_shows_that_it_is_cut(void **state)
{
	char text[2 * ERR_MAX];
	struct err err;

	(void)state;
	for (size_t shift = 0; shift < 2; shift++) {
		/*
		 * The characters have two bytes each.  The message must not end with half of a
		 * character.
		 */
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = (i + shift) % 2 ? '\xa4' : '\xc3';
		text[0] = shift ? 'x' : text[0];
		text[sizeof(text) - 1] = 0;
		err_set(&err, -1, "%s", text);
		assert_true(strlen(err.msg) >= ERR_MAX - 2);
		assert_string_equal(strstr(err.msg, "..."), "...");
		assert_int_equal((unsigned char)err.msg[strlen(err.msg) - 4], 0xa4);
		err_set(&err, -1, "%.*s", ERR_MAX - 2, text);
		assert_null(strstr(err.msg, "..."));
		err_suffix(&err, "the volume stays");
		assert_string_equal(strstr(err.msg, "..."), "...");
		err_set(&err, -1, "%.*s", ERR_MAX - 6, text);
		err_suffix(&err, "the volume stays");
		assert_string_equal(strstr(err.msg, "..."), "...");
		err_set(&err, -1, "%.*s", ERR_MAX - 2, text);
		err_prefix(&err, -1, "volume data");
		assert_string_equal(strstr(err.msg, "..."), "...");
		assert_int_equal((unsigned char)err.msg[strlen(err.msg) - 4], 0xa4);
	}
}

static void assert_joined(const char *text, const char *expected)
{
	char copy[64];

	strcpy(copy, text);
	assert_string_equal(one_line(copy), expected);
}

static void test_the_output_of_a_program_becomes_one_line(void **state)
{
	(void)state;
	assert_joined("", "");
	assert_joined("\n \n", "");
	assert_joined("global_filter=\"a|.*|\"\n", "global_filter=\"a|.*|\"");
	assert_joined("  WARNING: one.\n  Two  words.\n", "WARNING: one. Two words.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control_characters_are_printed_as_numbers),
		cmocka_unit_test(test_control_characters_are_replaced_in_sentences),
		cmocka_unit_test(test_a_nested_sentence_is_not_cut),
		cmocka_unit_test(test_a_sentence_that_is_too_long_shows_that_it_is_cut),
		cmocka_unit_test(test_the_output_of_a_program_becomes_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
