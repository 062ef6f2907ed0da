/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads all eras that the metadata of a volume records.  The volume may be open or closed. */
#ifndef ERAD_REQUEST_DUMP_H
#define ERAD_REQUEST_DUMP_H

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "store/store.h"

enum dump_kind {
	DUMP_MOMENT,	/* shows one moment; for a live volume, begins an era */
	DUMP_LOOSE,	/* begins no era; writes during the dump may or may not be in the dump */
	DUMP_CHECK,	/* counts the damaged blocks of a live volume; ENOTCONN if the volume is closed */
};

/*
 * Writes the parts of the answer to j.  Returns 0 and *result, which the caller puts, or a negative
 * errno.  ECANCELED: the peer has closed the connection, so no answer is needed.
 */
int request_dump(struct jsonl *j, const char *name, enum store_view view, enum dump_kind kind,
		 struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_DUMP_H */
