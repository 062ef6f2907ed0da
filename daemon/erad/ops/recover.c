// SPDX-License-Identifier: GPL-2.0-or-later
/* Ends operations on volumes that were interrupted: see recover.h. */
#include <errno.h>
#include <time.h>

#include "erad/base/log.h"
#include "erad/ops/recover.h"
#include "erad/ops/table.h"

#define AGAIN_S		5u	/* seconds between two attempts */

bool recover_once(const struct recovery *rec, bool *log)
{
	bool done = true, logged = false;
	struct eratab tab;
	struct err err;
	int r;

	if (op_read_table(&tab, &err)) {
		if (*log)
			log_error("cannot look for %s; erad tries again every %u seconds: %s", rec->what, AGAIN_S, err.msg);
		*log = false;
		return false;
	}
	for (size_t n = 0; n < tab.nr; n++) {
		const struct eratab_entry *e = tab.line[n].entry;

		if (!e)
			continue;
		r = rec->end(e, &err);
		if (!r) {
			log_notice("volume %s: %s", e->name, rec->ended);
		} else if (r < 0 && r != -EALREADY && *log) {
			log_error("volume %s: %s: %s; erad tries again every %u seconds", e->name, rec->failed, err.msg, AGAIN_S);
			logged = true;
		}
		done &= r >= 0;
	}
	eratab_free(&tab);
	*log &= !logged;
	return done;
}

void recover_all(const struct recovery *rec)
{
	bool log = true;

	while (!recover_once(rec, &log))
		nanosleep(&(struct timespec){ .tv_sec = AGAIN_S }, NULL);
}
