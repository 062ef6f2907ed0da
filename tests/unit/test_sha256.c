// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hashes of the examples of FIPS 180-4 are right, for a message in one piece and for one in
 * several pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/sha256.h"

static void assert_hash(const void *data, size_t len, size_t piece, const char *expected)
{
	char text[SHA256_TEXT];
	struct sha256 s;

	assert_int_equal(sha256_begin(&s), 0);
	for (size_t at = 0; at < len; at += piece)
		sha256_add(&s, (const char *)data + at, len - at < piece ? len - at : piece);
	sha256_end(&s, text);
	assert_string_equal(text, expected);
}

static void test_examples_of_the_standard_have_their_hashes(void **state)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	(void)state;
	assert_hash("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_hash("abc", 3, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_hash(two, strlen(two), 100, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_pieces_of_any_length_have_the_same_hash(void **state)
{
	static char a[1000000];

	(void)state;
	memset(a, 'a', sizeof(a));
	for (size_t piece = 1; piece < 200; piece += 1 + piece / 8)
		assert_hash(a, sizeof(a), piece, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_hash(a, sizeof(a), sizeof(a), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_of_the_standard_have_their_hashes),
		cmocka_unit_test(test_pieces_of_any_length_have_the_same_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
