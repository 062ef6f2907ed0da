// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and changes eratab, under one lock: see table.h. */
#include <pthread.h>
#include <stdio.h>

#include "erad/ops/table.h"

/* Held for each reading, and for each reading with change and writing.  No lock is taken under it. */
static pthread_mutex_t tab_lock = PTHREAD_MUTEX_INITIALIZER;

int op_read_table(struct eratab *tab, struct err *err)
{
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_read(ERAD_TAB, tab, err);
	pthread_mutex_unlock(&tab_lock);
	return r;
}

/* Adds an entry, or removes a name.  One of the two is NULL. */
static int change_table(const struct eratab_entry *add, const char *remove, struct err *err)
{
	struct eratab tab;
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_read(ERAD_TAB, &tab, err);
	if (!r) {
		r = add ? eratab_add(&tab, add, err) : eratab_remove(&tab, remove, err);
		if (!r)
			r = eratab_write(&tab, err);
		eratab_free(&tab);
	}
	pthread_mutex_unlock(&tab_lock);
	return r;
}

int table_add(const struct eratab_entry *e, struct err *err)
{
	return change_table(e, NULL, err);
}

int table_remove(const char *name, struct err *err)
{
	return change_table(NULL, name, err);
}

void default_metadata(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.erad", ERAD_LIB_DIR, name);
}
