/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of `eractl doctor` on the places of metadata. */
#ifndef ERACTL_DOCTOR_PLACES_H
#define ERACTL_DOCTOR_PLACES_H

#include "common/eratab.h"
#include "eractl/findings.h"

/* Adds findings about the places where the metadata of the table's volumes is. */
void doctor_places(struct findings *f, const struct eratab *tab);

#endif /* ERACTL_DOCTOR_PLACES_H */
