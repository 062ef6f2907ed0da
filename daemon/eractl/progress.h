/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows the progress of a command on stderr, if stderr is a terminal. */
#ifndef ERACTL_PROGRESS_H
#define ERACTL_PROGRESS_H

#include <stdint.h>

/*
 * Shows "what: 12 %" if the percentage has changed.  At the end, call this with done == total: then
 * the line is removed.
 */
void progress_show(const char *what, uint64_t done, uint64_t total);

#endif /* ERACTL_PROGRESS_H */
