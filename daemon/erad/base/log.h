/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to stderr.  If stderr goes to systemd's journal, each message has a prefix <N>, which
 * systemd's journal reads as the priority.  Otherwise each message begins with the program's name.
 *
 * systemd's journal may be on a volume whose writes wait for erad.  So while the thread of
 * log_start() runs, log_msg() does not write to stderr itself, because the write could block.
 * log_msg() puts the message into a ring buffer of fixed size, and the thread writes the messages
 * from the ring to stderr.  If the ring is full, messages are dropped, and a later message says how
 * many.
 */
#ifndef ERAD_LOG_H
#define ERAD_LOG_H

#include <systemd/sd-daemon.h>

/* Finds out whether stderr goes to systemd's journal.  Call this before the first message. */
void log_open(void);

/*
 * Starts the thread that writes the messages.  Before log_start() and after log_stop(), log_msg()
 * writes to stderr directly.  Returns 0 or a negative errno.
 */
int log_start(void);

/*
 * Waits until the thread has written all messages of the ring, for at most one second, and stops
 * the thread.
 */
void log_stop(void);

/* Enables SD_DEBUG messages.  Call this before other threads start. */
void log_verbose(void);

/*
 * Logs a message.  prefix is SD_ERR, SD_WARNING and so on.  Any thread may call this.  Allocates
 * nothing.  Does not wait for I/O while the thread of log_start() runs.
 */
void log_msg(const char *prefix, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Logs a message as log_msg() does, and in systemd's journal with a MESSAGE_ID, by which journalctl
 * and alerts find the message.  id must be a constant of 32 hexadecimal digits.
 */
void log_event(const char *id, const char *prefix, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The id of messages about gaps; daemon/systemd/erad.catalog explains these messages to users. */
#define LOG_GAP		"9c1f0c5de1a54cfb8a6c34f5fbd0e7a2"

#define log_error(...)	log_msg(SD_ERR, __VA_ARGS__)
#define log_warn(...)	log_msg(SD_WARNING, __VA_ARGS__)
#define log_notice(...)	log_msg(SD_NOTICE, __VA_ARGS__)
#define log_info(...)	log_msg(SD_INFO, __VA_ARGS__)
#define log_debug(...)	log_msg(SD_DEBUG, __VA_ARGS__)

#endif /* ERAD_LOG_H */
