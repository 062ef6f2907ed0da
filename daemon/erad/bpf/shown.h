/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others see of a volume in BPF maps: the mirror of its writeset, its events and its writers.
 * The only header of this folder that other folders include.
 *
 * Best effort: none of these functions fails a commit, a checkpoint or an attach.
 *
 * Context: the volume thread, unless a function says otherwise.
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

/* Loads and attaches the programs.  Once, before any thread is created, and when the module is loaded. */
void shown_setup(bool no_writers);

/* Removes the maps of all volumes that keep() does not want.  Any thread; before requests are taken. */
void shown_sweep(bool (*keep)(const char *name));

/*
 * The volume's name and its lock must live as long as s.  0 or ENOMEM; ends with shown_free(), whatever it
 * returned.
 */
int shown_init(struct shown *s, const char *volume, pthread_mutex_t *lock);
void shown_free(struct shown *s);

/* See mirror_prepare(). */
void shown_prepare(const struct shown *s, uint64_t nr_blocks, struct mirror_map *map);

/*
 * The mirror of the era that the target is in when erad has attached.  Before READY: no commit may come
 * before it.
 */
void shown_attach(struct shown *s, const struct mirror_era *e);

/*
 * Begins to count events and writers in this era.  After READY, because the kernel waits for readers of a map of
 * maps when an entry changes, tens of milliseconds each.  Before the first commit, which is the first
 * that they count.
 */
void shown_count(struct shown *s, const struct mirror_era *e);

/* A new era.  Before any commit in it.  map: what shown_prepare() has made; see mirror_begin(). */
void shown_next(struct shown *s, const struct mirror_era *e, struct mirror_map *map);

/* gone: the target is gone, and so the pins are removed. */
void shown_end(struct shown *s, bool gone);

#endif /* ERAD_SHOWN_H */
