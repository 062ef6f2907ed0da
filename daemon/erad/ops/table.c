// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and changes eratab, under one lock: see table.h. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "erad/ops/table.h"
#include "erad/volume/peek.h"

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

int table_add(const struct eratab_entry *e, struct err *err)
{
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_change_add(ERAD_TAB, e, err);
	pthread_mutex_unlock(&tab_lock);
	return r;
}

int table_replace(const struct eratab_entry *e, enum eratab_failed how, struct err *err)
{
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_change_replace(ERAD_TAB, e, how, err);
	pthread_mutex_unlock(&tab_lock);
	return r;
}

int table_remove(const char *name, enum eratab_failed how, struct err *err)
{
	int r;

	pthread_mutex_lock(&tab_lock);
	r = eratab_change_remove(ERAD_TAB, name, how, err);
	pthread_mutex_unlock(&tab_lock);
	return r;
}

void default_metadata(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.erad", ERAD_LIB_DIR, name);
}

int lib_dir_make(unsigned int ms, struct err *err)
{
	struct peek found;
	int r = peek_ask(ERAD_LIB_DIR, PEEK_WRITE, ms, &found, err);

	if (!r && !found.exists && mkdir(ERAD_LIB_DIR, 0700) && errno != EEXIST)
		r = err_set(err, -errno, "cannot make %s: %m", ERAD_LIB_DIR);
	return r;
}
