/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of `eractl doctor` on the machine. */
#ifndef ERACTL_DOCTOR_MACHINE_H
#define ERACTL_DOCTOR_MACHINE_H

#include "eractl/findings.h"

/* Adds findings about the kernel, headers, module, daemon, group, BPF file system and exporter. */
void doctor_machine(struct findings *f);

#endif /* ERACTL_DOCTOR_MACHINE_H */
