/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry: the open volumes, by name, and the claims on names. */
#ifndef ERAD_VOLUMES_H
#define ERAD_VOLUMES_H

#include <stdbool.h>

#include "common/err.h"
#include "erad/module/control.h"
#include "erad/volume/volume.h"

/*
 * Sets up the registry.  Call this before all other functions, and before there are threads that
 * use volumes.  control: an fd of the control node, for all threads, which stays open.
 * progress_fd: an eventfd, written to whenever volumes_settled() may have become true.
 * claim_ended: called without locks whenever a claim of volumes_claim() has ended; may be NULL.
 */
void volumes_start(int control, int progress_fd, void (*claim_ended)(void));
int volumes_control(void);

/* Lists the live targets.  The caller frees the list, also after an error.  Any thread may call this. */
int volumes_targets(struct instances *l, struct err *err);

/* Returns the volume of that name, with a reference for the caller, or NULL. */
struct volume *volumes_get(const char *name);

/* Returns whether the registry has a volume of that name. */
bool volumes_have(const char *name);

/* Returns all volumes, the oldest first, each with a reference for the caller.  The caller frees the array. */
int volumes_all(struct volume ***out, size_t *nr);

/*
 * Adds a volume, and takes a reference.  The caller has claimed the name, and the registry has no
 * volume of that name.  EBUSY, and the volume is not added: an open volume has the same UUID.
 */
int volumes_add(struct volume *v, struct err *err);
/* Removes the volume, and drops the reference. */
void volumes_remove(struct volume *v);

/*
 * A claim on a name.  With it, no two of create, open, close, forget and adoption work on one
 * volume at once.  Waits up to ten seconds for another claim to end, then returns EBUSY.  c is in
 * the caller's stack frame.  *v gets the open volume of that name, with a reference for the caller,
 * or NULL.
 */
struct claim {
	const char *name;
	struct claim *next;
	bool tried;		/* made by volumes_try_claim() */
};
int volumes_claim(struct claim *c, const char *name, struct volume **v, struct err *err);
/*
 * Claims the name without waiting.  Returns false if the name is claimed, if an open volume has the
 * name, or if erad is stopping.  The end of this claim does not call claim_ended.
 */
bool volumes_try_claim(struct claim *c, const char *name);
void volumes_release(struct claim *c);

/* Returns whether an open volume owns the instance. */
bool volumes_own(const struct erad_info *i);

/*
 * Called when the instances have changed.  Lists them by the fd `control` on the control node, and wakes
 * the volumes whose own last list had other instances.  Returns 0 or a negative errno.  Never waits for
 * I/O, and does not use the heap.
 */
int volumes_changed(int control);

/*
 * A volume thread calls volumes_looking() before it lists the instances, and volumes_looked() with
 * the digest of those that the volume owns.  volumes_changed() compares with the list that the volume
 * thread itself has seen.  A comparison of two lists of others would not do: in between, an instance can
 * change and change back, and the volume thread may have seen only the state in between.
 */
void volumes_looking(struct volume *v);
void volumes_looked(struct volume *v, uint64_t digest);

/*
 * Adds an instance to the digest of a list, which begins as VOLUMES_NO_INSTANCE.  Lists with other instances, or in
 * which one has changed, have other digests: FNV-1a.
 */
#define VOLUMES_NO_INSTANCE	0xcbf29ce484222325
uint64_t volumes_digest(uint64_t digest, const struct erad_info *i);

/* Called when the first attempt of a volume to attach has ended. */
void volumes_settled_one(void);
/*
 * Called when the adopter has looked at all targets that were there at the start; each known target
 * has a volume now.
 */
void volumes_adopted(void);
/*
 * Returns whether an attach was tried for all targets that were there at the start.  who gets the
 * names of the others.
 */
bool volumes_settled(struct err *who);

/* Returns whether no volume has been in one commit for longer than ms.  If one has, who gets its name. */
bool volumes_progress(unsigned int ms, struct err *who);

/* Lets go of all targets.  Returns false if this took longer than ms milliseconds. */
bool volumes_stop(unsigned int ms);

#endif /* ERAD_VOLUMES_H */
