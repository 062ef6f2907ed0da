/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's ioctls as functions; include/erad_uapi.h says what each means. */
#ifndef ERAD_CONTROL_H
#define ERAD_CONTROL_H

#include <stdint.h>

#include "common/err.h"
#include "erad_uapi.h"

/* All return 0 or a negative errno, and none waits for I/O. */

/* A new fd on the control node, whose ABI has been compared with ours; the caller closes it. */
int control_open(int *fd, struct err *err);

/* A list that is kept between calls, so that LIST allocates only to grow. */
struct instances {
	struct erad_info *info;
	uint32_t nr, cap;
};

int control_list(int control, struct instances *l);
void instances_free(struct instances *l);

int control_attach(int control, uint64_t instance_id, int *fd);
int control_abort(int control, uint64_t instance_id);

int instance_info(int fd, struct erad_info *info);
/* record: ERAD_RECORD_SIZE bytes and the sector where they belong, or NULL. */
int instance_ready(int fd, uint32_t era, const void *record, uint64_t sector);
int instance_prepare_era(int fd, uint32_t to);
int instance_new_era(int fd, uint32_t from, uint32_t to, uint32_t drain_ms);
int instance_commit_fetch(int fd, struct erad_xfer *x);	/* sets x->h */
int instance_usage(int fd, uint64_t used, uint64_t total, uint32_t snapshot_era);
int instance_stats(int fd, struct erad_stats *stats);
int instance_message_get(int fd, struct erad_message *m);	/* m->id 0: there is none */
int instance_message_reply(int fd, uint64_t id, int result, uint32_t era);	/* result 0 or -errno */

#endif /* ERAD_CONTROL_H */
