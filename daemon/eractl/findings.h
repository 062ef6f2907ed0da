/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of `eractl doctor`: the subject, the result, and a command that helps. */
#ifndef ERACTL_FINDINGS_H
#define ERACTL_FINDINGS_H

#include <json-c/json.h>
#include <stdbool.h>

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,		/* works, but has consequences that the user should know */
	FINDING_PROBLEM,	/* does not work, or will not work after the next boot */
};

/*
 * An array of {"level", "area", "volume", "text", "command"}.  "volume" and "command" may be null.
 */
struct findings {
	struct json_object *list;
	bool problem;		/* true: at least one of the findings is a problem */
};

/*
 * Adds a finding.  area: "kernel", "module" and so on.  volume: NULL if the finding is about the
 * machine.  command: the command that the user should type, or NULL; its paths must come from
 * shell_word().  fmt: the sentence.
 */
void finding_add(struct findings *f, enum finding_level level, const char *area, const char *volume,
		 const char *command, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/*
 * Returns a command for finding_add(): the program with its options, and the path as one word of
 * the shell.  The path must be quoted, because any user may have chosen it.  The caller frees the
 * command.  NULL: out of memory.
 */
char *finding_command(const char *program, const char *path);

#endif /* ERACTL_FINDINGS_H */
