/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints that writes may have gone past erad, if erad's answer about a new era contains gaps. */
#ifndef ERACTL_GAPS_H
#define ERACTL_GAPS_H

#include <json-c/json.h>

/* What the gaps mean for the caller: see gaps_complain(). */
#define GAPS_INCREMENT	"the next increment lists the whole volume"
#define GAPS_COPY	"if they go on during this copy, the copy may mix data of different moments"

/*
 * Prints a line on stderr for each gap.  gaps: the member "gaps" of the answer to checkpoint,
 * snapshot_take or image_create, which may be NULL: see protocol.h.  meaning: the end of the line.
 */
void gaps_complain(const char *volume, struct json_object *gaps, const char *meaning);

#endif /* ERACTL_GAPS_H */
