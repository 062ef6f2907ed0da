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
 * The functions that take a volume are the volume thread's, but for mirror_status()
 * and mirror_prepare().
 */
#ifndef ERAD_MIRROR_H
#define ERAD_MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/words.h"
#include "erad_maps.h"
#include "store/journal.h"

struct volume;

/* The map of a writeset. */
struct mirror_map {
	int fd;			/* -1: there is none */
	uint32_t id;		/* as the kernel counts maps */
	const uint64_t *bits;	/* mapped; NULL: there is none */
	size_t size;		/* of the mapping, bytes */
	uint64_t nr_blocks;
	bool pinned;		/* of one that was prepared: the volume's other maps were pinned then */
};

struct mirror {
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

/* Once, before threads. */
void mirror_setup(void);

/* Removes what is left of volumes that are no more; before requests are taken. */
void mirror_sweep(void);

void mirror_init(struct mirror *m);

/*
 * Any thread's, without v->lock: a map for the next era, empty, so that the volume thread need not make
 * it while writes wait.  Where it cannot be had, that will be said when the era begins.
 * mirror_map_free() ends it, or what mirror_begin() gave for it.
 */
void mirror_prepare(struct volume *v, uint64_t nr_blocks, struct mirror_map *map);
void mirror_map_free(struct mirror_map *map);

/*
 * A writeset for era `era`, which the target is in, empty or as the metadata
 * says (fill).  Before any commit in that era.  map: what was prepared for it, or NULL;
 * if it fits, it is exchanged for that of the era before.
 */
void mirror_begin(struct volume *v, uint32_t era, bool fill, struct mirror_map *map);

/* Adds v->range, which is durable.  Before its commit. */
void mirror_add(struct volume *v);

/* Shows the state of the instance. */
void mirror_state(struct volume *v);

/* Ends it.  gone: the target is no more, and so are the pins. */
void mirror_end(struct volume *v, bool gone);

/*
 * "complete", "degraded", or NULL if the volume does not serve writes; error
 * gets why it is degraded, or "".  Under v->lock.
 */
const char *mirror_status(const struct volume *v, struct err *error);

#endif /* ERAD_MIRROR_H */
