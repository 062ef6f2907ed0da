/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices what was written to a mapped device while its target was out of its table, because
 * somebody has loaded another table, and later one with the target again.
 *
 * The kernel counts the sectors that are written to a device, whichever table the device has.  The
 * module reports the count at the last suspend of an instance, and at the first resume of the next
 * one.  No write is in flight at these moments, so the two numbers are equal if, and only if, no
 * write went past erad in between.  Context: the volume thread.
 */
#ifndef ERAD_AWAY_H
#define ERAD_AWAY_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "common/err.h"

struct store;
struct volume;

/* The layout in the metadata. */
struct away {
	__le32 version;		/* AWAY_VERSION; 0: nothing is known of a former instance */
	__le32 pad;
	char boot[40];		/* the kernel's boot_id: the counters begin anew at each boot */
	__le64 diskseq;		/* of the mapped device; no other device of this boot has the same */
	__le64 written;		/* sectors, when the instance was suspended; or ERAD_WRITTEN_UNKNOWN */
	__u8 zero[448];
};

#define AWAY_VERSION	1u

_Static_assert(sizeof(struct away) == 512, "one sector");

/*
 * Keeps the counters of the instance that the volume is attached to, if the instance has been
 * suspended or removed.
 */
void away_leave(struct volume *v);

/*
 * Logs a gap, unless nothing was written since the last instance was suspended.  Call this before a
 * new instance lets its first write through.
 */
int away_arrive(struct volume *v, struct err *err);

/* Call this when the volume has attached to an instance that has lived on. */
void away_stay(struct volume *v);

/* Returns whether the mapped device still exists after the volume's last instance has gone. */
bool away_lives_on(const struct volume *v);

/*
 * Closes the store of a volume whose mapped device lives on.  Keeps the counters in the metadata,
 * and does not mark the metadata clean.
 */
int away_close(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_AWAY_H */
