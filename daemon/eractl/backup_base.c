// SPDX-License-Identifier: GPL-2.0-or-later
/* Decides whether a copy is a full copy or an increment: see backup_base.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eractl/backup_base.h"
#include "eractl/chains.h"
#include "eractl/eractl.h"

static bool same_token(const struct token *a, const struct token *b)
{
	return !memcmp(a->uuid, b->uuid, sizeof(a->uuid)) && a->timeline == b->timeline && a->era == b->era;
}

void backup_make_full(struct backup *b, const char *why)
{
	b->copy.base = -1;
	b->content.since = NULL;
	snprintf(b->copy.why, sizeof(b->copy.why), "%s", why);
}

void backup_find_base(struct backup *b)
{
	const struct manifest *m = &b->manifest;
	struct err why;

	if (b->full || !m->nr) {
		backup_make_full(b, m->nr ? "--full was given" : "this is the first copy");
		return;
	}
	b->copy.base = manifest_find_good(m, b->verify, &why);
	if (b->copy.base < 0)
		backup_make_full(b, why.msg);
	else if (*why.msg)
		complain("%s; the copy is an increment on an earlier copy, %s", why.msg, m->copy[b->copy.base].file);
}

/*
 * Returns whether this copy may be an increment on the base.  An increment must lead to a later era
 * than its base.  A snapshot may be of an earlier era than the last copy.  Otherwise, the volume has
 * been put back to an earlier era, which content_list() notices.
 */
static bool may_build_on(const struct backup *b, const struct backup_copy *base)
{
	const struct token *t = &b->copy.token;

	return !same_token(&base->token, t) && (!b->to || b->with_image || base->token.era < t->era);
}

/*
 * If this copy cannot be an increment on the base, goes back to a copy with an earlier era on which
 * the base is built, and says so.  Returns the base to use, or NULL if this copy has become a full
 * copy.
 */
static const struct backup_copy *go_back(struct backup *b, const struct backup_copy *base)
{
	const struct manifest *m = &b->manifest;
	const struct backup_copy *at = base;
	const bool newest = base + 1 == m->copy + m->nr, same = same_token(&base->token, &b->copy.token);
	const uint32_t era = b->copy.token.era;
	char text[sizeof(b->copy.why)];

	while (!may_build_on(b, at) && at->base >= 0)
		at = &m->copy[at->base];
	if (!may_build_on(b, at)) {
		if (!same)
			snprintf(text, sizeof(text), "the snapshot is of era %" PRIu32 ", and the last full copy, %s, is of era %" PRIu32 ", which is not earlier",
				 era, at->file, at->token.era);
		else if (newest)
			strcpy(text, "the last copy is of the same era, in which the volume may have been written since, and is full itself");
		else
			strcpy(text, "a newer copy cannot be used, and the copy before it is of the same era and full itself");
		backup_make_full(b, text);
		return NULL;
	}
	if (at != base && !same)
		complain("the snapshot is of era %" PRIu32 ", and the copy %s is of era %" PRIu32 ", which is not earlier, so the copy is an increment on an earlier copy, %s",
			 era, base->file, base->token.era, at->file);
	else if (at != base && newest)
		complain("the last copy is of the same era, in which the volume may have been written since, so the copy is an increment on the copy before that, %s",
			 at->file);
	else if (at != base)
		complain("the earlier copy is of the same era, so the copy is an increment on the copy before that, %s", at->file);
	b->copy.base = at - m->copy;
	return at;
}

void backup_choose_base(struct backup *b)
{
	const struct manifest *m = &b->manifest;
	const struct backup_copy *base = b->copy.base < 0 ? NULL : &m->copy[b->copy.base];
	const bool newest = b->copy.base + 1 == (int)m->nr;
	struct err why;

	/*
	 * If the volume was closed when the base was made, and was not opened later, nothing was
	 * written after the base was made.  Then no copy is needed, unless a copy that is newer
	 * than the base is damaged.
	 */
	b->already = b->closed && base && base->closed && newest && same_token(&base->token, &b->copy.token);
	if (b->already)
		b->copy = *base;
	if (!base || b->already)
		return;
	base = go_back(b, base);
	if (!base)
		return;
	b->content.since = token_text(&base->token, b->base_token);
	if (b->full_every && chains_increments(m, b->copy.base) >= b->full_every) {
		snprintf(why.msg, sizeof(why.msg), "the number of increments on the last full copy is %u, and --full-every %u was given",
			 chains_increments(m, b->copy.base), b->full_every);
		backup_make_full(b, why.msg);
	}
}
