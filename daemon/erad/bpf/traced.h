/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map of a volume into which BPF programs at the module's tracepoints count:
 * pinned, and in a table where they find it by the mapped device.
 */
#ifndef ERAD_TRACED_H
#define ERAD_TRACED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "erad/base/trouble.h"

struct bpf_map;
struct bpf_object;

/* What those of all volumes have in common. */
struct traced_kind {
	const char *pin;
	const struct bpf_object *obj;	/* the programs'; NULL: they cannot be had, see unusable */
	const struct bpf_map *like;	/* each is made like that one of obj */
	const struct bpf_map *volumes;	/* the table */
	struct err unusable;		/* why */
};

struct traced {
	struct trouble trouble;	/* why it is not counted; has the volume's name and its lock */
	int fd;			/* the map; -1: there is none; under the volume's lock */
	uint32_t dev;		/* for which it is in the table; 0: it is not; the volume thread's */
};

/* After programs could not be loaded, with errno: whether to do it again.  *tries begins with 0. */
bool traced_again(unsigned int *tries);

/* The volume's name and its lock must live as long as t. */
void traced_init(struct traced *t, const char *volume, pthread_mutex_t *lock);

/*
 * Pins the map and puts it into the table, for the mapped device dev.  A map that an earlier erad has pinned is
 * used again.  EOPNOTSUPP: there are no programs.  Context: the volume thread.
 */
int traced_begin(struct traced *t, const struct traced_kind *k, dev_t dev, struct err *err);

/* Whether the map is pinned, or cannot be.  Any thread. */
bool traced_pinned(const struct traced *t, const struct traced_kind *k);

/* gone: the target is gone, and so the pin is removed.  Context: the volume thread. */
void traced_end(struct traced *t, const struct traced_kind *k, bool gone);

#endif /* ERAD_TRACED_H */
