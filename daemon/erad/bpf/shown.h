/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All BPF maps that show a volume to other programs: the mirror of its writeset, its events and its
 * writers.  This header is the only one of the folder that other folders include.  No function
 * fails a commit, a checkpoint or an attach.  Context: the volume thread, unless a function says
 * otherwise.
 */
#ifndef ERAD_SHOWN_H
#define ERAD_SHOWN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "erad/bpf/events.h"
#include "erad/bpf/mirror.h"
#include "erad/bpf/writers.h"

struct shown {
	struct mirror mirror;
	struct events events;
	struct writers writers;
};

/*
 * Loads and attaches the programs.  Call this once, when the module is loaded and before any thread
 * is created.
 */
void shown_setup(bool no_writers);

/*
 * Removes the maps of all volumes for which keep() returns false.  Call this before erad accepts
 * requests.  Any thread may call this.
 */
void shown_sweep(bool (*keep)(const char *name));

/*
 * Initializes s.  The volume's name and its lock must live as long as s.  Returns 0 or ENOMEM.  In
 * both cases, the caller calls shown_free() in the end.
 */
int shown_init(struct shown *s, const char *volume, pthread_mutex_t *lock);
void shown_free(struct shown *s);

/* Creates an empty map for the next era: see mirror_prepare(). */
void shown_prepare(const struct shown *s, uint64_t nr_blocks, struct mirror_map *map);

/*
 * Begins the mirror of the target's current era, after erad has attached.  Call this before READY:
 * the mirror must exist before the first commit.
 */
void shown_attach(struct shown *s, const struct mirror_era *e);

/*
 * Begins to count the events and writers of this era.  Call this after READY, because it is slow:
 * when an entry of a map of maps changes, the kernel waits tens of milliseconds for the readers of
 * the map.  Call this before the first commit, so that the commit is counted.
 */
void shown_count(struct shown *s, const struct mirror_era *e);

/* Begins a new era.  Call this before the first commit of the era.  map: as for mirror_begin(). */
void shown_next(struct shown *s, const struct mirror_era *e, struct mirror_map *map);

/* Closes the maps.  gone: the target was removed, so removes the pins, too. */
void shown_end(struct shown *s, bool gone);

#endif /* ERAD_SHOWN_H */
