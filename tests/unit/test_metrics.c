// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics of invalid answers: each member of a status is replaced by values of all kinds. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/jsonl.h"
#include "exporter/metrics.h"

static const char *const values[] = {
	"null", "true", "0", "-1", "1", "1.5", "-1e300", "1e999", "9223372036854775807", "18446744073709551615",
	"99999999999999999999999", "\"\"", "\"\\n\\\"\\\\\"", "\"\\u0000x\"", "[]", "{}", "[[]]", "[{}]",
	"[{\"count\": -1}]", "[{\"count\": 18446744073709551615}, {\"count\": 18446744073709551615}]",
	"[{\"below_ns\": 4, \"count\": 18446744073709551615}, {\"count\": 1}]",
	"[{\"below_ns\": 0, \"count\": 1}, null, 5]", "{\"hold\": 5, \"hold_ns\": []}",
	"{\"hold\": [{\"below_ns\": \"\", \"count\": 18446744073709551615}], \"hold_ns\": 18446744073709551615}",
};

/*
 * Checks that every line is a comment or NAME{LABELS} VALUE, and that no sample of a histogram is
 * smaller than the previous one.
 */
static void check_text(char *text)
{
	unsigned long long last = 0;
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strrchr(line, ' '), *end;

		if (*line == '#')
			continue;
		assert_non_null(value);
		assert_memory_equal(line, "erad_", 5);
		value++;
		assert_true(isfinite(strtod(value, &end)) && *value != '-');
		assert_int_equal(*end, '\0');
		if (!strstr(line, "_bucket{"))
			continue;
		if (strstr(line, "le=\"0.000065536\""))
			last = 0;
		assert_true(strtoull(value, NULL, 10) >= last);
		last = strtoull(value, NULL, 10);
	}
}

/*
 * Prints the metrics of o, and checks them.  text: a part that the metrics must contain, or NULL.
 */
static void print_metrics(struct json_object *o, const char *text)
{
	struct err err = { "" };
	char *got = NULL;
	size_t len;
	FILE *f;
	int r;

	r = metrics_check(o, &err);
	if (r) {
		assert_int_equal(r, -EBADMSG);
		assert_true(*err.msg);
		return;
	}
	f = open_memstream(&got, &len);
	assert_non_null(f);
	metrics_print(f, NULL, o);
	assert_int_equal(fclose(f), 0);
	if (text)
		assert_non_null(strstr(got, text));
	check_text(got);
	free(got);
}

static struct json_object *parse_json(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	return o;
}

/* Reads the status from a file.  Tests run in the top directory of the tree. */
static struct json_object *read_status(void)
{
	struct json_object *answer = json_object_from_file("tests/tools/exporter/status.json");
	struct json_object *o;

	assert_non_null(answer);
	o = json_object_get(json_object_object_get(answer, "result"));
	json_object_put(answer);
	return o;
}

static struct json_object *first_volume(struct json_object *o)
{
	return json_object_array_get_idx(json_object_object_get(o, "volumes"), 0);
}

static void test_values(void **state)
{
	struct json_object *whole = read_status();

	(void)state;
	print_metrics(whole, "erad_hold_duration_seconds_bucket{volume=\"data\",le=\"+Inf\"} 125\n");
	json_object_object_foreach(first_volume(whole), key, unused) {
		(void)unused;
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			struct json_object *o = read_status();

			json_object_object_add(first_volume(o), key, json_tokener_parse(values[i]));
			print_metrics(o, NULL);
			json_object_put(o);
		}
	}
	json_object_put(whole);
}

static void test_events(void **state)
{
	static const char *const keys[] = { "failed", "rollovers", "hold_ns", "hold" };

	(void)state;
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			struct json_object *o = read_status();

			json_object_object_add(json_object_object_get(first_volume(o), "events"), keys[k],
					       json_tokener_parse(values[i]));
			print_metrics(o, NULL);
			json_object_put(o);
		}
}

/* Answers without a list of volumes, or with the same name twice, are refused. */
static void test_shapes(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"volumes\": null}", "{\"volumes\": {}}", "{\"volumes\": [null]}", "{\"volumes\": [[]]}",
		"{\"volumes\": [{}]}", "{\"volumes\": [{\"volume\": 1}]}",
		"{\"volumes\": [{\"volume\": \"a\"}, {\"volume\": \"b\"}, {\"volume\": \"a\"}]}",
	};
	struct json_object *o;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		o = parse_json(bad[i]);
		assert_int_equal(metrics_check(o, &err), -EBADMSG);
		json_object_put(o);
	}
	assert_int_equal(metrics_check(NULL, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
