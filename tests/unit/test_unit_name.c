// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of systemd's units: the expected names are the output of systemd-escape(1). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "generator/unit_name.h"

static void test_device(void **state)
{
	static const struct {
		const char *path, *unit;
	} known[] = {
		{ "/dev/vda", "dev-vda.device" },
		{ "/dev//disk/./by-id/a.b+c=/", "dev-disk-by\\x2did-a.b\\x2bc\\x3d.device" },
		{ "/dev/a b", "dev-a\\x20b.device" },
		{ "/dev/.x", "dev-.x.device" },
		{ "/.dev/..x", "\\x2edev-..x.device" },
		{ "/", "-.device" },
		{ "/dev/\xc3\xbc\\q%", "dev-\\xc3\\xbc\\x5cq\\x25.device" },
	};
	struct unit_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		assert_int_equal(unit_name_of_device(&name, known[i].path), 0);
		assert_string_equal(name.text, known[i].unit);
	}
	assert_int_equal(unit_name_of_device(&name, "/dev/../x"), -EINVAL);
	assert_int_equal(unit_name_of_device(&name, "/dev/.."), -EINVAL);
}

static void test_instance(void **state)
{
	struct unit_name name;

	(void)state;
	assert_int_equal(unit_name_of_instance(&name, "erad-volume", "a-b+c", ".service"), 0);
	assert_string_equal(name.text, "erad-volume@a\\x2db\\x2bc.service");
	assert_int_equal(unit_name_of_instance(&name, "erad-volume", ".x", ".service"), 0);
	assert_string_equal(name.text, "erad-volume@\\x2ex.service");
	assert_int_equal(unit_name_of_instance(&name, "erad-volume", "a.b_c", ".service"), 0);
	assert_string_equal(name.text, "erad-volume@a.b_c.service");
}

static void test_longest(void **state)
{
	char path[300] = "/dev/";
	struct unit_name name;

	(void)state;
	memset(path + 5, 'x', 244);
	assert_int_equal(unit_name_of_device(&name, path), 0);
	assert_int_equal(strlen(name.text), UNIT_NAME_MAX);
	path[249] = 'x';
	assert_int_equal(unit_name_of_device(&name, path), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
