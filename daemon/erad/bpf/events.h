/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What BPF programs at the module's tracepoints count of a volume, in its map
 * `events`; include/erad_maps.h has what others see.
 *
 * Best effort, as the mirror is: where it does not work, status says why, and
 * all else works as ever.  The programs are attached while erad runs, so that what
 * happens without it is not counted; the counts stay as long as the volume is open.
 */
#ifndef ERAD_EVENTS_H
#define ERAD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "erad/bpf/traced.h"
#include "erad_maps.h"

struct volume;

struct events {
	struct traced traced;
	uint64_t held;		/* what events_held() has said; under v->lock */
};

/* Once, before threads, and when the module is there: attaches the programs. */
void events_setup(void);

void events_init(struct events *e);

/* The volume thread's: sees to it that the volume is counted. */
void events_begin(struct volume *v);

/* Any thread's: whether its map is where it should be, so that a new era needs no look at it. */
bool events_pinned(const struct volume *v);

/* The volume thread's.  gone: the target is no more, and so is the pin.  Before mirror_end(). */
void events_end(struct volume *v, bool gone);

/* False, and why in error, if there is nothing to tell; the caller holds v->lock.  Waits for nothing. */
bool events_read(const struct volume *v, struct erad_map_events *out, struct err *error);

/*
 * How many writes have been held: those of e, and held_now, which was asked for after
 * events_read().  A write counts once, and the number never falls, though for a moment
 * a write may be none of these.  The caller holds v->lock.
 */
uint64_t events_held(struct volume *v, const struct erad_map_events *e, uint64_t held_now);

#endif /* ERAD_EVENTS_H */
