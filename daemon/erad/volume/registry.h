/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry: every volume that is open, by name, and the claims on names. */
#ifndef ERAD_VOLUMES_H
#define ERAD_VOLUMES_H

#include <stdbool.h>

#include "common/err.h"
#include "erad/module/control.h"
#include "erad/volume/volume.h"

/*
 * Before all else, and before there are threads that use volumes.  control: an fd on the control node, for
 * all threads, kept open.  progress_fd: an eventfd that is written to whenever volumes_settled() may have
 * become true.  claim_ended, which may be NULL, is called without locks whenever a claim of volumes_claim()
 * has ended.
 */
void volumes_start(int control, int progress_fd, void (*claim_ended)(void));
int volumes_control(void);

/* The targets there are; the caller frees the list, also after an error.  Any thread. */
int volumes_targets(struct instances *l, struct err *err);

/* The volume of that name with a reference for the caller, or NULL. */
struct volume *volumes_get(const char *name);

/* Whether there is a volume of that name. */
bool volumes_have(const char *name);

/* All volumes, oldest first, each with a reference for the caller, who frees the array. */
int volumes_all(struct volume ***out, size_t *nr);

/*
 * Takes a reference.  The caller has claimed the name, and there is none of that
 * name.  EBUSY, with nothing done, if an open volume has the same UUID.
 */
int volumes_add(struct volume *v, struct err *err);
/* Gives it up. */
void volumes_remove(struct volume *v);

/*
 * A claim on a name, so that no two of create, open, close, forget and adoption
 * meddle with one volume at once.  Waits up to ten seconds for
 * another claim to end, then EBUSY.  c lives in the caller's stack frame.
 */
struct claim {
	const char *name;
	struct claim *next;
	bool tried;		/* by volumes_try_claim() */
};
int volumes_claim(struct claim *c, const char *name, struct err *err);
/*
 * Claims the name at once, or returns false: it is claimed, an open volume has it, or erad is stopping.
 * The end of this claim does not call claim_ended.
 */
bool volumes_try_claim(struct claim *c, const char *name);
void volumes_release(struct claim *c);

/* Whether an open volume owns the instance. */
bool volumes_own(const struct erad_info *i);

/* The instances have changed: wakes the volumes that have not seen theirs as they are in l.  Never waits for I/O. */
void volumes_changed(const struct instances *l);

/*
 * Before a volume lists the instances, and after, with the list.  What counts
 * is what the volume thread itself has seen last: between two lists of others an
 * instance can change and change back, and the volume see just what was between.
 */
void volumes_looking(struct volume *v);
void volumes_looked(struct volume *v, const struct instances *l);

/* A volume is over with its first attempt to attach. */
void volumes_settled_one(void);
/* The targets found at the start have all been looked at, and have volumes where erad knows theirs. */
void volumes_adopted(void);
/* Whether the targets found at the start have all been tried; who says which have not. */
bool volumes_settled(struct err *who);

/* Whether no volume has been stuck in one commit for longer than ms; who says which. */
bool volumes_progress(unsigned int ms, struct err *who);

/* Lets go of all targets; false if that took longer than ms. */
bool volumes_stop(unsigned int ms);

#endif /* ERAD_VOLUMES_H */
