/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/eratab: the list of the volumes, one volume on each line.  The fields are separated by
 * blanks:
 *
 *	NAME ORIGIN METADATA [OPTIONS]
 *
 * A line is a comment if # is its first character that is not a blank.  \ooo (octal) stands for a
 * byte that would separate fields.  The file may begin with a byte order mark, and lines may end
 * with CR LF.
 *
 * A line that cannot be parsed affects only the volume that the line names.  The line is kept when
 * the file is written again.
 *
 * These functions use nothing of the daemon, so that tests can parse any text.
 */
#ifndef ERAD_ERATAB_H
#define ERAD_ERATAB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/protocol.h"

/* Limit for the file in bytes; a larger file is refused. */
#define ERATAB_SIZE_MAX		(1u << 20)
#define ERATAB_LINES_MAX	10000u
#define ERATAB_PATH_MAX		4095		/* limit for a path in bytes */

/* What happens to held writes when no erad is attached to the target. */
enum detach_policy {
	DETACH_QUEUE,
	DETACH_FAIL,
	DETACH_DEGRADE,
	NR_DETACH_POLICIES
};

/* The policies as text: "queue", "fail", "degrade". */
extern const char *const detach_policy_name[NR_DETACH_POLICIES];

struct eratab_entry {
	char name[ERAD_NAME_MAX + 1];
	char *origin;		/* absolute paths of origin and metadata */
	char *metadata;
	bool noauto;		/* the volume is not opened at boot */
	/* At its next start, erad detaches the volume from the logical volumes: see below.h. */
	bool detaching;
	enum detach_policy policy;
	bool refuse_gap;	/* gap=refuse: the open of the volume fails if it finds a gap */
	unsigned int detach_timeout;	/* in seconds; 0: the module's default */
};

struct eratab_line {
	char *text;		/* the line without its newline */
	size_t len;		/* length of text, which may contain 0 bytes */
	struct eratab_entry *entry;	/* NULL: the line is a comment, or cannot be parsed */
	char *error;		/* why the line cannot be parsed, with file and line number */
	/* Name of the volume, even if the rest of the line is wrong.  "": no name. */
	char name[ERAD_NAME_MAX + 1];
};

struct eratab {
	char *file;		/* path of the file, for messages */
	struct eratab_line *line;
	size_t nr;
};

/* Checks that the name is valid for a volume.  EINVAL: err says what is wrong. */
int eratab_check_name(const char *name, struct err *err);

/*
 * Parses text of len bytes, which may be anything.  file: the path for messages.  If a line is
 * wrong, its `error` says why.  ENOMEM: there is no memory.  EFBIG: there are too many lines.
 * After a success, the caller must call eratab_free().
 */
int eratab_parse(const char *text, size_t len, const char *file, struct eratab *tab,
		 struct err *err);

/*
 * Reads the file.  If the file is missing, the table is empty.  EINVAL: the path is not a regular
 * file.  EFBIG: the file is too large.  Does not wait for the writer of a FIFO.  After a success,
 * the caller must call eratab_free().
 */
int eratab_read(const char *file, struct eratab *tab, struct err *err);
void eratab_free(struct eratab *tab);

/*
 * Returns the origin in the volume's line of the file, which the caller frees, or NULL if the file
 * cannot be read, or does not contain exactly one valid line of this volume.
 */
char *eratab_origin(const char *file, const char *name);

/*
 * *out: the entry of the volume `name`, which belongs to tab.  ENOENT: no line names the volume.
 * EINVAL: the volume's line cannot be parsed.  EEXIST: two lines name the volume.
 */
int eratab_find(const struct eratab *tab, const char *name, const struct eratab_entry **out,
		struct err *err);

/*
 * Adds a line for e, with a copy of e.  EEXIST: a line names the volume already.  EINVAL: a value
 * in e is not valid.
 */
int eratab_add(struct eratab *tab, const struct eratab_entry *e, struct err *err);

/*
 * Replaces the line that names the volume e->name by a line for e, at the same place.  Fails in the
 * same cases as eratab_remove(), and with EINVAL if a value in e is not valid.
 */
int eratab_replace(struct eratab *tab, const struct eratab_entry *e, struct err *err);

/*
 * Removes the line that names the volume.  ENOENT: no line names the volume.  EEXIST: two lines
 * name the volume.
 */
int eratab_remove(struct eratab *tab, const char *name, struct err *err);

/*
 * Replaces the file by tab in one step, durably: after a crash, there is the old file or the new
 * file.  Keeps the owner and the mode.  If tab->file is a symbolic link, replaces the file to which
 * the link leads.  After a failure, the old file is unchanged, with one exception: the new file is
 * in place, but its name could not be made durable (see file_replace()).
 */
int eratab_write(const struct eratab *tab, struct err *err);

#endif /* ERAD_ERATAB_H */
