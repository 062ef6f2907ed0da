/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens and the gaps since an era, as the history of one volume has them.  No function takes a lock over I/O. */
#ifndef ERAD_STORE_MOMENT_H
#define ERAD_STORE_MOMENT_H

#include "common/token.h"
#include "store/history.h"

/* Makes the token of that era.  False: the metadata does not know the timeline of the era. */
bool store_token(struct store *s, uint32_t era, struct token *t);

/* Returns 0 if the metadata knows the token's moment, else -ESTALE; err says why a full copy is due. */
int store_check_token(struct store *s, const struct token *t, struct err *err);

/*
 * Copies the gaps for which a diff since that era, of a view whose newest era is upto, lists every
 * block.  The only gap is one of the kind "unknown" if only the floor is known.  Returns how many there are.
 */
unsigned int store_gaps_since(struct store *s, uint32_t since, uint32_t upto, struct store_gap gap[ERAD_GAPS]);

#endif /* ERAD_STORE_MOMENT_H */
