/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the metrics into a file, for the textfile collector of node_exporter. */
#ifndef EXPORTER_TEXTFILE_H
#define EXPORTER_TEXTFILE_H

#include "common/err.h"

/*
 * Replaces the file at path by the metrics, in one step; everybody may read the new file.  On
 * failure, the file is unchanged.  If erad is not up, this is no failure; `down` gets the reason,
 * or "".  socket: the path of erad's socket.
 */
int textfile_write(const char *path, const char *socket, struct err *down, struct err *err);

#endif /* EXPORTER_TEXTFILE_H */
