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

struct volume;

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

/* 0 or ENOMEM; ends with writers_free(), whatever it returned. */
int writers_init(struct writers *w);
void writers_free(struct writers *w);

/*
 * The volume thread's: sees to it that writers are counted in era `era`, which the
 * target is in, and that there is room for them.  Before any commit in that era.
 */
void writers_begin(struct volume *v, uint32_t era);

/* The same where its map is pinned and works, but room is only made if there is none at all. */
void writers_next(struct volume *v, uint32_t era);

/*
 * Any thread's, without v->lock: makes room for era `era`, which has begun with
 * writers_next(), so that the volume thread need not do it while writes wait.  Best effort.
 */
void writers_make_room(struct volume *v, uint32_t era);

/* Any thread's: whether its map is where it should be, so that a new era needs no look at it. */
bool writers_pinned(const struct volume *v);

/* The volume thread's.  gone: the target is no more, and so is the pin.  Before mirror_end(). */
void writers_end(struct volume *v, bool gone);

/*
 * Any thread's, without v->lock.  *out is the caller's to free.  Fails if they are not counted:
 * EOPNOTSUPP it is off, or the reason.
 */
int writers_read(struct volume *v, struct writers_list **out, struct err *err);

#endif /* ERAD_WRITERS_H */
