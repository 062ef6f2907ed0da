/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has written blocks of a volume first, era by era: a BPF program at the
 * module's tracepoint counts it in the map `writers`; include/erad_maps.h has what
 * others see.  Best effort, as the events are, and off if erad is told so.
 */
#ifndef ERAD_WRITERS_H
#define ERAD_WRITERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "erad/bpf/traced.h"
#include "erad_maps.h"

/* Pairs of key and value, in no order. */
struct writers_list {
	uint32_t nr;
	struct erad_map_writer who[ERAD_MAP_WRITERS];
	struct erad_map_written written[ERAD_MAP_WRITERS];
};

struct writers {
	struct traced traced;
	/* The volume thread's, which must not wait for memory while writes wait for it; NULL: off. */
	struct writers_list *list;
};

/* Once, before threads, and when the module is there: attaches the program, unless it is off. */
void writers_setup(bool off);

/*
 * The volume's name and its lock must live as long as w.  0 or ENOMEM; ends with writers_free(), whatever it
 * returned.
 */
int writers_init(struct writers *w, const char *volume, pthread_mutex_t *lock);
void writers_free(struct writers *w);

/*
 * Has the writers of the volume with the mapped device dev counted in `era`, which the target is in, and
 * makes room for them.  Before any commit in this era.  Context: the volume thread.
 */
void writers_begin(struct writers *w, dev_t dev, uint32_t era);

/* The same where the map is pinned and works.  Room is made only if there is none at all. */
void writers_next(struct writers *w, dev_t dev, uint32_t era);

/*
 * Makes room for `era`, which has begun with writers_next(), so that the volume thread need not
 * make room while writes wait.  Best effort.  Any thread, without the volume's lock.
 */
void writers_make_room(struct writers *w, uint32_t era);

/* Whether the map is where it should be, so that a new era need not look for it.  Any thread. */
bool writers_pinned(const struct writers *w);

/* gone: the target is gone, and so the pin is removed.  Before mirror_end().  Context: the volume thread. */
void writers_end(struct writers *w, bool gone);

/*
 * The caller frees *out.  Fails if the writers are not counted: EOPNOTSUPP if erad was told not to count
 * them, or the reason.  Any thread, without the volume's lock.
 */
int writers_read(struct writers *w, struct writers_list **out, struct err *err);

#endif /* ERAD_WRITERS_H */
