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

struct events {
	struct traced traced;
	uint64_t held;		/* what events_held() has said; under the volume's lock */
};

/* Attaches the programs.  Once, before any thread is created, and when the module is loaded. */
void events_setup(void);

/* The volume's name and its lock must live as long as e. */
void events_init(struct events *e, const char *volume, pthread_mutex_t *lock);

/* Has the volume with the mapped device dev counted.  Context: the volume thread. */
void events_begin(struct events *e, dev_t dev);

/* Whether the map is where it should be, so that a new era need not look for it.  Any thread. */
bool events_pinned(const struct events *e);

/* gone: the target is gone, and so the pin is removed.  Before mirror_end().  Context: the volume thread. */
void events_end(struct events *e, bool gone);

/*
 * False, and why in error, if the events are not counted.  Waits for nothing.
 * Context: the volume's lock.
 */
bool events_read(const struct events *e, struct erad_map_events *out, struct err *error);

/*
 * How many writes have been held: those of m, and held_now, which was asked for after
 * events_read().  A write counts once, and the number never falls, though for a moment
 * a write may be none of these.  Context: the volume's lock.
 */
uint64_t events_held(struct events *e, const struct erad_map_events *m, uint64_t held_now);

#endif /* ERAD_EVENTS_H */
