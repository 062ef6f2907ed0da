// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The status page is well-formed and loads nothing.  Whatever erad answers, no name adds an element
 * to the page.
 */
#include <expat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/html.h"
#include "exporter/metrics.h"
#include "exporter/page.h"

/*
 * Hostile text, as in JSON: markup, quotes, control characters, a change of the direction of
 * writing, and bytes that are no character.
 */
#define HOSTILE	"</td></svg><script>alert(1)</script>\\\"'&amp;<!--]]>\\u0001\\n\\u001b[31m\\u202e\\u0085\\ufffe"

static const char answers[] =
	"{\"status\": {\"volumes\": [{\"volume\": \"a" HOSTILE "\", \"state\": \"" HOSTILE "\", \"suspended\": true,"
	" \"era\": 7, \"era_time\": 100, \"checkpoint_time\": 90, \"noauto\": true, \"device\": \"" HOSTILE "\","
	" \"origin\": \"" HOSTILE "\", \"size\": 1048576, \"block_size\": 4096, \"metadata\": \"" HOSTILE "\", \"held\": 3,"
	" \"oldest_held_seconds\": 4321.5, \"changed_bytes\": 4096, \"changed_before_bytes\": 1, \"mirror_error\": \"" HOSTILE "\","
	" \"events_error\": \"" HOSTILE "\", \"gaps\": [{\"era\": 3, \"time\": 5, \"kind\": \"" HOSTILE "\", \"detail\": \"" HOSTILE "\"}],"
	" \"gaps_total\": {\"degraded\": 1}, \"error\": \"" HOSTILE "\"}]},"
	" \"ping\": {\"version\": \"" HOSTILE "\"},"
	" \"writers\": {\"a" HOSTILE "\": {\"era\": 7, \"block_size\": 4096, \"error\": null, \"writers\": ["
	" {\"era\": 7, \"others\": false, \"command\": \"" HOSTILE "\", \"cgroup\": 12, \"blocks\": 5},"
	" {\"era\": 7, \"others\": true, \"command\": null, \"cgroup\": null, \"blocks\": 50}]}},"
	" \"maps\": {\"a" HOSTILE "\": {\"era\": 7, \"time\": 50, \"size\": 1048576, \"columns\": 4, \"cells\": \"01234567-\\\"<&\\u0001\","
	" \"ages\": [{\"newest\": 7, \"oldest\": 7, \"bytes\": 4096}, {\"newest\": 6, \"oldest\": 5, \"bytes\": 4096}]}},"
	" \"cgroups\": {\"12\": \"/" HOSTILE "\"}}";

static const char *const values[] = {
	"null", "true", "0", "-1", "1", "1.5", "-1e300", "1e999", "18446744073709551615", "\"\"", "\"<b>&\\\"'\"",
	"\"\\u0000x\"", "[]", "{}", "[[]]", "[{}]", "[null, 5]", "{\"degraded\": 18446744073709551615, \"x\": 5}",
	"[{\"era\": 7, \"blocks\": 18446744073709551615}, {\"era\": 7, \"blocks\": 18446744073709551615}]",
	"[{\"newest\": 0, \"oldest\": 9, \"bytes\": 18446744073709551615}]",
};

struct seen {
	unsigned int scripts, headers, scopes, images, titles, language;
	const char *bad;	/* part of an element or attribute that the page must not contain */
};

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	static const char *const elements[] = {
		"html", "head", "meta", "title", "link", "body", "header", "main", "footer", "section", "h1", "h2", "h3", "p",
		"a", "div", "span", "strong", "code", "time", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr",
		"th", "td", "svg", "rect", NULL
	};
	struct seen *s = ctx;
	size_t i;

	for (i = 0; elements[i] && strcmp(elements[i], name); i++)
		;
	if (!elements[i])
		s->bad = "element";
	s->headers += !strcmp(name, "th");
	s->images += !strcmp(name, "svg");
	for (i = 0; attributes[i]; i += 2) {
		s->scopes += !strcmp(attributes[i], "scope");
		s->titles += !strcmp(attributes[i], "role") || !strcmp(attributes[i], "aria-hidden");
		s->language += !strcmp(attributes[i], "lang");
		if (!strncmp(attributes[i], "on", 2) || !strcmp(attributes[i], "style") || !strcmp(attributes[i], "src"))
			s->bad = "attribute";
		if (!strcmp(attributes[i], "href") && *attributes[i + 1] != '/' && *attributes[i + 1] != '#')
			s->bad = "href";
		if (!strcmp(attributes[i], "href") && attributes[i + 1][1] == '/')
			s->bad = "href elsewhere";
	}
}

/*
 * Returns the page, and checks that it is well-formed and contains only the elements and attributes
 * that a page may contain.
 */
static char *print_page(struct json_object *o)
{
	struct page p = {
		.host = "m<a>\"&", .error = "", .now = 200, .refresh = true,
		.ping = json_object_object_get(o, "ping"), .status = json_object_object_get(o, "status"),
		.writers = json_object_object_get(o, "writers"), .maps = json_object_object_get(o, "maps"),
		.cgroups = json_object_object_get(o, "cgroups"),
	};
	XML_Parser parser = XML_ParserCreate("UTF-8");
	struct seen seen = { 0 };
	char *text = NULL;
	struct err err;
	size_t len;
	FILE *f;

	if (!p.status || metrics_check(p.status, &err)) {
		p.status = NULL;
		p.error = "no <answer>";
	}
	f = open_memstream(&text, &len);
	assert_non_null(f);
	page_print(f, &p);
	assert_int_equal(fclose(f), 0);
	XML_SetUserData(parser, &seen);
	XML_SetElementHandler(parser, on_start, NULL);
	if (!XML_Parse(parser, text, (int)len, 1))
		fail_msg("line %lu: %s", XML_GetCurrentLineNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
	if (seen.bad)
		fail_msg("an %s that must not be there: %s", seen.bad, text);
	assert_int_equal(seen.headers, seen.scopes);
	assert_int_equal(seen.images, seen.titles - !p.status);
	assert_int_equal(seen.language, 1);
	XML_ParserFree(parser);
	return text;
}

static void test_hostile_names_are_text(void **state)
{
	struct json_object *o = json_tokener_parse(answers);
	char *text;

	(void)state;
	assert_non_null(o);
	text = print_page(o);
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "\x1b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "&#60;script&#62;alert(1)"));
	assert_non_null(strstr(text, "all others"));
	assert_non_null(strstr(text, "oldest 1 h 12 min"));
	assert_non_null(strstr(text, "91 %"));
	free(text);
	json_object_put(o);
}

/* Replaces each member of `in` by each of the values, and then does the same within this member. */
static void replace_members(struct json_object *root, struct json_object *in)
{
	if (json_object_is_type(in, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(in); i++)
			replace_members(root, json_object_array_get_idx(in, i));
		return;
	}
	if (!json_object_is_type(in, json_type_object))
		return;
	json_object_object_foreach(in, key, value) {
		struct json_object *had = json_object_get(value);

		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			json_object_object_add(in, key, json_tokener_parse(values[i]));
			free(print_page(root));
		}
		json_object_object_add(in, key, had);
		replace_members(root, had);
	}
}

static void test_wrong_answers_give_a_page(void **state)
{
	struct json_object *o = json_tokener_parse(answers);

	(void)state;
	replace_members(o, o);
	json_object_put(o);
}

static void has_text(const char *text, const char *expected)
{
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	assert_non_null(f);
	html_text(f, text);
	fclose(f);
	assert_string_equal(got, expected);
	free(got);
}

static void test_bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	has_text("caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80");
	has_text("\xff", "\xef\xbf\xbd");
	has_text("\xc3", "\xef\xbf\xbd");			/* a character that is cut off */
	has_text("\xe2\x82x", "\xef\xbf\xbd\xef\xbf\xbdx");
	has_text("\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd");	/* '<' encoded in too many bytes */
	has_text("\xe0\x80\xbc", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	has_text("\xed\xa0\x80", "\xef\xbf\xbd");		/* half of a surrogate pair of UTF-16 */
	has_text("\t\x7f<>&\"'", "\xef\xbf\xbd\xef\xbf\xbd&#60;&#62;&#38;&#34;&#39;");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_names_are_text),
		cmocka_unit_test(test_wrong_answers_give_a_page),
		cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
