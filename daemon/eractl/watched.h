/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints a message if eractl itself waits for metadata that does not answer: see common/client.h for the
 * waits for erad.
 *
 * The thread that waits cannot print the message, because a signal does not interrupt a wait for a
 * device.  So another thread prints the message.
 */
#ifndef ERACTL_WATCHED_H
#define ERACTL_WATCHED_H

struct engine;

/*
 * Call watched_begin() before a call that may wait for the metadata at the path, and watched_end()
 * after it.  If watched_end() is not called within 5 seconds, a message is printed to stderr.  A
 * program prints the message at most once.  One use at a time is watched: a second watched_begin()
 * replaces the first one.
 */
void watched_begin(const char *path);
void watched_end(void);

/* From now on, each read, write and flush of the engine is such a use. */
void watched_engine(struct engine *e);

#endif /* ERACTL_WATCHED_H */
