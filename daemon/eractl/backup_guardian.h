/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guardian of a backup: a separate process that drops the image of the backup even if eractl
 * ends by an error or by any signal.
 */
#ifndef ERACTL_BACKUP_GUARDIAN_H
#define ERACTL_BACKUP_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

struct backup_guardian {
	pid_t pid;	/* 0: there is no guardian */
	int socket;	/* the connection to the guardian; -1: there is none */
};

#define BACKUP_GUARDIAN_NONE { .socket = -1 }

/* What the guardian calls: `drop` returns 0 if it has dropped the image, `left` whether an image is left. */
struct backup_guarded {
	int (*drop)(void *image, struct err *err);
	bool (*left)(void *image);
	void *image;	/* the guardian has a copy of this memory */
};

/*
 * Starts the guardian.  If the caller ends, and nobody else has g->socket open, the guardian drops the
 * image.  erad or lvm may not work at the moment.  So the guardian tries again for 15 seconds even if
 * `left` says that there is no image, and for an hour as long as an image is left.
 */
int backup_guardian_start(struct backup_guardian *g, const struct backup_guarded *guarded, struct err *err);

/* Ends the guardian, because the image is dropped, or there is none. */
void backup_guardian_end(struct backup_guardian *g);

/* Leaves it to the guardian to drop the image: it takes the closed socket for the end of the caller. */
void backup_guardian_leave(struct backup_guardian *g);

#endif /* ERACTL_BACKUP_GUARDIAN_H */
