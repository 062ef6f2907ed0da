/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mirror: BPF maps that show the current writeset.  include/erad_maps.h describes the maps for
 * other programs.
 *
 * An error of the mirror never fails a commit, a checkpoint or an attach.  The error is logged
 * once, and the maps get the flag ERAD_MAP_DEGRADED.  At the next era or attach, erad creates the
 * mirror again.  If bpf(2) or bpffs cannot be used, there is no mirror, and nothing else fails.
 *
 * The kernel charges the memory of the maps to erad's cgroup.  erad is an I/O flusher, so
 * neither the allocation of the maps nor the allocation of the module's writesets waits for erad's
 * own volumes.  A commit allocates only the memory that the bpf(2) call itself needs for two words.
 *
 * Context: the volume thread, unless a function says otherwise.
 */
#ifndef ERAD_MIRROR_H
#define ERAD_MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/bitmap_words.h"
#include "erad/base/trouble.h"
#include "erad_maps.h"
#include "store/journal.h"
#include "store/store.h"

/* The map of one writeset. */
struct mirror_map {
	int fd;			/* fd of the map; -1: there is no map */
	uint32_t id;		/* the kernel's id of the map */
	const uint64_t *bits;	/* content of the map, mmap()ed; NULL: there is no map */
	size_t size;		/* length of bits in bytes */
	uint64_t nr_blocks;
	/* For a prepared map: the volume's other maps were pinned when this map was prepared. */
	bool pinned;
};

/* What mirror_begin() must know about a target and its era. */
struct mirror_era {
	uint32_t era;
	/* Blocks may be recorded in this era already, so read them from the store. */
	bool fill;
	uint32_t state;		/* state of the instance */
	dev_t dev;		/* number of the mapped device */
	struct store *store;	/* contains the recorded blocks, the UUID and the geometry */
};

struct mirror {
	struct trouble trouble;	/* why the mirror is degraded; contains the volume's name */
	struct mirror_map writeset;
	int info, stats;	/* fds of these maps; -1: there is no map */
	struct erad_map_info shown, next;	/* current and next content of the map `info` */
	struct erad_map_stats count;
	struct bitmap_words words;
	struct run runs[ERAD_MAX_RANGES];
	/*
	 * The size in bytes of the blocks recorded in this era, and of those recorded in the era
	 * before.  If a bit stands for several blocks, the size may be too large.  MIRROR_UNKNOWN:
	 * the size is not known.  Any thread may read these two.
	 */
	atomic_ullong changed, changed_before;
};

#define MIRROR_UNKNOWN	UINT64_MAX	/* unknown, because the mirror missed a part of the era */

/* Loads the types of the maps.  Call this once, before any thread is created. */
void mirror_setup(void);

/* Initializes m.  The volume's name and its lock must live as long as m. */
void mirror_init(struct mirror *m, const char *volume, pthread_mutex_t *lock);

/*
 * Creates an empty map for the next era, so that the volume thread need not create the map while
 * writes wait.  Any thread may call this, without the volume's lock.  If the map cannot be created,
 * mirror_begin() tries again and logs the error.  mirror_begin() may replace *map by an old map.
 * In each case, the caller frees *map with mirror_map_free().
 */
void mirror_prepare(const struct mirror *m, uint64_t nr_blocks, struct mirror_map *map);
void mirror_map_free(struct mirror_map *map);

/*
 * Begins a new writeset map for the era.  Call this before the first commit of the era.  map: the
 * map of mirror_prepare(), or NULL.  If the map fits, it becomes the mirror's map, and *map
 * receives the map of the former era.
 */
void mirror_begin(struct mirror *m, const struct mirror_era *e, struct mirror_map *map);

/*
 * Adds ranges of blocks.  Call this when the ranges are durable, and before COMMIT releases their
 * writes.
 */
void mirror_add(struct mirror *m, const struct erad_range *range, unsigned int nr);

/* Writes the state of the instance to `info`. */
void mirror_state(struct mirror *m, uint32_t state);

/* Closes the maps.  gone: the target was removed, so removes the pins, too. */
void mirror_end(struct mirror *m, bool gone);

/*
 * serves: whether the volume serves writes.  Returns "degraded" if the mirror is degraded.
 * Otherwise returns "complete" if the volume serves writes, and NULL if it does not.  *error is the
 * reason why the mirror is degraded, or "".  Context: the volume's lock.
 */
const char *mirror_status(const struct mirror *m, bool serves, struct err *error);

#endif /* ERAD_MIRROR_H */
