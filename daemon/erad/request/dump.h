/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads all eras that the metadata of a volume records.  The volume may be open or closed. */
#ifndef ERAD_REQUEST_DUMP_H
#define ERAD_REQUEST_DUMP_H

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "store/store.h"

enum dump_kind {
	DUMP_MOMENT,	/* all eras are of one moment; begins an era on a live volume */
	DUMP_LOOSE,	/* begins no era; may or may not have the writes that happen during the dump */
	DUMP_CHECK,	/* counts the damaged blocks of a live volume; ENOTCONN: the volume is closed */
};

/*
 * Sends the parts of the answer to j.  Returns 0 and *result, to which the caller drops the
 * reference, or a negative errno.  ECANCELED: the peer has closed the connection, so no answer is
 * needed.
 */
int request_dump(struct jsonl *j, const char *name, enum store_view view, enum dump_kind kind,
		 struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_DUMP_H */
