/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints, on the volume thread; checkpoint.h is for those who ask for one. */
#ifndef ERAD_ROLLOVER_H
#define ERAD_ROLLOVER_H

#include <stdbool.h>
#include <stdint.h>

struct volume;

/* Goes on with a checkpoint, if one is wanted. */
void rollover_step(struct volume *v);
/* Whether a checkpoint waits for the volume thread. */
bool rollover_wanted(struct volume *v);
/* Ends one that cannot go on. */
void rollover_fail(struct volume *v, int code, const char *why);

/* The era that comes after `from` of the target, when the metadata is in era `durable`. */
static inline uint32_t rollover_next(uint32_t from, uint32_t durable)
{
	/* An era that was begun in the metadata but not by the target, by an attempt that failed, will do. */
	return durable > from ? durable : durable + 1;
}

#endif /* ERAD_ROLLOVER_H */
