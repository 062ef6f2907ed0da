/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory of the backups of one volume, and its file MANIFEST, which lists the copies.
 *
 * MANIFEST contains one JSON object on each line.  The first line names the volume:
 *
 *	{"erad_backup": 1, "uuid": UUID, "volume": NAME, "removed": [FILE]}
 *
 * "removed" lists files that are about to be removed, because their copies are no longer in
 * MANIFEST: see chains.h.  At other times, "removed" is missing.  Each further line is one copy, in
 * the order in which the copies were made:
 *
 *	{"file", "base", "token", "time", "closed", "size", "bytes", "sha256", "why"}
 *
 * The file of a copy is a stream as stream.h describes it.  A full copy has the base null, and its
 * file is full-NUMBER.erad.  The file of an increment is incr-NUMBER.erad, and its base is the file
 * of an earlier copy.  A copy counts only if it is in MANIFEST.  MANIFEST has no checksum, but the
 * head of each file has one, so manifest_check_head() compares the two.
 *
 * MANIFEST is replaced in one step when the file of the new copy is durable.  No command changes a
 * file that MANIFEST lists.  A file is removed only after MANIFEST was replaced by a MANIFEST that
 * lists the file in "removed" and not as a copy.
 */
#ifndef ERACTL_MANIFEST_H
#define ERACTL_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sha256.h"
#include "common/token.h"
#include "eractl/stream.h"

#define MANIFEST_FILE_MAX	31u	/* longest name of the file of a copy */
/* Name of the file of a copy that is being made. */
#define MANIFEST_UNFINISHED	"unfinished.erad"

struct backup_copy {
	char file[MANIFEST_FILE_MAX + 1];
	/* Index of the copy that is the base of this increment.  -1: this is a full copy. */
	int base;
	struct token token;	/* the moment of the copy */
	/*
	 * When the backup has chosen the moment, or has frozen the file system, in seconds since
	 * 1970.
	 */
	uint64_t time;
	/*
	 * Whether the volume was closed.  If so, the copy contains all writes of the token's era;
	 * else, writes of this era may follow the copy.
	 */
	bool closed;
	uint64_t size;		/* size of the volume in bytes */
	uint64_t bytes;		/* size of the file in bytes */
	char sha256[SHA256_TEXT];	/* hash of the file */
	char why[ERR_MAX];		/* why this is a full copy; "": this is an increment */
};

struct manifest {
	const char *directory;	/* path of the directory, for messages */
	int fd, lock;		/* the directory, and the file that is locked; -1: not open */
	uint8_t uuid[16];	/* UUID of the volume */
	/* Name of the volume, or path of its metadata, when the first copy was made. */
	char *volume;
	struct backup_copy *copy;
	unsigned int nr;
	/* files of former copies, which are to be removed */
	char (*removed)[MANIFEST_FILE_MAX + 1];
	unsigned int nr_removed;
};

/*
 * Opens the directory and reads MANIFEST.  ENODATA: the directory exists, but contains no MANIFEST.
 * EBADMSG: MANIFEST is not in the format above.  The caller sets *m to MANIFEST_NONE before the
 * first call, and calls manifest_close() in any case.  A second call reads MANIFEST again, and
 * keeps the lock.
 */
#define MANIFEST_NONE	{ .fd = -1, .lock = -1 }

int manifest_open(struct manifest *m, const char *directory, struct err *err);
void manifest_close(struct manifest *m);

/*
 * Locks the directory against other backups, until manifest_close().  EBUSY: another backup holds
 * the lock.  After manifest_lock(), the caller calls manifest_open() again, because another backup
 * may have changed MANIFEST before the lock was taken.
 */
int manifest_lock(struct manifest *m, struct err *err);

/*
 * Keeps other processes from removing files of copies in the directory.  Call this before
 * manifest_open().  Returns a file descriptor, which the caller closes in the end, or -1 if the
 * directory cannot be opened.  Waits while another process removes files.  If the file system has
 * no locks, this has no effect.
 */
int manifest_hold(const char *directory);

/*
 * Checks that the directory is empty, except for files that file systems and an interrupted first
 * backup leave in it.
 */
int manifest_check_empty(const struct manifest *m, struct err *err);

/*
 * Returns the number for the file of the next copy, which is larger than the numbers of all copies
 * in m.
 */
unsigned long manifest_next_number(const struct manifest *m);

/* Replaces MANIFEST in one step, durably. */
int manifest_write(const struct manifest *m, struct err *err);

/* Appends a copy to m.  Does not write MANIFEST. */
int manifest_add(struct manifest *m, const struct backup_copy *copy, struct err *err);

/* Appends the file to the list of files to be removed.  Does not write MANIFEST. */
int manifest_add_removed(struct manifest *m, const char *file, struct err *err);

/*
 * Finds the newest copy whose chain is good according to manifest_check_chain().  Returns its
 * index, or -1.  why: the error of the newest copy; empty if its chain is good, or if there is no
 * copy.
 */
int manifest_find_good(const struct manifest *m, bool contents, struct err *why);

/*
 * Checks the files of the copy and of all its bases, as manifest_check_copy() does.  On failure,
 * err names the bad file, and *bad is the index of its copy.
 */
int manifest_check_chain(const struct manifest *m, int index, bool contents, int *bad, struct err *err);

/*
 * Checks that the file of the copy exists, has the size that MANIFEST names, and has a good head
 * according to manifest_check_head().  contents true: also reads the file, from the medium if
 * possible, and compares its hash.
 */
int manifest_check_copy(const struct manifest *m, const struct backup_copy *copy, bool contents, struct err *err);

/*
 * Compares the head of the copy's file with MANIFEST: the moments of the copy and of its base, and
 * the size of the volume.  EBADMSG: MANIFEST was changed, or this is the file of another copy; err
 * contains no path.
 */
int manifest_check_head(const struct manifest *m, const struct backup_copy *copy, const struct stream_head *head, struct err *err);

/*
 * Reads a file of the directory, from the medium if possible, and compares its size and hash with
 * the size and hash of the copy.
 */
int manifest_check_content(const struct manifest *m, const char *file, const struct backup_copy *copy, struct err *err);

#endif /* ERACTL_MANIFEST_H */
