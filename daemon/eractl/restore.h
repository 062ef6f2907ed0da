/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes metadata of what somebody says was written when: restore and import. */
#ifndef ERACTL_RESTORE_H
#define ERACTL_RESTORE_H

#include "eractl/era_sink.h"
#include "eractl/eractl.h"

struct restore {
	const char *path;	/* where to: a device, or a file that is made if it is not there */
	bool force;		/* whatever is on it */
	/*
	 * Tells the sink everything.  Is called twice and must say the same, so
	 * that nothing is written if it fails.
	 */
	int (*read)(void *from, const struct era_sink *sink, void *ctx, struct err *err);
	void *from;
	bool json;
};

/*
 * Writes the metadata and says so.  Returns the exit code.  What fails on the
 * way leaves nothing that opens, and no file that was not there.
 */
int restore(const struct restore *what);

#endif /* ERACTL_RESTORE_H */
