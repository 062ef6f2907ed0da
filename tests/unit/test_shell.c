// SPDX-License-Identifier: GPL-2.0-or-later
/* Words of shell commands: no text ends a word, begins a command or moves the cursor of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/shell.h"

static void assert_word(const char *text, const char *expected)
{
	char *word = shell_word(text);

	assert_non_null(word);
	assert_string_equal(word, expected);
	free(word);
}

static void test_usual_paths_stay_as_they_are(void **state)
{
	(void)state;
	assert_word("/dev/disk/by-id/virtio-disk0", "/dev/disk/by-id/virtio-disk0");
	assert_word("/mnt/a_b.c", "/mnt/a_b.c");
}

static void test_characters_of_the_shell_are_quoted(void **state)
{
	(void)state;
	assert_word("", "''");
	assert_word("/mnt/a b", "'/mnt/a b'");
	assert_word("/mnt/x;reboot", "'/mnt/x;reboot'");
	assert_word("~root", "'~root'");
	assert_word("/mnt/it's $(reboot) `reboot`\\", "'/mnt/it'\\''s $(reboot) `reboot`\\'");
}

static void test_bytes_that_are_not_printable_ascii_are_escaped(void **state)
{
	(void)state;
	assert_word("/a\nreboot", "$'/a\\012reboot'");
	assert_word("/a\33[2J'\\", "$'/a\\033[2J\\'\\\\'");
	assert_word("/\xff\303\244", "$'/\\377\\303\\244'");
}

/* Lets bash read each word, and compares the result. */
static void test_bash_reads_each_word_as_its_text(void **state)
{
	char path[] = "/tmp/erad-shell-XXXXXX", command[600], got[300] = "";
	const int fd = mkstemp(path);
	char text[256], *word;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	text[255] = 0;
	for (size_t first = 0; first < 255; first += 85) {
		char part[86];

		snprintf(part, sizeof(part), "%s", text + first);
		word = shell_word(part);
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "printf %%s %s\n", word);
		free(word);
		assert_int_equal(fclose(f), 0);
		snprintf(command, sizeof(command), "bash %s", path);
		f = popen(command, "r");
		assert_non_null(f);
		memset(got, 0, sizeof(got));
		assert_int_equal(fread(got, 1, sizeof(got) - 1, f), strlen(part));
		assert_int_equal(pclose(f), 0);
		assert_string_equal(got, part);
	}
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_paths_stay_as_they_are),
		cmocka_unit_test(test_characters_of_the_shell_are_quoted),
		cmocka_unit_test(test_bytes_that_are_not_printable_ascii_are_escaped),
		cmocka_unit_test(test_bash_reads_each_word_as_its_text),
	};

	return cmocka_run_group_tests_name("shell", tests, NULL, NULL);
}
