/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/eratab: which volumes there are, one to a line,
 *
 *	NAME ORIGIN METADATA [OPTIONS]
 *
 * separated by blanks; # begins a comment line; \ooo (octal) stands for a
 * byte that would separate.  The file may begin with a byte order mark, and
 * lines may end with CR LF.  A line that is not understood spoils nothing but
 * the volume it names, and is kept as it is by a rewrite.
 *
 * Knows nothing of the daemon, so that tests can feed it anything.
 */
#ifndef ERAD_ERATAB_H
#define ERAD_ERATAB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/protocol.h"

#define ERATAB_SIZE_MAX		(1u << 20)	/* bytes; more is refused */
#define ERATAB_LINES_MAX	10000u
#define ERATAB_PATH_MAX		4095		/* of ORIGIN and METADATA */

/* What becomes of held writes when no erad is attached to the target. */
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
	struct eratab_entry *entry;	/* NULL: a comment, or not understood */
	char *error;		/* why it was not understood, with file and line */
	char name[ERAD_NAME_MAX + 1];	/* of the volume, even if the rest is wrong; or "" */
};

struct eratab {
	char *file;		/* for messages */
	struct eratab_line *line;
	size_t nr;
};

/* Whether name can be a volume's; says in err what is wrong (EINVAL). */
int eratab_check_name(const char *name, struct err *err);

/*
 * Any text is safe input.  Fails only for lack of memory and for too many
 * lines (EFBIG); what is wrong with a line is in its error.  Ends with
 * eratab_free().
 */
int eratab_parse(const char *text, size_t len, const char *file, struct eratab *tab,
		 struct err *err);

/*
 * A file that does not exist is an empty table. EINVAL if it is no regular
 * file; never waits for whoever writes to a FIFO.
 */
int eratab_read(const char *file, struct eratab *tab, struct err *err);
void eratab_free(struct eratab *tab);

/* The entry stays tab's.  ENOENT; EINVAL if name's line is not understood; EEXIST if two lines name it. */
int eratab_find(const struct eratab *tab, const char *name, const struct eratab_entry **out,
		struct err *err);

/* Copies what it needs of e.  EEXIST. */
int eratab_add(struct eratab *tab, const struct eratab_entry *e, struct err *err);

/* Removes the line that names the volume.  ENOENT; EEXIST if two lines do. */
int eratab_remove(struct eratab *tab, const char *name, struct err *err);

/*
 * Replaces the file by tab in one step, durably: a crash leaves the old or
 * the new one.  Keeps owner, mode and, where it is a symbolic link, the link.
 */
int eratab_write(const struct eratab *tab, struct err *err);

#endif /* ERAD_ERATAB_H */
