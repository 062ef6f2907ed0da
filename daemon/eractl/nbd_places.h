/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares the places of a seal (common/seal.h) with the export of an NBD server. */
#ifndef ERACTL_NBD_PLACES_H
#define ERACTL_NBD_PLACES_H

#include <stdbool.h>

#include "common/err.h"
#include "common/seal.h"
#include "eractl/backup.h"
#include "eractl/nbd_target.h"

/* The places at which the export has another content than the seal. */
struct nbd_differing {
	unsigned int nr;
	bool at[SEAL_ENTRIES];	/* at[i]: the place of entry i of the seal */
	/*
	 * The places that have content in the seal, which means other bytes than zeros, and that the
	 * server can read: their number, and how many of them differ.  Zeros do not show which copy
	 * the export contains, because most of a disk may be zeros.  nbd_places_forgive() does not
	 * change these members.
	 */
	unsigned int content, content_differs;
	/* The first MiB has content in the seal, and the same content in the export. */
	bool same_first;
};

/*
 * Reads up to SEAL_READ_MAX bytes of the export.  A place behind the end of the export counts as
 * different.  tolerate true: a place that the server cannot read counts as equal; else it is an
 * error.  Returns an error also if the seal is not valid.
 */
int nbd_places_compare(struct nbd_target *t, const struct seal *s, bool tolerate, struct nbd_differing *d, struct err *err);

/*
 * After a backup that was not completed: removes from d the places that this backup makes right.
 * These are the places that differ from the volume only in bytes that this backup writes.
 * b->content is open, and its extents are listed.  May read all the places from the export and from
 * the volume.
 */
int nbd_places_forgive(struct nbd_target *t, const struct backup *b, const struct seal *s, struct nbd_differing *d, struct err *err);

/* Computes a seal with one place: the first MiB of the export. */
int nbd_places_first(struct nbd_target *t, struct seal *out, struct err *err);

/* Writes how many places differ, and the first of them.  d->nr is not 0. */
void nbd_places_say(const struct nbd_differing *d, const struct seal *s, struct err *out);

#endif /* ERACTL_NBD_PLACES_H */
