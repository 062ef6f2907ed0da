/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaches volumes below logical volumes that are in use, and detaches volumes: see common/below.h.
 * These functions may take long, and run in the thread of the request.  Error messages do not name
 * the volume, because the caller adds its name.
 */
#ifndef ERAD_ATTACH_H
#define ERAD_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/protocol.h"
#include "common/uuid.h"
#include "erad/ops/create.h"

struct attach {
	/*
	 * LVM's filter or devices file rejects the path of the origin.  The caller has found this out.
	 * LVM then sees the physical volume only on the volume.
	 */
	bool lvm_rejects;
	bool write_filter;	/* write a reject pattern to LVM's configuration */
	const char *vg_name;	/* the volume group of the physical volume, or NULL if LVM does not say */
	/* UUID of the volume group, 32 characters without dashes, or NULL */
	const char *vg_uuid;
	uint64_t us;		/* result: the longest time for which I/O waited, in microseconds */
	unsigned int nr_lvs;	/* result: number of LVM's devices on the volume */
};

/*
 * Creates a volume whose origin is a physical volume, and moves the logical volumes to the volume's
 * device.  args->below must not be NULL.  If this fails, undoes all changes.  If a change cannot be
 * undone, err says so.
 */
int op_attach(const struct create_args *args, struct volume **out, struct err *err);

struct detached {
	uint64_t us;			/* the longest time for which I/O waited, in microseconds */
	char uuid[UUID_TEXT_SIZE];	/* UUID of the metadata, as in struct forgotten */
	char same_uuid[ERAD_NAME_MAX + 1];	/* as in struct forgotten */
	struct err kept;			/* as in struct forgotten */
};

/*
 * Moves the logical volumes back to the physical volume and forgets the volume, in any state of the
 * volume.  EINVAL: the volume was not made by op_attach().
 */
int op_detach(const char *name, struct detached *out, struct err *err);

/*
 * Detaches the volume if its attach or detach was interrupted, as the option "detaching" in its
 * line of eratab shows.  If the line has no such option or does not exist, changes nothing and
 * returns
 * 1.  EALREADY: another thread works on the volume, so this option does not show that something was
 * interrupted.
 */
int op_end_interrupted(const char *name, struct err *err);

/*
 * Starts a thread that detaches each volume whose attach or detach was interrupted.  If a detach
 * fails, the thread logs the error once, and tries again every five seconds.
 */
void attach_recover(void);

#endif /* ERAD_ATTACH_H */
