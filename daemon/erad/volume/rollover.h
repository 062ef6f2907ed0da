/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The volume thread's part of a checkpoint.  checkpoint.h describes the requester's part. */
#ifndef ERAD_ROLLOVER_H
#define ERAD_ROLLOVER_H

#include <stdbool.h>
#include <stdint.h>

struct volume;

/* Takes the next step of a checkpoint, if a checkpoint was requested. */
void rollover_step(struct volume *v);
/* Returns whether a checkpoint waits for the volume thread. */
bool rollover_wanted(struct volume *v);
/* Ends the checkpoint, if there is one, with the error `code`, because it cannot go on. */
void rollover_fail(struct volume *v, int code, const char *why);

/*
 * Returns the era that the target must begin after `from`.  durable: the current era of the
 * metadata.
 */
static inline uint32_t rollover_next(uint32_t from, uint32_t durable)
{
	/*
	 * If an earlier attempt has failed, the metadata may have begun an era that the target has
	 * not begun.  If so, use this era.
	 */
	return durable > from ? durable : durable + 1;
}

#endif /* ERAD_ROLLOVER_H */
