// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the log of a dm-log-writes device: a superblock, then entries of one sector each, followed by their data. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

#define LOG_MAGIC	0x6a736677736872ULL
#define LOG_FLUSH	(1u << 0)
#define LOG_FUA		(1u << 1)
#define LOG_DISCARD	(1u << 2)
#define LOG_MARK	(1u << 3)
#define LOG_METADATA	(1u << 4)	/* flag: the write is metadata of a file system */

struct disk_super {
	uint64_t magic, version, nr_entries;
	uint32_t sector_size;
};

struct disk_entry {
	uint64_t sector, nr_sectors, flags, data_len;
};

/*
 * Reads the entry at *at, and moves *at to the next entry. Returns false if the entry is wrong or
 * incomplete.
 */
static bool read_entry(const struct log *log, size_t *at, size_t sector_size, struct entry *e)
{
	struct disk_entry d;
	uint64_t flags, stored;

	if (*at + sector_size > log->size)
		return false;
	memcpy(&d, log->base + *at, sizeof(d));
	flags = le64toh(d.flags);
	if (flags & ~(uint64_t)(LOG_FLUSH | LOG_FUA | LOG_DISCARD | LOG_MARK | LOG_METADATA))
		return false;
	e->offset = le64toh(d.sector) * sector_size;
	e->length = le64toh(d.nr_sectors) * sector_size;
	if (flags & LOG_MARK) {
		e->kind = ENTRY_MARK;
		e->length = le64toh(d.data_len);
		e->data = log->base + *at + sizeof(d);
		*at += sector_size;
		return e->length <= sector_size - sizeof(d);
	}
	stored = flags & LOG_DISCARD ? 0 : e->length;
	*at += sector_size;
	e->kind = flags & LOG_FLUSH ? ENTRY_FLUSH : flags & LOG_FUA ? ENTRY_FUA :
		  flags & LOG_DISCARD ? ENTRY_DISCARD : ENTRY_WRITE;
	e->data = stored ? log->base + *at : NULL;
	if (stored > log->size - *at)
		return false;
	*at += stored;
	return true;
}

/*
 * Returns whether the entry is the last mark. The kernel writes this mark when the device is
 * removed.
 */
static bool is_end(const struct entry *e)
{
	static const char end[] = "dm-log-writes-end";

	return e->kind == ENTRY_MARK && e->length == strlen(end) && !memcmp(e->data, end, e->length);
}

bool log_open(struct log *log, const char *path)
{
	struct disk_super super;
	size_t at, i;
	off_t size;
	int fd;

	memset(log, 0, sizeof(*log));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size < (off_t)sizeof(super)) {
		fprintf(stderr, "%s: %s\n", path, size < 0 ? strerror(errno) : "too small for a log");
		goto out_fd;
	}
	log->size = (size_t)size;
	log->base = mmap(NULL, log->size, PROT_READ, MAP_SHARED, fd, 0);
	if (log->base == MAP_FAILED) {
		log->base = NULL;
		fprintf(stderr, "%s: mapping it: %s\n", path, strerror(errno));
		goto out_fd;
	}
	close(fd);
	memcpy(&super, log->base, sizeof(super));
	if (le64toh(super.magic) != LOG_MAGIC || le64toh(super.version) != 1 ||
	    le32toh(super.sector_size) < SECTOR || le32toh(super.sector_size) > 4096) {
		fprintf(stderr, "%s: got something else, expected the log of dm-log-writes\n", path);
		return false;
	}
	log->nr = le64toh(super.nr_entries);
	if (log->nr < 1 || log->nr > log->size / SECTOR) {
		fprintf(stderr, "%s: got %zu entries\n", path, log->nr);
		return false;
	}
	log->entries = calloc(log->nr, sizeof(*log->entries));
	if (!log->entries)
		return false;
	at = le32toh(super.sector_size);
	for (i = 0; i < log->nr; i++) {
		if (!read_entry(log, &at, le32toh(super.sector_size), &log->entries[i])) {
			fprintf(stderr, "%s: entry %zu of %zu is not one\n", path, i, log->nr);
			return false;
		}
	}
	if (!is_end(&log->entries[log->nr - 1])) {
		fprintf(stderr, "%s: it does not have all that was written: too small?\n", path);
		return false;
	}
	return true;

out_fd:
	if (fd >= 0)
		close(fd);
	return false;
}

void log_close(struct log *log)
{
	free(log->entries);
	if (log->base)
		munmap((void *)log->base, log->size);
	memset(log, 0, sizeof(*log));
}
