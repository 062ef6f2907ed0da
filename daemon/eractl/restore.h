/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes metadata of what somebody says was written when: restore and import. */
#ifndef ERACTL_RESTORE_H
#define ERACTL_RESTORE_H

#include "eractl/era_sink.h"
#include "eractl/eractl.h"

struct restore {
	const char *path;	/* where to: a device, or a file that is made if it is not there */
	bool overwrite;		/* the user has asked to overwrite what is there: see store/place.h */
	/*
	 * Tells the sink everything.  Is called twice and must say the same, so
	 * that nothing is written if it fails.
	 */
	int (*read)(void *from, const struct era_sink *sink, void *ctx, struct err *err);
	void *from;
	bool json;
};

/*
 * Writes the metadata and says so.  Returns the exit code.  A failure leaves nothing
 * that opens, no file that was not there, and a place that was blank blank.
 */
int restore(const struct restore *what);

#endif /* ERACTL_RESTORE_H */
