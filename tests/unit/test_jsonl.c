// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of JSON: any text can be written into a line, and be read from it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/jsonl.h"

/* Writes text into a line, and checks that the peer reads `expected`. */
static void assert_becomes(const char *text, const char *expected)
{
	struct json_object *o = json_object_new_object(), *read;
	const char *line;
	struct err err;

	json_object_object_add(o, "text", jsonl_text(text));
	line = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	assert_int_equal(jsonl_parse(line, strlen(line), &read, &err), 0);
	assert_string_equal(json_object_get_string(json_object_object_get(read, "text")), expected);
	json_object_put(read);
	json_object_put(o);
}

static void test_utf8(void **state)
{
	static const char *const kept[] = {
		"", "plain", "\"\\\n", "\303\251", "\337\277", "\340\240\200", "\355\237\277", "\357\277\277",
		"\360\220\200\200", "\364\217\277\277",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_becomes(kept[i], kept[i]);
}

static void test_not_utf8(void **state)
{
	(void)state;
	assert_becomes("/dev/\377", "/dev/?");
	assert_becomes("\200a", "?a");
	/* Use a character that is cut off, at the end of the text and before another character. */
	assert_becomes("a\303", "a?");
	assert_becomes("\342\202", "??");
	assert_becomes("\342\202x", "??x");
	assert_becomes("\303\303\251", "?\303\251");
	/*
	 * Use an encoding with too many bytes, half of a surrogate pair, and a code point that is
	 * too large.
	 */
	assert_becomes("\300\200", "??");
	assert_becomes("\340\237\277", "???");
	assert_becomes("\355\240\200", "???");
	assert_becomes("\364\220\200\200", "????");
	assert_becomes("\370\210\200\200\200", "?????");
}

/*
 * The peer refuses a whole line with bytes that are not UTF-8. This is why the writer replaces such
 * bytes.
 */
static void test_refuse(void **state)
{
	static const char line[] = "{\"text\":\"\377\"}", zero[] = "{\"a\":1}\0";
	struct json_object *o;
	struct err err;

	(void)state;
	assert_int_equal(jsonl_parse(line, strlen(line), &o, &err), -EBADMSG);
	assert_int_equal(jsonl_parse(zero, sizeof(zero) - 1, &o, &err), -EBADMSG);
	assert_int_equal(jsonl_parse("[1]", 3, &o, &err), -EBADMSG);
	assert_int_equal(jsonl_parse("{\"a\":", 5, &o, &err), -EBADMSG);
}

/* Connects `to`, the sender, with `from`, the reader. */
static void connect_pair(int fd[2], struct jsonl *to, struct jsonl *from)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	jsonl_init(to, fd[0], 0, 10000);
	jsonl_init(from, fd[1], 1024, 10000);
}

static void test_send_says_when_nobody_reads(void **state)
{
	struct json_object *o;
	struct jsonl to, from;
	struct err err;
	int fd[2];

	(void)state;
	connect_pair(fd, &to, &from);
	assert_int_equal(jsonl_send(&to, "part", json_object_new_int(7)), 0);
	assert_int_equal(jsonl_read(&from, &o, &err), 0);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"part\":7}");
	json_object_put(o);
	close(fd[1]);
	assert_int_equal(jsonl_send(&to, "part", json_object_new_int(7)), -ECANCELED);
	close(fd[0]);
	jsonl_free(&from);
	jsonl_free(&to);
}

static void test_a_part_is_sent_once(void **state)
{
	struct json_object *part = json_object_new_int(7), *o;
	struct jsonl to, from;
	struct err err;
	int fd[2];

	(void)state;
	connect_pair(fd, &to, &from);
	assert_int_equal(jsonl_send_part(&to, &part), 0);
	assert_null(part);
	assert_int_equal(jsonl_send_part(&to, &part), 0);
	close(fd[0]);
	assert_int_equal(jsonl_read(&from, &o, &err), 0);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"part\":7}");
	json_object_put(o);
	assert_int_equal(jsonl_read(&from, &o, &err), -ENODATA);
	close(fd[1]);
	jsonl_free(&from);
	jsonl_free(&to);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_part_is_sent_once),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_send_says_when_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
