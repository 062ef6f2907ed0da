/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of `eractl doctor`: what was looked at, how it is, and what to type. */
#ifndef ERACTL_FINDINGS_H
#define ERACTL_FINDINGS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "common/eratab.h"

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,		/* works, but the user should know */
	FINDING_PROBLEM,	/* something does not work, or will not after the next boot */
};

/* An array of {"level", "area", "volume", "text", "command"}.  volume and command may be null. */
struct findings {
	struct json_object *list;
	bool problem;		/* one of the findings is a problem */
};

/*
 * Adds a finding.  area: "kernel", "module" ….  volume: NULL if the finding is about the machine.
 * command: what to type, or NULL if there is nothing to do.  The sentence is fmt.
 */
void finding_add(struct findings *f, enum finding_level level, const char *area, const char *volume,
		 const char *command, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Looks at kernel, headers, module, daemon, group, BPF file system and exporter. */
void doctor_machine(struct findings *f);

/* Looks at each volume of the table: its line, its origin, who else uses the origin, its state. */
void doctor_volumes(struct findings *f, const struct eratab *tab);

/* Looks at where the metadata of each volume of the table is. */
void doctor_places(struct findings *f, const struct eratab *tab);

#endif /* ERACTL_FINDINGS_H */
