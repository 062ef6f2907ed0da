// SPDX-License-Identifier: GPL-2.0-or-later
/* Byte sizes: which texts are read as a size, and how sizes are shown. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/size.h"

static uint64_t parse_size(const char *text)
{
	uint64_t n = 0;

	assert_int_equal(size_parse(text, &n), 0);
	return n;
}

static void test_parse(void **state)
{
	(void)state;
	assert_int_equal(parse_size("0"), 0);
	assert_int_equal(parse_size("65536"), 65536);
	assert_int_equal(parse_size("64K"), 65536);
	assert_int_equal(parse_size("64KiB"), 65536);
	assert_int_equal(parse_size("64k"), 65536);
	assert_int_equal(parse_size("64kiB"), 65536);
	assert_int_equal(parse_size("1m"), 1 << 20);
	assert_int_equal(parse_size("3g"), 3ull << 30);
	assert_int_equal(parse_size("2t"), 2ull << 40);
	assert_int_equal(parse_size("1M"), 1 << 20);
	assert_int_equal(parse_size("3G"), 3ull << 30);
	assert_int_equal(parse_size("2T"), 2ull << 40);
	assert_int_equal(parse_size("18446744073709551615"), UINT64_MAX);
	assert_int_equal(parse_size("16777215T"), 16777215ull << 40);
}

static void test_refuse(void **state)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "-1", "+1", "K", "1KB", "1Ki", "1KiBs", "1KK", "0x10",
		"1.5M", "1P", "64 K",
	};
	uint64_t n = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(size_parse(bad[i], &n), -EINVAL);
	assert_int_equal(size_parse("18446744073709551616", &n), -ERANGE);
	assert_int_equal(size_parse("16777216T", &n), -ERANGE);
	assert_int_equal(n, 7);
}

static void assert_shown(uint64_t bytes, const char *text)
{
	char buf[SIZE_TEXT];

	assert_string_equal(size_format(buf, bytes), text);
}

static void test_format(void **state)
{
	(void)state;
	assert_shown(0, "0 B");
	assert_shown(1023, "1023 B");
	assert_shown(1024, "1 KiB");
	assert_shown(65536, "64 KiB");
	assert_shown(1536, "1.5 KiB");
	assert_shown((1 << 20) - 1, "1 MiB");
	assert_shown(1023 * 1024, "1023 KiB");
	assert_shown(1300ull << 30, "1.3 TiB");
	assert_shown(UINT64_MAX, "16 EiB");
	assert_shown(UINT64_MAX / 10 * 9, "14.4 EiB");
}

static void assert_exact(uint64_t bytes, const char *text)
{
	char buf[SIZE_EXACT];

	assert_string_equal(size_exact(buf, bytes), text);
}

static void test_exact_text_has_the_bytes_where_the_short_one_is_rounded(void **state)
{
	(void)state;
	assert_exact(0, "0 B");
	assert_exact(65536, "64 KiB");
	assert_exact(1536, "1.5 KiB (1536 bytes)");
	assert_exact(1 << 20, "1 MiB");
	assert_exact((1 << 20) + 1, "1 MiB (1048577 bytes)");
	assert_exact((1 << 20) - 1, "1 MiB (1048575 bytes)");
	assert_exact(UINT64_MAX, "16 EiB (18446744073709551615 bytes)");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_exact_text_has_the_bytes_where_the_short_one_is_rounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
