/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions for the module's ioctls, which include/erad_uapi.h describes. */
#ifndef ERAD_CONTROL_H
#define ERAD_CONTROL_H

#include <stdint.h>

#include "common/err.h"
#include "erad_uapi.h"

/*
 * Each function with a result returns 0 or a negative errno.  Only instance_new_era() with a
 * drain_ms other than 0 waits for I/O.
 */

/*
 * Opens the control node, and checks that the module's ABI is ERAD_ABI.  The caller closes the fd.
 */
int control_open(int *fd, struct err *err);

/* Calls fn for each instance, in ascending order of the ids.  Does not use the heap. */
int control_each(int control, void (*fn)(void *ctx, const struct erad_info *i), void *ctx);

/* Counts the instances.  Does not use the heap. */
int control_count(int control, uint32_t *nr);

/*
 * The list of all instances.  The caller keeps the list between calls: control_list() allocates
 * only if the list grows.
 */
struct instances {
	struct erad_info *info;
	uint32_t nr, cap;
};

int control_list(int control, struct instances *l);
void instances_free(struct instances *l);

/* *fd receives a file, through which the caller owns the instance.  The caller closes it. */
int control_attach(int control, uint64_t instance_id, int *fd);
int control_abort(int control, uint64_t instance_id);

int instance_info(int fd, struct erad_info *info);
/*
 * record: the degrade record of ERAD_RECORD_SIZE bytes, or NULL.  sector: where on the metadata
 * device the target writes the record, in sectors of 512 bytes.
 */
int instance_ready(int fd, uint32_t era, const void *record, uint64_t sector);
int instance_prepare_era(int fd, uint32_t to);
int instance_new_era(int fd, uint32_t from, uint32_t to, uint32_t drain_ms);
int instance_commit_fetch(int fd, struct erad_xfer *x);	/* sets x->h itself */
/* used, total: pages of the metadata.  snapshot_era: 0: there is no snapshot. */
int instance_usage(int fd, uint64_t used, uint64_t total, uint32_t snapshot_era);
int instance_stats(int fd, struct erad_stats *stats);
/* Sets m->id to 0 if no message waits. */
int instance_message_get(int fd, struct erad_message *m);
/* result: 0 or a negative errno. */
int instance_message_reply(int fd, uint64_t id, int result, uint32_t era);

#endif /* ERAD_CONTROL_H */
