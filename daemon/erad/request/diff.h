/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads which blocks were written since an era.  The volume may be open or closed. */
#ifndef ERAD_REQUEST_DIFF_H
#define ERAD_REQUEST_DIFF_H

#include <json-c/json.h>
#include <stdint.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "common/token.h"
#include "store/store.h"

/*
 * Sends the parts of the answer to j.  view: the present state, or the existing snapshot.  Returns
 * 0 or a negative errno.  On success, the caller drops the reference to *result.  ECANCELED: the
 * peer has closed the connection, so no answer is needed.
 *
 * token: the token that names the era `since`, or NULL.  If the metadata does not know the era of
 * the token, sends no parts, and *result has "full_copy_due" with the reason.
 */
int request_diff(struct jsonl *j, const char *name, uint32_t since, const struct token *token,
		 enum store_view view, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_DIFF_H */
