/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices what was written to a mapped device while its target was out of its table: somebody has loaded another table,
 * and later one with the target again.
 *
 * The kernel counts the sectors that are written to a device, through whatever table.  The module tells how many there
 * were when an instance was suspended last, and when the next one was resumed first.  No write is in flight at these moments, so
 * the two numbers are equal if, and only if, no write went past erad in between.
 *
 * All of it is the volume thread's.
 */
#ifndef ERAD_AWAY_H
#define ERAD_AWAY_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "common/err.h"

struct store;
struct volume;

/* As in the metadata. */
struct away {
	__le32 version;		/* AWAY_VERSION; 0: nothing is known of an instance that has gone */
	__le32 pad;
	char boot[40];		/* the kernel's boot_id: counters begin anew at each boot */
	__le64 diskseq;		/* of the mapped device: no other device of this boot has the same */
	__le64 written;		/* sectors, when the instance went; ERAD_WRITTEN_UNKNOWN */
	__u8 zero[448];
};

#define AWAY_VERSION	1u

_Static_assert(sizeof(struct away) == 512, "one sector");

/* Notes the counters of the instance that the volume is attached to, if it has been suspended or removed. */
void away_leave(struct volume *v);

/*
 * Before a new instance lets its first write through: a gap, unless nothing was written since the last instance went.
 */
int away_arrive(struct volume *v, struct err *err);

/* The instance that the volume has attached to has lived on. */
void away_stay(struct volume *v);

/* Whether the mapped device of the volume, whose last instance is gone, is still there. */
bool away_lives_on(const struct volume *v);

/* Closes the store of a volume whose mapped device lives on.  The counters are kept; the metadata is not marked clean. */
int away_close(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_AWAY_H */
