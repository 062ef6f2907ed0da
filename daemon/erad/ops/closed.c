// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds a volume's line in eratab, and its metadata: see closed.h. */
#include "erad/ops/closed.h"
#include "erad/ops/table.h"
#include "erad/volume/peek.h"

int op_find_entry(const char *name, struct eratab *tab, const struct eratab_entry **e,
		  struct err *err)
{
	int r;

	r = op_read_table(tab, err);
	if (r)
		return r;
	r = eratab_find(tab, name, e, err);
	if (r)
		eratab_free(tab);
	return r;
}

int op_known(const char *name, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	int r = op_find_entry(name, &tab, &e, err);

	if (!r)
		eratab_free(&tab);
	return r;
}

int op_open_closed(const char *name, struct store **out, struct err *err)
{
	const struct eratab_entry *e;
	struct engine *engine = NULL;
	struct eratab tab;
	int r;

	r = op_find_entry(name, &tab, &e, err);
	if (r)
		return r;
	r = peek_ask(e->metadata, PEEK_SUPER, PEEK_OPEN_MS, NULL, err);
	if (!r)
		r = engine_open(e->metadata, ENGINE_READ, &engine, err);
	eratab_free(&tab);
	return r ? r : store_open(engine, STORE_READ, out, err);
}
