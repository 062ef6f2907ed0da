/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a dm-log-writes device, read back.
 *
 * What the kernel's order means: a write that needs no flush to be durable
 * (FUA), a flush and a mark are logged when they complete or are made; other
 * writes and discards only right before the flush that came after their
 * completion.  So the log up to any point is what is durable then, and a
 * group, which is what lies between two flushes, has all that a power cut
 * before the second one may or may not keep.
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
	uint64_t offset, length;	/* bytes, of the device below; a flush may have data too */
	const uint8_t *data;		/* NULL: zeros; of a mark, its text, which does not end with a 0 */
};

struct log {
	const uint8_t *base;
	size_t size;
	struct entry *entries;
	size_t nr;
};

/* Prints what is wrong and returns false; a log that was cut short is wrong. */
bool log_open(struct log *log, const char *path);
void log_close(struct log *log);

#endif /* CRASH_LOG_H */
