// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes one line of eratab durably: see eratab_change.h. */
#include <string.h>

#include "common/eratab_change.h"

/* Returns whether the file contains exactly the lines of the table. */
static bool is_written(const char *file, const struct eratab *tab)
{
	struct eratab now = { 0 };
	bool same;

	same = !eratab_read(file, &now, NULL) && now.nr == tab->nr;
	for (size_t i = 0; same && i < now.nr; i++)
		same = now.line[i].len == tab->line[i].len && !memcmp(now.line[i].text, tab->line[i].text, now.line[i].len);
	eratab_free(&now);
	return same;
}

/*
 * Replaces the table `before` in the file by the changed table.  how: what to do if the file
 * contains the change, but cannot be made durable.  done: a participle for messages, "added",
 * "changed" or "removed".
 */
static int replace_file(const char *file, const struct eratab *before, const struct eratab *changed, const char *done,
			enum eratab_failed how, struct err *err)
{
	int r = eratab_write(changed, err);

	if (!r || !is_written(file, changed))
		return r;
	if (how == ERATAB_PUT_BACK) {
		if (!eratab_write(before, NULL))
			return err_set(err, r, "its line in %s cannot be %s durably: %s; the file is as before; try again", file, done,
				       strerror(-r));
		if (is_written(file, before))
			return err_set(err, r, "its line in %s cannot be %s durably: %s; its old content has been put back, but a power cut may undo this, and then the line is %s; try again",
				       file, done, strerror(-r), done);
	}
	return err_set(err, r, "its line in %s is %s, but a power cut may undo this, because the file cannot be made durable: %s",
		       file, done, strerror(-r));
}

/*
 * Makes one change.  With e alone (name NULL), adds its line.  With e and its name, replaces the
 * line of this name.  With a name alone (e NULL), removes the line of this name.  done and how: see
 * replace_file().
 */
static int change(const char *file, const struct eratab_entry *e, const char *name, const char *done, enum eratab_failed how,
		  struct err *err)
{
	struct eratab before, changed;
	int r;

	r = eratab_read(file, &before, err);
	if (r)
		return r;
	r = eratab_read(file, &changed, err);
	if (r)
		goto out;
	if (!e)
		r = eratab_remove(&changed, name, err);
	else
		r = name ? eratab_replace(&changed, e, err) : eratab_add(&changed, e, err);
	if (!r)
		r = replace_file(file, &before, &changed, done, how, err);
	eratab_free(&changed);
out:
	eratab_free(&before);
	return r;
}

int eratab_change_add(const char *file, const struct eratab_entry *e, struct err *err)
{
	return change(file, e, NULL, "added", ERATAB_PUT_BACK, err);
}

int eratab_change_replace(const char *file, const struct eratab_entry *e, enum eratab_failed how, struct err *err)
{
	return change(file, e, e->name, "changed", how, err);
}

int eratab_change_remove(const char *file, const char *name, enum eratab_failed how, struct err *err)
{
	return change(file, NULL, name, "removed", how, err);
}
