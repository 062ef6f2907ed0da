/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaches volumes below logical volumes that are in use, and detaches volumes: see common/below.h.
 * This may take long, and runs in the thread of the request.  Error sentences do not name the
 * volume: the caller adds its name.
 */
#ifndef ERAD_ATTACH_H
#define ERAD_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/uuid.h"
#include "erad/ops/create.h"

struct attach {
	bool lvm_rejects;	/* the caller has found out that LVM does not use the physical volume */
	bool write_filter;	/* true: write a reject pattern to LVM's configuration */
	uint64_t us;		/* result: the longest time that I/O stood still, in microseconds */
	unsigned int nr_lvs;	/* result: how many devices of LVM lie on the volume */
};

/*
 * Creates a volume whose origin is a physical volume, and moves the logical volumes to the volume's
 * device. args->below is not NULL.  If this fails, undoes all changes.  If a change cannot be
 * undone, err says so.
 */
int op_attach(const struct create_args *args, struct volume **out, struct err *err);

struct detached {
	uint64_t us;			/* the longest time that I/O stood still, in microseconds */
	char uuid[UUID_TEXT_SIZE];	/* UUID of the metadata, as in struct forgotten */
};

/*
 * Moves the logical volumes back to the physical volume and forgets the volume, in any state of the
 * volume.  EINVAL: op_attach() did not make the volume.
 */
int op_detach(const char *name, struct detached *out, struct err *err);

/*
 * Detaches the volume if its attach or detach was interrupted.  Returns 1, and changes nothing, if
 * nothing was interrupted: the volume has no line in eratab, or the line does not have the option
 * detaching.
 */
int op_end_interrupted(const char *name, struct err *err);

/*
 * Starts a thread that detaches each volume whose attach or detach was interrupted.  If a detach
 * fails, the thread logs the error once, and tries again every five seconds.
 */
void attach_recover(void);

#endif /* ERAD_ATTACH_H */
