// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds out whether a line of /etc/eratab names a path: see eratab_use.h. */
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
