/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows on stderr, if stderr is a terminal, how far a command is. */
#ifndef ERACTL_PROGRESS_H
#define ERACTL_PROGRESS_H

#include <stdint.h>

/* Shows "what: 12 %" if the percentage has changed.  Call this with done == total at the end: it removes the line. */
void progress_show(const char *what, uint64_t done, uint64_t total);

#endif /* ERACTL_PROGRESS_H */
