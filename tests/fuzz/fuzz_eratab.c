// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the parser and the writer of /etc/eratab. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/eratab.h"
#include "fuzz.h"

static char dir[] = "/dev/shm/erad-fuzz-XXXXXX", file[sizeof(dir) + 8];

static void clean_up(void)
{
	unlink(file);
	rmdir(dir);
}

static bool same_entry(const struct eratab_entry *a, const struct eratab_entry *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->origin, b->origin) &&
	       !strcmp(a->metadata, b->metadata) && a->noauto == b->noauto && a->detaching == b->detaching &&
	       a->policy == b->policy && a->detach_timeout == b->detach_timeout && a->refuse_gap == b->refuse_gap;
}

/* Returns whether another line names the same volume. */
static bool is_twice(const struct eratab *tab, const struct eratab_line *l)
{
	for (size_t i = 0; i < tab->nr; i++)
		if (&tab->line[i] != l && !strcmp(tab->line[i].name, l->name))
			return true;
	return false;
}

static void check_line(const struct eratab *tab, const struct eratab_line *l)
{
	const struct eratab_entry *e = l->entry, *found;
	struct err err = { "" };
	int ret;

	expect(!memchr(l->text, '\n', l->len) && !l->text[l->len]);
	expect(!(e && l->error));
	if (l->error)
		expect(!strncmp(l->error, tab->file, strlen(tab->file)));
	if (!l->name[0]) {
		expect(!e);
		return;
	}
	expect(!eratab_check_name(l->name, NULL));
	ret = eratab_find(tab, l->name, &found, &err);
	expect(!ret == !err.msg[0]);
	expect((ret == -EEXIST) == is_twice(tab, l));
	if (!e) {
		expect(l->error && (ret == -EINVAL || ret == -EEXIST));
		return;
	}
	expect(ret == -EEXIST || (!ret && found == e));
	expect(!strcmp(e->name, l->name));
	expect(e->origin[0] == '/' && strlen(e->origin) <= ERATAB_PATH_MAX);
	expect(e->metadata[0] == '/' && strlen(e->metadata) <= ERATAB_PATH_MAX);
}

/* Checks that the line that is written for an entry is read as the same entry. */
static void rewrite(const struct eratab *tab)
{
	const struct eratab_entry *e;
	struct eratab out;
	size_t i;

	expect(!eratab_parse("", 0, file, &out, NULL));
	for (i = 0; i < tab->nr; i++) {
		e = tab->line[i].entry;
		if (!e)
			continue;
		expect(!eratab_add(&out, e, NULL));
		expect(same_entry(out.line[out.nr - 1].entry, e));
		expect(eratab_add(&out, e, NULL) == -EEXIST);
	}
	for (i = 0; i < tab->nr; i++) {
		e = tab->line[i].entry;
		if (e) {
			expect(!eratab_remove(&out, e->name, NULL));
			expect(eratab_remove(&out, e->name, NULL) == -ENOENT);
		}
	}
	expect(!out.nr);
	eratab_free(&out);
}

/* Checks that a table is the same after it is written and read again. */
static void write_and_read(struct eratab *tab)
{
	struct eratab out;
	size_t i;

	expect(!eratab_write(tab, NULL));
	expect(!eratab_read(file, &out, NULL));
	expect(out.nr == tab->nr);
	for (i = 0; i < out.nr; i++) {
		const struct eratab_line *a = &tab->line[i], *b = &out.line[i];

		expect(a->len == b->len && !memcmp(a->text, b->text, a->len));
		expect(!a->entry == !b->entry && !a->error == !b->error);
		expect(!strcmp(a->name, b->name) && (!a->entry || same_entry(a->entry, b->entry)));
	}
	eratab_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { "" };
	struct eratab tab;
	size_t i, len = 0;
	char *text;
	int ret;

	if (!file[0]) {
		expect(mkdtemp(dir));
		snprintf(file, sizeof(file), "%s/eratab", dir);
		atexit(clean_up);
	}
	/*
	 * The buffer has no spare byte, so that the sanitizer finds a read after the end of the
	 * text.
	 */
	text = malloc(size ? size : 1);
	expect(text);
	if (size)
		memcpy(text, data, size);
	ret = eratab_parse(text, size, file, &tab, &err);
	free(text);
	if (ret) {
		expect(ret == -EFBIG && err.msg[0]);
		return 0;
	}
	for (i = 0; i < tab.nr; i++) {
		check_line(&tab, &tab.line[i]);
		len += tab.line[i].len + 1;
	}
	expect(len == size || len == size + 1);
	rewrite(&tab);
	/* Do this for one input in eight, because it is slower than the rest. */
	if (size % 8 == 0)
		write_and_read(&tab);
	eratab_free(&tab);
	return 0;
}
