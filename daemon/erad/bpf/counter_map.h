/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map of one volume, in which BPF programs at the module's tracepoints count.  The map is pinned.
 * The programs find the map in the *table*, a hash of maps whose keys are the numbers of the mapped
 * devices.
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

/* A kind of counter map, for example the maps of events: the fields that all volumes share. */
struct counter_map_kind {
	const char *pin;
	const struct bpf_object *obj;	/* object of the programs; NULL: they are not attached */
	const struct bpf_map *like;	/* map of obj that has the type of the volumes' maps */
	const struct bpf_map *volumes;	/* the table, a map of obj */
	struct err unusable;		/* why obj is NULL */
};

struct counter_map {
	/* why counting does not work; contains the volume's name and lock */
	struct trouble trouble;
	int fd;			/* fd of the map; -1: none; protected by the volume's lock */
	/*
	 * Key of the map in the table.  0: the map is not in the table.  Only the volume thread
	 * uses this field.
	 */
	uint32_t dev;
};

/*
 * Call this when loading programs has failed.  Returns whether to try again, by errno and by the
 * number of tries.  *tries must be 0 at first.
 */
bool counter_map_load_again(unsigned int *tries);

/* Initializes t.  The volume's name and lock must live as long as t. */
void counter_map_init(struct counter_map *t, const char *volume, pthread_mutex_t *lock);

/*
 * Pins the map and enters it into the table, for the mapped device dev.  Uses a map that an earlier
 * erad has pinned.  EOPNOTSUPP: the programs are not attached.  Context: the volume thread.
 */
int counter_map_begin(struct counter_map *t, const struct counter_map_kind *k, dev_t dev, struct err *err);

/*
 * Returns true if the map is pinned, or if the programs are not attached.  Any thread may call
 * this.
 */
bool counter_map_pinned(const struct counter_map *t, const struct counter_map_kind *k);

/*
 * Removes the map from the table and closes it.  gone: the target was removed, so removes the pin,
 * too.  Context: the volume thread.
 */
void counter_map_end(struct counter_map *t, const struct counter_map_kind *k, bool gone);

#endif /* ERAD_COUNTER_MAP_H */
