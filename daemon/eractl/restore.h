/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes metadata from eras that a reader provides, for the commands restore and import. */
#ifndef ERACTL_RESTORE_H
#define ERACTL_RESTORE_H

#include "eractl/era_sink.h"
#include "eractl/eractl.h"

struct restore {
	/* Path of the new metadata: a device or a file.  A missing file is created. */
	const char *path;
	/* The user has given --overwrite-metadata; store/place.h says what this allows. */
	bool overwrite;
	/*
	 * Passes all eras to the sink.  Called twice, and must pass the same eras both times: the
	 * first call only checks the input, so that nothing is written if the input is bad.
	 */
	int (*read)(void *from, const struct era_sink *sink, void *ctx, struct err *err);
	void *from;
	bool json;
};

/*
 * Writes the metadata, prints a summary and returns the exit code.  After a failure, nothing at the
 * path can be opened as metadata: a blank device or file is blank again, and a file that restore()
 * has created is removed.
 */
int restore(const struct restore *what);

#endif /* ERACTL_RESTORE_H */
