/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The note of images of several volumes: see image_together.h.  A note is a file in ERAD_RUN_DIR.
 * Its name ends with the number that the UUIDs of its images contain.  Its content:
 *
 *	line 1		FS_TOGETHER_NEW or FS_TOGETHER_BEGUN
 *	line 2		for each volume its mark: see device/fs_together.h
 *	then		for each volume, in the same order: NAME MAJOR:MINOR, of its mapped device
 *
 * The note is locked with flock(2): shared by the thread of the request and by the processes that
 * suspend the volumes, and exclusive while the note is undone.  So nothing is undone while one of
 * these processes may still change a table.  There is one exception: while a volume hangs, the
 * images of volumes with FS_TOGETHER_ENDED can be dropped, because no process changes their tables
 * any more.
 */
#ifndef ERAD_OPS_IMAGE_NOTE_H
#define ERAD_OPS_IMAGE_NOTE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/image.h"
#include "common/protocol.h"
#include "erad/device/fs_together.h"

#define IMAGE_NOTE_PREFIX	"images-"

struct image_note {
	char path[FS_TOGETHER_NOTE], number[IMAGE_NUMBER_SIZE];
	int fd;
	struct image_note *next;	/* private */
};

/* A volume of a note. */
struct image_noted {
	char name[ERAD_NAME_MAX + 1];
	dev_t dev;
	/* The mark is FS_TOGETHER_HELD, or FS_TOGETHER_ENDED. */
	bool held, ended;
};

/* Makes a note, and takes the shared lock.  *n must not move until image_note_end(). */
int image_note_make(struct image_note *n, const struct image_noted *v, unsigned int nr, struct err *err);

/* Opens the note with this name in ERAD_RUN_DIR, without a lock.  ENOENT: there is no such note. */
int image_note_open(struct image_note *n, const char *file, struct err *err);

/*
 * Returns the number of volumes, or a negative errno if the note cannot be read or is not complete.
 */
int image_note_read(const struct image_note *n, struct image_noted v[FS_TOGETHER_MAX], struct err *err);

/* Marks volume i with FS_TOGETHER_ENDED. */
void image_note_ended(const struct image_note *n, unsigned int i);

/* Closes the note.  done: all images are complete, or none is left, so the note is removed, too. */
void image_note_end(struct image_note *n, bool done);

/*
 * Releases the locks of all notes that this process has made.  Call this only immediately before
 * the process ends although a thread of a request hangs in I/O: otherwise the next erad could undo
 * nothing until that I/O has ended.  The processes that suspend the volumes keep their own locks.
 */
void image_note_unlock_all(void);

/*
 * Returns EBUSY if a note names the volume, because an interrupted request about it has not been
 * undone yet, and another error if a note cannot be read.  in_use: only if the processes of the
 * note may still change the table of the volume.
 */
int image_note_refuse(const char *volume, bool in_use, struct err *err);

#endif /* ERAD_OPS_IMAGE_NOTE_H */
