/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mirror: BPF maps that show the current writeset.  include/erad_maps.h describes the maps
 * for other programs.
 *
 * Best effort: an error of the mirror never fails a commit, a checkpoint or an attach, and
 * these never wait for the mirror.  An error is logged once, and makes the mirror DEGRADED.
 * The next era or attach tries again.  If bpf(2) or bpffs cannot be used, there is no mirror,
 * and nothing else fails.
 *
 * The kernel charges the memory of the maps to erad's cgroup.  erad is an I/O flusher, so
 * allocating this memory does not wait for erad's own volumes; the same is true of the
 * module's writesets.  A commit allocates only what the bpf(2) call itself needs for two words.
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

/* The map of a writeset. */
struct mirror_map {
	int fd;			/* -1: there is no map */
	uint32_t id;		/* the kernel's id of the map */
	const uint64_t *bits;	/* the map's content, mmap()ed; NULL: there is no map */
	size_t size;		/* of the mapping, bytes */
	uint64_t nr_blocks;
	bool pinned;		/* for a prepared map: the volume's other maps were pinned at that time */
};

/* The era that a target is in. */
struct mirror_era {
	uint32_t era;
	bool fill;		/* some blocks may be recorded in this era already: read them from the store */
	uint32_t state;		/* of the instance */
	dev_t dev;		/* the mapped device */
	struct store *store;	/* also for the UUID and the geometry */
};

struct mirror {
	struct trouble trouble;	/* why the mirror is degraded; has the volume's name */
	struct mirror_map writeset;
	int info, stats;	/* fds of the maps; -1: there is no map */
	struct erad_map_info shown, next;	/* the content of `info`, and its next content */
	struct erad_map_stats count;
	struct bitmap_words words;
	struct run runs[ERAD_MAX_RANGES];
	/* Bytes written in this era, and in the era before it, or MIRROR_UNKNOWN.  Any thread may read them. */
	atomic_ullong changed, changed_before;
};

#define MIRROR_UNKNOWN	UINT64_MAX	/* the mirror missed a part of the era */

/* Call this once, before any thread is created. */
void mirror_setup(void);

/* The volume's name and its lock must live as long as m. */
void mirror_init(struct mirror *m, const char *volume, pthread_mutex_t *lock);

/*
 * Creates an empty map for the next era, so that the volume thread need not create it while
 * writes wait.  Any thread may call this, without the volume's lock.  If the map cannot be
 * created, mirror_begin() tries again and logs the error.  mirror_begin() may exchange the map
 * for an old one.  In each case the caller frees *map with mirror_map_free().
 */
void mirror_prepare(const struct mirror *m, uint64_t nr_blocks, struct mirror_map *map);
void mirror_map_free(struct mirror_map *map);

/*
 * Begins a new writeset map for the era.  Call this before the first commit in the era.  map: the
 * map of mirror_prepare(), or NULL.  If it fits, it becomes the mirror's map, and *map gets the
 * map of the era before.
 */
void mirror_begin(struct mirror *m, const struct mirror_era *e, struct mirror_map *map);

/* Adds ranges.  Call this when they are durable, and before the commit releases their writes. */
void mirror_add(struct mirror *m, const struct erad_range *range, unsigned int nr);

/* Writes the state of the instance to `info`. */
void mirror_state(struct mirror *m, uint32_t state);

/* Closes the maps.  gone: the target was removed, so the pins are removed too. */
void mirror_end(struct mirror *m, bool gone);

/*
 * Returns "complete", "degraded", or NULL if the volume does not serve writes.  error gets the
 * reason why the mirror is degraded, or "".  Context: the volume's lock.
 */
const char *mirror_status(const struct mirror *m, bool serves, struct err *error);

#endif /* ERAD_MIRROR_H */
