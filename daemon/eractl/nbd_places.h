/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares the places of a seal (common/seal.h) with the export of an NBD server. */
#ifndef ERACTL_NBD_PLACES_H
#define ERACTL_NBD_PLACES_H

#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"
#include "common/seal.h"
#include "eractl/nbd_target.h"

/* The places at which the export has another content than the seal. */
struct nbd_differing {
	unsigned int nr;
	bool at[SEAL_ENTRIES];	/* at[i]: the place of entry i of the seal */
};

/*
 * Reads up to SEAL_READ_MAX bytes of the export.  A place behind the end of the export counts as
 * different.  Returns an error if the seal is not valid, or a place cannot be read.
 */
int nbd_places_compare(struct nbd_target *t, const struct seal *s, struct nbd_differing *d, struct err *err);

/*
 * Removes from d the places that have a byte in one of the extents.  extents: the temporary file of
 * struct content.
 */
void nbd_places_forgive(struct nbd_differing *d, const struct seal *s, FILE *extents);

/* Writes how many places differ, and the first of them.  d->nr is not 0. */
void nbd_places_say(const struct nbd_differing *d, const struct seal *s, struct err *out);

#endif /* ERACTL_NBD_PLACES_H */
