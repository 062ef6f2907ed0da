/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts of first writes for each writer and era.  A BPF program at a tracepoint of the module
 * counts in the volume's map `writers`; include/erad_maps.h describes the map for other programs.
 * If counting does not work, nothing else fails.  `erad --no-writers` turns the counting off.
 */
#ifndef ERAD_WRITERS_H
#define ERAD_WRITERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "erad/bpf/counter_map.h"
#include "erad_maps.h"

/* The entries of the map: pairs of key and value, in no order. */
struct writers_list {
	uint32_t nr;
	struct erad_map_writer who[ERAD_MAP_WRITERS];
	struct erad_map_written written[ERAD_MAP_WRITERS];
};

struct writers {
	struct counter_map map;
	/*
	 * Buffer for the volume thread, which must not allocate memory while writes wait.  NULL:
	 * counting is off.
	 */
	struct writers_list *list;
};

/*
 * Attaches the program, unless off is true.  Call this once, when the module is loaded and before
 * any thread is created.
 */
void writers_setup(bool off);

/*
 * Initializes w.  The volume's name and its lock must live as long as w.  Returns 0 or ENOMEM.  In
 * both cases, the caller calls writers_free() in the end.
 */
int writers_init(struct writers *w, const char *volume, pthread_mutex_t *lock);
void writers_free(struct writers *w);

/*
 * Pins the map, and begins to count the writers of the volume.  dev: its mapped device.  era: the
 * current era of the target.  Removes old eras from the map if it is crowded.  Call this before the
 * first commit of the era.  Context: the volume thread.
 */
void writers_begin(struct writers *w, dev_t dev, uint32_t era);

/*
 * Begins the next era.  If the map works and is not full, this takes less time than
 * writers_begin(), because no old eras are removed.  Otherwise calls writers_begin().
 */
void writers_next(struct writers *w, dev_t dev, uint32_t era);

/*
 * Removes old eras from the map if it is crowded.  Call this after writers_next(), so that the
 * volume thread need not remove them while writes wait.  Any thread may call this, without the
 * volume's lock.
 */
void writers_make_room(struct writers *w, uint32_t era);

/*
 * Returns true if a new era need not call writers_begin(): the map is pinned, or the programs are
 * not attached.  Any thread may call this.
 */
bool writers_pinned(const struct writers *w);

/*
 * Ends the counting; call this before mirror_end().  gone: the target was removed, so removes the
 * pin, too.  Context: the volume thread.
 */
void writers_end(struct writers *w, bool gone);

/*
 * Reads all entries.  The caller frees *out.  Fails if writers are not counted, with the reason in
 * err; EOPNOTSUPP: counting is off.  Any thread may call this, without the volume's lock.
 */
int writers_read(struct writers *w, struct writers_list **out, struct err *err);

#endif /* ERAD_WRITERS_H */
