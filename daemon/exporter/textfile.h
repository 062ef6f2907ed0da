/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the metrics into a file, for the textfile collector of node_exporter. */
#ifndef EXPORTER_TEXTFILE_H
#define EXPORTER_TEXTFILE_H

#include "common/err.h"

/*
 * Replaces path by the metrics, in one step and readable by all; on failure it is as it was.  That erad is not
 * up is no failure: down gets why, or "".  socket: erad's.
 */
int textfile_write(const char *path, const char *socket, struct err *down, struct err *err);

#endif /* EXPORTER_TEXTFILE_H */
