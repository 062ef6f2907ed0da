/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map of a volume in which BPF programs at the module's tracepoints count.  The map is pinned,
 * and is in a table in which the programs find it by the mapped device.
 */
#ifndef ERAD_COUNTER_MAP_H
#define ERAD_COUNTER_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "erad/base/trouble.h"

struct bpf_map;
struct bpf_object;

/* A kind of counter map, such as the maps for events: what its maps have in common for all volumes. */
struct counter_map_kind {
	const char *pin;
	const struct bpf_object *obj;	/* of the programs; NULL: the programs are not attached */
	const struct bpf_map *like;	/* the map of obj that has the type of the volumes' maps */
	const struct bpf_map *volumes;	/* the table, by mapped device */
	struct err unusable;		/* why obj is NULL */
};

struct counter_map {
	struct trouble trouble;	/* why events are not counted; has the volume's name and its lock */
	int fd;			/* -1: there is no map; under the volume's lock */
	uint32_t dev;		/* the map's key in the table; 0: it is not in the table; for the volume thread only */
};

/* Call this when loading programs has failed with errno: returns whether to try again.  *tries begins with 0. */
bool counter_map_load_again(unsigned int *tries);

/* The volume's name and its lock must live as long as t. */
void counter_map_init(struct counter_map *t, const char *volume, pthread_mutex_t *lock);

/*
 * Pins the map and puts it into the table, for the mapped device dev.  A map that an earlier erad has pinned is
 * used again.  EOPNOTSUPP: there are no programs.  Context: the volume thread.
 */
int counter_map_begin(struct counter_map *t, const struct counter_map_kind *k, dev_t dev, struct err *err);

/* Returns true if the map is pinned, and also if the programs are not attached.  Any thread may call this. */
bool counter_map_pinned(const struct counter_map *t, const struct counter_map_kind *k);

/*
 * Takes the map out of the table and closes it.  gone: the target was removed, so the pin is
 * removed too.  Context: the volume thread.
 */
void counter_map_end(struct counter_map *t, const struct counter_map_kind *k, bool gone);

#endif /* ERAD_COUNTER_MAP_H */
