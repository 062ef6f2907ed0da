/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of `eractl doctor` on each volume of /etc/eratab. */
#ifndef ERACTL_DOCTOR_VOLUMES_H
#define ERACTL_DOCTOR_VOLUMES_H

#include "common/eratab.h"
#include "eractl/findings.h"

/*
 * Adds findings about each volume of the table: its line, its origin, other users of the origin,
 * its state.
 */
void doctor_volumes(struct findings *f, const struct eratab *tab);

#endif /* ERACTL_DOCTOR_VOLUMES_H */
