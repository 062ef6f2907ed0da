// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes names of systemd's units from other strings: see unit_name.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "generator/unit_name.h"

struct name_builder {
	char *text;
	/* Length of the whole name, including the part that did not fit into text. */
	size_t len;
};

static void add_char(struct name_builder *b, char c)
{
	if (b->len < UNIT_NAME_MAX)
		b->text[b->len] = c;
	b->len++;
}

static void add_text(struct name_builder *b, const char *s)
{
	while (*s)
		add_char(b, *s++);
}

static void add_escaped(struct name_builder *b, const char *s, size_t len, bool at_start)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.";
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (strchr(plain, c) && !(c == '.' && !i && at_start)) {
			add_char(b, c);
			continue;
		}
		add_text(b, "\\x");
		add_char(b, hex[c >> 4]);
		add_char(b, hex[c & 15]);
	}
}

static int finish_name(struct name_builder *b)
{
	if (b->len > UNIT_NAME_MAX)
		return -ENAMETOOLONG;
	b->text[b->len] = 0;
	return 0;
}

int unit_name_of_device(struct unit_name *out, const char *path)
{
	struct name_builder b = { .text = out->text };
	size_t len;

	for (; path += strspn(path, "/"), *path; path += len) {
		len = strcspn(path, "/");
		if (len == 1 && *path == '.')
			continue;
		if (len == 2 && !strncmp(path, "..", 2))
			return -EINVAL;
		if (b.len)
			add_char(&b, '-');
		add_escaped(&b, path, len, !b.len);
	}
	if (!b.len)
		add_char(&b, '-');
	add_text(&b, ".device");
	return finish_name(&b);
}

int unit_name_of_instance(struct unit_name *out, const char *prefix, const char *instance, const char *suffix)
{
	struct name_builder b = { .text = out->text };

	add_text(&b, prefix);
	add_char(&b, '@');
	add_escaped(&b, instance, strlen(instance), true);
	add_text(&b, suffix);
	return finish_name(&b);
}
