// SPDX-License-Identifier: GPL-2.0-or-later
/* Ends operations on volumes that were interrupted: see recover.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "erad/base/log.h"
#include "erad/ops/recover.h"
#include "erad/ops/table.h"

#define AGAIN_S		5u	/* seconds between two attempts */

/* Returns whether an error of the volume was logged already.  If not, notes that one is logged now. */
static bool was_logged(struct recovery_log *log, const char *name)
{
	void *more;

	for (size_t i = 0; i < log->nr; i++)
		if (!strcmp(log->volume[i], name))
			return true;
	more = realloc(log->volume, (log->nr + 1) * sizeof(*log->volume));
	/* Without memory, the same error is logged again. */
	if (!more)
		return false;
	log->volume = more;
	snprintf(log->volume[log->nr++], sizeof(*log->volume), "%s", name);
	return false;
}

bool recover_once(const struct recovery *rec, struct recovery_log *log)
{
	struct eratab tab;
	bool done = true;
	struct err err;
	int r;

	if (op_read_table(&tab, &err)) {
		if (!log->table)
			log_error("cannot look for %s; erad tries again every %u seconds: %s", rec->what, AGAIN_S, err.msg);
		log->table = true;
		return false;
	}
	for (size_t n = 0; n < tab.nr; n++) {
		const struct eratab_entry *e = tab.line[n].entry;

		if (!e)
			continue;
		r = rec->end(e, &err);
		if (!r)
			log_notice("volume %s: %s", e->name, rec->ended);
		else if (r < 0 && r != -EALREADY && !was_logged(log, e->name))
			log_error("volume %s: %s: %s; erad tries again every %u seconds", e->name, rec->failed, err.msg, AGAIN_S);
		done &= r >= 0;
	}
	eratab_free(&tab);
	return done;
}

void recover_all(const struct recovery *rec)
{
	struct recovery_log log = { 0 };

	while (!recover_once(rec, &log))
		nanosleep(&(struct timespec){ .tv_sec = AGAIN_S }, NULL);
	free(log.volume);
}
