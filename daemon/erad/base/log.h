/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to stderr: with the <N> prefixes that the journal understands where
 * stderr is the journal, and with the program's name elsewhere.
 *
 * The journal may live on a volume whose writes wait for erad.  So the caller
 * of log_msg() never waits for stderr: a thread of its own writes, from a ring
 * of fixed size; what does not fit is counted and lost.
 */
#ifndef ERAD_LOG_H
#define ERAD_LOG_H

#include <systemd/sd-daemon.h>

/* Looks where stderr goes; before the first message. */
void log_open(void);

/* Until log_start(), and after log_stop(), messages are written at once. */
int log_start(void);

/* Writes what is in the ring, but does not wait longer than a second for it. */
void log_stop(void);

/* Whether SD_DEBUG messages are written; before other threads start. */
void log_verbose(void);

/* prefix is SD_ERR, SD_WARNING …; any thread, allocates nothing, never waits for I/O. */
void log_msg(const char *prefix, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	log_msg(SD_ERR, __VA_ARGS__)
#define log_warn(...)	log_msg(SD_WARNING, __VA_ARGS__)
#define log_notice(...)	log_msg(SD_NOTICE, __VA_ARGS__)
#define log_info(...)	log_msg(SD_INFO, __VA_ARGS__)
#define log_debug(...)	log_msg(SD_DEBUG, __VA_ARGS__)

#endif /* ERAD_LOG_H */
