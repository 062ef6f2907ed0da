/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the metadata of a volume records, of an open or a closed volume. */
#ifndef ERAD_REQUEST_DUMP_H
#define ERAD_REQUEST_DUMP_H

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "store/store.h"

enum dump_kind {
	DUMP_MOMENT,	/* of a live volume, one moment: begins an era */
	DUMP_LOOSE,	/* begins none; what is written meanwhile may or may not be in it */
	DUMP_CHECK,	/* counts damaged blocks of a live volume, ENOTCONN if it is closed */
};

/*
 * Writes the parts of the answer to j.  Returns 0 and *result, which the caller puts, or a negative
 * errno.  ECANCELED: the caller is gone, no answer is due.
 */
int request_dump(struct jsonl *j, const char *name, enum store_view view, enum dump_kind kind,
		 struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_DUMP_H */
