// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and changes eratab, under one lock: see table.h. */
#include <pthread.h>
#include <stdio.h>

#include "erad/ops/table.h"

/*
 * Protects eratab.  Held during each read of the file, and during each change, which reads and
 * writes the file.  No other lock is taken while this lock is held.
 */
static pthread_mutex_t tab_lock = PTHREAD_MUTEX_INITIALIZER;

int op_read_table(struct eratab *tab, struct err *err)
{
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_read(ERAD_TAB, tab, err);
	pthread_mutex_unlock(&tab_lock);
	return r;
}

/*
 * Makes one change: adds the entry `add`, replaces the line of the volume by `replace`, or removes
 * the line of the volume `remove`.  Two of the three are NULL.
 */
static int change_table(const struct eratab_entry *add, const struct eratab_entry *replace, const char *remove,
			struct err *err)
{
	struct eratab tab;
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_read(ERAD_TAB, &tab, err);
	if (!r) {
		if (add)
			r = eratab_add(&tab, add, err);
		else
			r = replace ? eratab_replace(&tab, replace, err) : eratab_remove(&tab, remove, err);
		if (!r) {
			r = eratab_write(&tab, err);
			/*
			 * The write has failed, but the file may have the new line.  Remove the
			 * line, because the caller will undo the create.
			 */
			if (r && add && !eratab_remove(&tab, add->name, NULL))
				eratab_write(&tab, NULL);
		}
		eratab_free(&tab);
	}
	pthread_mutex_unlock(&tab_lock);
	return r;
}

int table_add(const struct eratab_entry *e, struct err *err)
{
	return change_table(e, NULL, NULL, err);
}

int table_replace(const struct eratab_entry *e, struct err *err)
{
	return change_table(NULL, e, NULL, err);
}

int table_remove(const char *name, struct err *err)
{
	return change_table(NULL, NULL, name, err);
}

void default_metadata(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.erad", ERAD_LIB_DIR, name);
}
