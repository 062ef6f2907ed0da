/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts of a volume's events.  BPF programs at the module's tracepoints count the events in the
 * volume's map `events`; include/erad_maps.h describes the map for other programs.  The programs
 * are attached only while erad runs, so events are not counted while erad is down.  The counts stay
 * as long as the volume is open.  If counting does not work, nothing else fails, and `eractl
 * status` reports the reason.
 */
#ifndef ERAD_EVENTS_H
#define ERAD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "erad/bpf/counter_map.h"
#include "erad_maps.h"

struct events {
	struct counter_map map;
	/* The largest result of events_held() so far; protected by the volume's lock. */
	uint64_t held;
};

/*
 * Attaches the programs.  Call this once, when the module is loaded and before any thread is
 * created.
 */
void events_setup(void);

/* Initializes e.  The volume's name and its lock must live as long as e. */
void events_init(struct events *e, const char *volume, pthread_mutex_t *lock);

/*
 * Begins or continues to count the events of the volume.  dev: its mapped device.  Context: the
 * volume thread.
 */
void events_begin(struct events *e, dev_t dev);

/*
 * Returns true if a new era need not call events_begin(): the map is pinned, or the programs are
 * not attached.  Any thread may call this.
 */
bool events_pinned(const struct events *e);

/*
 * Ends the counting; call this before mirror_end().  gone: the target was removed, so removes the
 * pin, too.  Context: the volume thread.
 */
void events_end(struct events *e, bool gone);

/*
 * Reads the counts.  Returns false if events are not counted.  *error is the reason, or "" if there
 * is none: the counting works or has not begun.  Does not wait.  Context: the volume's lock.
 */
bool events_read(const struct events *e, struct erad_map_events *out, struct err *error);

/*
 * Returns how many writes have been held so far.  m: from events_read().  held_now: the number of
 * held writes, read after m.  A write counts once: in held_now while it is held, and in m
 * afterwards.  For a moment during its release, the write counts in neither number.  So the result
 * is the maximum of all results so far, which never decreases.  Context: the volume's lock.
 */
uint64_t events_held(struct events *e, const struct erad_map_events *m, uint64_t held_now);

#endif /* ERAD_EVENTS_H */
