// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps of receive: see receive.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file_lock.h"
#include "eractl/receive.h"
#include "eractl/receive_data.h"
#include "eractl/receive_target.h"

/*
 * Notes in the state that the copy is between two moments.  settle false, which receive() uses
 * before the first write: the state stays unsettled.  If this receive is killed, the unsettled
 * state shows to the next receive that the copy may have been written.
 */
static int note_unfinished(struct receive *rc, bool settle, struct err *err)
{
	/* An increment that grows the copy has to set the added part to zeros again. */
	struct standing s = { .partial = true, .size = *rc->head->from ? rc->standing.size : 0 };
	int r = 0;

	strcpy(s.at, rc->head->from);
	strcpy(s.unfinished, rc->head->to);
	standing_identify(&rc->place, &s);
	if (settle)
		r = standing_settle(&rc->place, &s, rc->head->size, err);
	return r ? err_prefix(err, r, "%s", rc->path) : standing_write(&rc->place, &s, err);
}

static int note_complete(struct receive *rc, struct err *err)
{
	struct standing s = { .size = rc->head->size };
	int r;

	if (!rc->block_device && !file_is_at(rc->place.fd, rc->path))
		return err_set(err, -ESTALE, "%s: another program has removed, renamed or replaced this file while receive wrote to it, so the path does not lead to the copy; send a full copy again",
			       rc->path);
	strcpy(s.at, rc->head->to);
	r = standing_settle(&rc->place, &s, rc->head->size, err);
	return r ? err_prefix(err, r, "%s", rc->path) : standing_write(&rc->place, &s, err);
}

int receive(struct receive *rc, struct err *err)
{
	struct err why;
	int r = receive_prepare(rc, err);

	if (r) {
		if (rc->created)
			unlink(rc->path);
		return r;
	}
	if (rc->already)
		return receive_compare(rc, err);
	r = note_unfinished(rc, false, err);
	if (r)
		return r;
	r = receive_apply(rc, err);
	if (!r)
		r = receive_verify(rc, err);
	if (!r)
		return note_complete(rc, err);
	/*
	 * If the state cannot be written, it stays unsettled, and the next receive asks for
	 * --overwrite.
	 */
	note_unfinished(rc, true, &why);
	if (*rc->head->from)
		return err_prefix(err, r, "%s: the copy is between two moments: send an increment on %s again", rc->path,
				  rc->head->from);
	return err_prefix(err, r, "%s: the copy is not complete: send a full copy again", rc->path);
}

void receive_free(struct receive *rc)
{
	if (rc->place.fd >= 0)
		close(rc->place.fd);
	if (rc->written)
		fclose(rc->written);
	free(rc->buf);
}
