// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads JSON from standard input, and prints the values at the given paths, separated by spaces. A
 * shell would start perl for this, which takes an emulated processor half a second.
 *
 * usage: field PATH...
 *
 * A path is a list of names and of indexes of arrays, joined by dots: "image.state". A path starts
 * at the first volume of `eractl status --json`, or at the whole JSON value if the path begins with
 * a dot: ".0.value.era". A value that does not exist is printed as null, true as 1, and false as 0.
 * An array of objects that have a member "count", which is a histogram, is printed as the sum of
 * these members.
 */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Returns the value at the path below o, or NULL. The value belongs to o. Overwrites the dots of
 * the path.
 */
static struct json_object *at(struct json_object *o, char *path)
{
	char *name;

	while ((name = strsep(&path, "."))) {
		struct json_object *next = NULL;

		if (json_object_is_type(o, json_type_array))
			next = json_object_array_get_idx(o, strtoul(name, NULL, 10));
		else
			json_object_object_get_ex(o, name, &next);
		o = next;
	}
	return o;
}

static void print(struct json_object *value)
{
	long long sum = 0;

	switch (json_object_get_type(value)) {
	case json_type_null:
		fputs("null", stdout);
		break;
	case json_type_boolean:
		putchar(json_object_get_boolean(value) ? '1' : '0');
		break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_object *count;

			if (!json_object_object_get_ex(json_object_array_get_idx(value, i), "count", &count)) {
				fputs("field: an array is no histogram\n", stderr);
				exit(1);
			}
			sum += json_object_get_int64(count);
		}
		printf("%lld", sum);
		break;
	default:
		fputs(json_object_get_string(value), stdout);
	}
}

/* Returns all of standard input as JSON. The caller frees it with json_object_put(). */
static struct json_object *read_json(void)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o = NULL;
	size_t len = 0, size = 0;
	char *text = NULL;
	ssize_t n;

	n = getdelim(&text, &size, '\0', stdin);
	if (n > 0)
		len = (size_t)n;
	while (len && strchr("\n\t ", text[len - 1]))
		len--;
	if (tok && len) {
		json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
		o = json_tokener_parse_ex(tok, text, (int)len);
	}
	if (!o) {
		fprintf(stderr, "field: not JSON: '%.*s'\n", (int)len, len ? text : "");
		exit(1);
	}
	json_tokener_free(tok);
	free(text);
	return o;
}

int main(int argc, char **argv)
{
	char volume[] = "volumes.0";
	struct json_object *top, *first;

	if (argc < 2) {
		fputs("usage: field PATH...\n", stderr);
		return 2;
	}
	top = read_json();
	first = at(top, volume);
	for (int i = 1; i < argc; i++) {
		if (i > 1)
			putchar(' ');
		print(argv[i][0] == '.' ? at(top, argv[i] + 1) : at(first, argv[i]));
	}
	putchar('\n');
	json_object_put(top);
	return 0;
}
