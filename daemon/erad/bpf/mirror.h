/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF mirror of the current writeset; include/erad_maps.h has what others see.
 *
 * Best effort: nothing here fails a commit, a checkpoint or an attach, or
 * waits for anything.  What does not work is said once, makes the mirror DEGRADED,
 * and is tried again with the next era or attach.  Where there is none at all,
 * because of bpf(2) or bpffs, all else works as ever.
 *
 * The kernel's memory for the maps is charged to erad's cgroup.  erad, as an
 * I/O flusher, does not wait for its own volumes when it gets it, as for the
 * module's writesets.  A commit gets none but for the system call's two words.
 *
 * Context: the volume thread, unless a function says otherwise.
 */
#ifndef ERAD_MIRROR_H
#define ERAD_MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/words.h"
#include "erad/base/trouble.h"
#include "erad_maps.h"
#include "store/journal.h"
#include "store/store.h"

/* The map of a writeset. */
struct mirror_map {
	int fd;			/* -1: there is none */
	uint32_t id;		/* as the kernel counts maps */
	const uint64_t *bits;	/* mapped; NULL: there is none */
	size_t size;		/* of the mapping, bytes */
	uint64_t nr_blocks;
	bool pinned;		/* of one that was prepared: the volume's other maps were pinned then */
};

/* The era that a target is in. */
struct mirror_era {
	uint32_t era;
	bool fill;		/* blocks of it may be marked already: they are read from the store */
	uint32_t state;		/* of the instance */
	dev_t dev;		/* the mapped device */
	struct store *store;	/* has UUID and geometry too */
};

struct mirror {
	struct trouble trouble;	/* why it is degraded; has the volume's name */
	struct mirror_map writeset;
	int info, stats;	/* the maps; -1: there is none */
	struct erad_map_info shown, next;	/* what is in `info`, and what is to be there */
	struct erad_map_stats count;
	struct words words;
	struct run runs[ERAD_MAX_RANGES];
	/* Bytes that are marked, in this era and in the one before it; MIRROR_UNKNOWN.  For any thread. */
	atomic_ullong changed, changed_before;
};

#define MIRROR_UNKNOWN	UINT64_MAX	/* some of the era was not mirrored */

/* Once, before any thread is created. */
void mirror_setup(void);

/* The volume's name and its lock must live as long as m. */
void mirror_init(struct mirror *m, const char *volume, pthread_mutex_t *lock);

/*
 * A map for the next era, empty, so that the volume thread need not make the map while writes wait.
 * If it cannot be made, that is said when the era begins.  Any thread, without the volume's lock.
 * mirror_map_free() ends it, or the map that mirror_begin() has exchanged it for.
 */
void mirror_prepare(const struct mirror *m, uint64_t nr_blocks, struct mirror_map *map);
void mirror_map_free(struct mirror_map *map);

/*
 * A writeset for the era.  Before any commit in this era.  map: what was prepared for it, or NULL; if
 * it fits, it is exchanged for the map of the era before.
 */
void mirror_begin(struct mirror *m, const struct mirror_era *e, struct mirror_map *map);

/* Adds ranges, which are durable.  Before their commit. */
void mirror_add(struct mirror *m, const struct erad_range *range, unsigned int nr);

/* Shows the state of the instance. */
void mirror_state(struct mirror *m, uint32_t state);

/* gone: the target is gone, and so the pins are removed. */
void mirror_end(struct mirror *m, bool gone);

/*
 * "complete", "degraded", or NULL if the volume does not serve writes; error gets why it is degraded, or "".
 * Context: the volume's lock.
 */
const char *mirror_status(const struct mirror *m, bool serves, struct err *error);

#endif /* ERAD_MIRROR_H */
