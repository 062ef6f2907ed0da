/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/eratab: the list of the volumes, one to a line,
 *
 *	NAME ORIGIN METADATA [OPTIONS]
 *
 * separated by blanks.  # begins a comment line.  \ooo (octal) stands for a byte that would
 * separate fields.  The file may begin with a byte order mark, and lines may end with CR LF.  A
 * line that is not understood affects only the volume that it names, and is kept when the file is
 * rewritten.  Knows nothing of the daemon, so that tests can pass any text.
 */
#ifndef ERAD_ERATAB_H
#define ERAD_ERATAB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/protocol.h"

#define ERATAB_SIZE_MAX		(1u << 20)	/* largest file in bytes; a larger one is refused */
#define ERATAB_LINES_MAX	10000u
#define ERATAB_PATH_MAX		4095		/* longest ORIGIN or METADATA */

/* What happens to held writes when no erad is attached to the target. */
enum detach_policy {
	DETACH_QUEUE,
	DETACH_FAIL,
	DETACH_DEGRADE,
	NR_DETACH_POLICIES
};

/* "queue", "fail", "degrade" */
extern const char *const detach_policy_name[NR_DETACH_POLICIES];

struct eratab_entry {
	char name[ERAD_NAME_MAX + 1];
	char *origin;		/* absolute paths */
	char *metadata;
	bool noauto;		/* not opened at boot */
	enum detach_policy policy;
	unsigned int detach_timeout;	/* seconds; 0: the module's default */
};

struct eratab_line {
	char *text;		/* without the newline */
	size_t len;		/* of text, which may hold 0 bytes */
	struct eratab_entry *entry;	/* NULL: the line is a comment, or is not understood */
	char *error;		/* why it was not understood, with file and line */
	char name[ERAD_NAME_MAX + 1];	/* name of the volume, even if the rest is wrong; or "" */
};

struct eratab {
	char *file;		/* path, for messages */
	struct eratab_line *line;
	size_t nr;
};

/* Checks whether name can be a volume's name.  EINVAL: err says what is wrong. */
int eratab_check_name(const char *name, struct err *err);

/*
 * Parses text, which may be anything.  Fails only if there is no memory, or if there are too many
 * lines (EFBIG).  If a line is wrong, its `error` says why.  Call eratab_free() in the end.
 */
int eratab_parse(const char *text, size_t len, const char *file, struct eratab *tab,
		 struct err *err);

/*
 * Reads the file.  A file that does not exist is an empty table.  EINVAL: it is no regular file.
 * Does not wait for the writer of a FIFO.
 */
int eratab_read(const char *file, struct eratab *tab, struct err *err);
void eratab_free(struct eratab *tab);

/*
 * Finds an entry, which stays tab's.  ENOENT: no line names the volume.  EINVAL: the volume's line
 * is not understood.  EEXIST: two lines name the volume.
 */
int eratab_find(const struct eratab *tab, const char *name, const struct eratab_entry **out,
		struct err *err);

/* Adds an entry, as a copy of e.  EEXIST: a line names the volume already. */
int eratab_add(struct eratab *tab, const struct eratab_entry *e, struct err *err);

/* Removes the line that names the volume.  ENOENT: there is none.  EEXIST: there are two. */
int eratab_remove(struct eratab *tab, const char *name, struct err *err);

/*
 * Replaces the file by tab in one step, durably: after a crash there is the old file or the new
 * one.  Keeps the owner and the mode.  If path is a symbolic link, replaces the file that it leads
 * to.
 */
int eratab_write(const struct eratab *tab, struct err *err);

#endif /* ERAD_ERATAB_H */
