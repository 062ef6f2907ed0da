/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the log of a dm-log-writes device.
 *
 * The order of entries: a FUA write and a flush are logged when they complete, and a mark when it
 * is made. Other writes and discards are logged just before the first flush that was submitted
 * after their completion. So the log up to a point contains everything that is durable at this
 * point. A *group* is the part of the log between two flushes. A power cut before the second flush
 * may keep or lose any write of the group that is not a FUA write.
 */
#ifndef CRASH_LOG_H
#define CRASH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECTOR	512u

enum entry_kind {
	ENTRY_WRITE,
	ENTRY_FUA,
	ENTRY_DISCARD,
	ENTRY_FLUSH,
	ENTRY_MARK,
};

struct entry {
	enum entry_kind kind;
	/* in bytes, on the logged device; a flush may also carry data */
	uint64_t offset, length;
	const uint8_t *data;		/* NULL: zeros; for a mark: its text, without a final 0 */
};

struct log {
	const uint8_t *base;
	size_t size;
	struct entry *entries;
	size_t nr;
};

/* Prints an error and returns false if the log is wrong or incomplete. */
bool log_open(struct log *log, const char *path);
void log_close(struct log *log);

#endif /* CRASH_LOG_H */
