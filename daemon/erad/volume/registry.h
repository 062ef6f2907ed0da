/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry: the open volumes by name, and the claims on names. */
#ifndef ERAD_VOLUMES_H
#define ERAD_VOLUMES_H

#include <stdbool.h>

#include "common/err.h"
#include "erad/module/control.h"
#include "erad/volume/volume.h"

/*
 * Sets up the registry.  Call this before all other functions, and before any thread that uses
 * volumes is created.  control: an fd of the control node for all threads, which stays open.
 * progress_fd: an eventfd, which is written when the result of volumes_settled() may have become
 * true.  name_is_free: called without locks when a claim of volumes_claim() has ended, and by
 * volumes_name_is_free(); may be NULL.
 */
void volumes_start(int control, int progress_fd, void (*name_is_free)(void));

/*
 * Calls the function name_is_free of volumes_start().  Call this after volumes_remove(), because a
 * new target may have waited for the name of the removed volume.
 */
void volumes_name_is_free(void);
int volumes_control(void);

/*
 * Lists the live targets.  The caller frees the list with instances_free(), also after an error.
 * Any thread may call this.
 */
int volumes_targets(struct instances *l, struct err *err);

/* Returns the open volume with this name, with a reference for the caller, or NULL. */
struct volume *volumes_get(const char *name);

/* Returns whether the registry contains a volume with this name. */
bool volumes_have(const char *name);

/*
 * Sets *out to an array of all *nr volumes, the oldest first, each with a reference for the caller.
 * The caller frees the array.  Returns 0, or ENOMEM without an array.
 */
int volumes_all(struct volume ***out, size_t *nr);

/*
 * Adds a volume, and takes a reference.  The caller must have claimed the name, and the registry
 * must not contain a volume of this name.  EBUSY: an open volume has the same UUID, and the volume
 * is not added.
 */
int volumes_add(struct volume *v, struct err *err);
/* Removes the volume from the registry, and drops the reference that volumes_add() took. */
void volumes_remove(struct volume *v);

/*
 * A claim on a name.  Only the thread with the claim may create, open, close, forget or adopt the
 * volume of this name.
 *
 * volumes_claim() waits until nobody else has claimed the name.  EBUSY: the name is still claimed
 * after ten seconds.  ESHUTDOWN: erad is stopping.  The caller owns c and name, which must exist
 * until volumes_release().  *v receives the open volume of this name, with a reference for the
 * caller, or NULL.
 */
struct claim {
	const char *name;
	struct claim *next;
	bool tried;		/* made by volumes_try_claim() */
};
int volumes_claim(struct claim *c, const char *name, struct volume **v, struct err *err);
/*
 * Claims the name without waiting.  Returns false if the name is claimed, if an open volume has the
 * name, or if erad is stopping.  The end of this claim does not call claim_ended().
 */
bool volumes_try_claim(struct claim *c, const char *name);
void volumes_release(struct claim *c);

/* Returns the open volume that owns the instance, with a reference for the caller, or NULL. */
struct volume *volumes_owner(const struct erad_info *i);
/* Returns whether an open volume owns the instance. */
bool volumes_own(const struct erad_info *i);

/*
 * Call this when the instances may have changed.  Lists them with the fd `control`, and wakes each
 * volume whose instances differ from the list that the volume thread has read.  Returns 0 or a
 * negative errno.  Never waits for I/O, and does not use the heap.
 */
int volumes_changed(int control);

/*
 * A volume thread calls volumes_looking() before it lists the instances, and then volumes_looked()
 * with the digest of its own instances in the list.  volumes_changed() compares its own list with
 * this digest.  volumes_changed() must not compare with its previous list instead: an instance can
 * change and change back between two calls of volumes_changed(), and the volume thread may have
 * read its list in between.
 */
void volumes_looking(struct volume *v);
void volumes_looked(struct volume *v, uint64_t digest);

/*
 * Adds an instance to the digest of a list; the digest of an empty list is VOLUMES_NO_INSTANCE.
 * The digests of two lists differ, except by rare chance, if the lists have different instances, or
 * if the era, state or status of an instance has changed.  The hash is FNV-1a.
 */
#define VOLUMES_NO_INSTANCE	0xcbf29ce484222325
uint64_t volumes_digest(uint64_t digest, const struct erad_info *i);

/* Call this when a volume's first attempt to attach has ended. */
void volumes_settled_one(void);
/*
 * Call this when the adopter has looked at all targets that existed at the start of erad.  From
 * then on, each of these targets has a volume, unless erad has not found its metadata or could not
 * use it.
 */
void volumes_adopted(void);
/*
 * Returns whether erad has tried to attach to all targets that existed at the start.  If not, *who
 * receives a sentence that says what is missing.  who may be NULL.
 */
bool volumes_settled(struct err *who);

/*
 * Finds a volume whose current write to the metadata has taken ms milliseconds or more so far, and
 * which no earlier call has found during this write.  Returns whether there is one; *who receives a
 * sentence about it.
 */
bool volumes_hang(unsigned int ms, struct err *who);

/*
 * Detaches from all targets, and ends all volumes; later volumes end at once.  Returns false if
 * this takes longer than ms milliseconds.
 */
bool volumes_stop(unsigned int ms);

#endif /* ERAD_VOLUMES_H */
