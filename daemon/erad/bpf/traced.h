/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map of a volume into which BPF programs at the module's tracepoints count:
 * pinned, and in a table where they find it by the mapped device.
 */
#ifndef ERAD_TRACED_H
#define ERAD_TRACED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct bpf_map;
struct bpf_object;
struct volume;

/* What those of all volumes have in common. */
struct traced_kind {
	const char *pin;
	const struct bpf_object *obj;	/* the programs'; NULL: they cannot be had, see unusable */
	const struct bpf_map *like;	/* each is made like that one of obj */
	const struct bpf_map *volumes;	/* the table */
	struct err unusable;		/* why */
};

/* All zeros but fd before the first traced_begin(). */
struct traced {
	int fd;			/* the map; -1: there is none; under v->lock */
	uint32_t dev;		/* for which it is in the table; 0: it is not; the volume thread's */
};

/* After programs could not be loaded, with errno: whether to do it again.  *tries begins with 0. */
bool traced_again(unsigned int *tries);

/*
 * The volume thread's: sees to it that it is pinned, one of an erad before if there is, and in the table.
 * EOPNOTSUPP: there are no programs.
 */
int traced_begin(struct volume *v, struct traced *t, const struct traced_kind *k, struct err *err);

/* Any thread's: whether it is pinned, or cannot be. */
bool traced_pinned(const struct volume *v, const struct traced_kind *k);

/* The volume thread's.  gone: the target is no more, and so is the pin. */
void traced_end(struct volume *v, struct traced *t, const struct traced_kind *k, bool gone);

#endif /* ERAD_TRACED_H */
