/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the eras of all blocks of a volume from the metadata.  The volume may be open or closed. */
#ifndef ERAD_REQUEST_DUMP_H
#define ERAD_REQUEST_DUMP_H

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "store/store.h"

enum dump_kind {
	DUMP_MOMENT,	/* all eras are of one moment; on a live volume, begins an era */
	/* Begins no era.  A write that happens during the dump may or may not be in the dump. */
	DUMP_LOOSE,
	/* Counts the damaged blocks of a live volume.  ENOTCONN: the volume is closed. */
	DUMP_CHECK,
};

/*
 * Sends the parts of the answer to j.  view: the present state, or the existing snapshot.  Returns
 * 0 or a negative errno.  On success, the caller drops the reference to *result.  ECANCELED: the
 * peer has closed the connection, so no answer is needed.
 */
int request_dump(struct jsonl *j, const char *name, enum store_view view, enum dump_kind kind,
		 struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_DUMP_H */
