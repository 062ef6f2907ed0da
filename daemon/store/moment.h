/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes and checks tokens, and finds the gaps since an era, from the history of one volume.  No
 * function takes a lock that is held over I/O.
 */
#ifndef ERAD_STORE_MOMENT_H
#define ERAD_STORE_MOMENT_H

#include "common/token.h"
#include "store/history.h"

/* Makes the token of era `era`.  Returns false if the metadata does not know the era's timeline. */
bool store_token(struct store *s, uint32_t era, struct token *t);

/*
 * Checks that the metadata knows the token's moment.  Returns 0, or ESTALE; after ESTALE, err says
 * why a full copy is due.
 */
int store_check_token(struct store *s, const struct token *t, struct err *err);

/*
 * noted: the newest token of the volume in ERAD_SEEN_DIR.  Returns false if the metadata was put back
 * from an older copy, or is of another copy of the volume with the same UUID: the metadata does not
 * know the token, and not every block counts as written since the token's era.
 */
bool store_knows_noted(struct store *s, const struct token *noted);

/*
 * Copies the gaps of the eras `since` to `upto`, which make a diff since era `since` list every
 * block.  upto: the newest era that the diff shows.  If the floor of the diff is in one of these
 * eras, but the history has none of these gaps, there are two cases.  If upto is the newest era of
 * the snapshot, and a gap was recorded while the snapshot was requested, gap[0] is this gap, although
 * its era is newer than upto.  Otherwise makes one gap of the kind "unknown".  Returns the number of
 * gaps.
 * since 0: there are none.
 */
unsigned int store_gaps_since(struct store *s, uint32_t since, uint32_t upto, struct store_gap gap[ERAD_GAPS]);

#endif /* ERAD_STORE_MOMENT_H */
