// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds out whether a line of /etc/eratab names a path or a UUID: see eratab_use.h. */
#include <errno.h>
#include <string.h>

#include "common/blockdev.h"
#include "common/eratab_use.h"

static bool same_place(const char *a, const char *b)
{
	return !strcmp(a, b) || blockdev_same_place(a, b);
}

const char *eratab_use(const struct eratab_entry *e, const char *path)
{
	if (same_place(e->origin, path))
		return "origin";
	return same_place(e->metadata, path) ? "metadata" : NULL;
}

int eratab_refuse(const struct eratab *tab, size_t line, const char *role, const char *path, const char *use, struct err *err)
{
	return err_set(err, -EEXIST,
		       "%s %.200s is the %s of volume %s in line %zu of %s; if that volume is not used any more, remove it with 'eractl forget' first",
		       role, path, use, tab->line[line].entry->name, line + 1, tab->file);
}

const char *eratab_same_uuid(const struct eratab *tab, const char *name, const char *uuid,
			     void (*read_uuid)(const char *metadata, char uuid[UUID_TEXT_SIZE]))
{
	char found[UUID_TEXT_SIZE];

	for (size_t i = 0; i < tab->nr && *uuid; i++) {
		const struct eratab_line *l = &tab->line[i];

		if ((!l->entry && !l->error) || !strcmp(l->name, name))
			continue;
		*found = 0;
		if (l->entry)
			read_uuid(l->entry->metadata, found);
		if (!*found || !strcmp(found, uuid))
			return *l->name ? l->name : "?";
	}
	return NULL;
}
