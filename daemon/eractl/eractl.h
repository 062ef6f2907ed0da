/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of eractl share: options, messages, output, names. */
#ifndef ERACTL_H
#define ERACTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "common/err.h"
#include "common/members.h"

/* Exit codes; EXIT_SUCCESS and EXIT_FAILURE are 0 and 1. */
#define EXIT_USAGE	2

#define JSON_VERSION	1	/* "version" of everything that is printed as JSON */

struct command {
	const char *name;
	const char *args;	/* as in the usage line */
	const char *summary;	/* for the list of commands */
	const char *text;	/* paragraphs for its help; ends without a newline */
	const char *options;	/* letters of options.c that it takes; --help is always taken */
	/* argv[0] is the name.  Returns the exit code. */
	int (*run)(const struct command *cmd, int argc, char **argv);
};

extern const struct command cmd_create, cmd_open, cmd_close, cmd_forget, cmd_resize, cmd_list,
	cmd_status, cmd_top, cmd_checkpoint, cmd_snapshot, cmd_diff, cmd_explain, cmd_abort,
	cmd_check, cmd_repair, cmd_dump, cmd_map, cmd_restore, cmd_import;

/*
 * The letter of the next option, its argument in optarg; -1 when there is
 * none, and optind is at the first operand.  Answers --help and complains of
 * what is wrong by itself, and exits then.
 */
int command_getopt(const struct command *cmd, int argc, char **argv);
void command_help(const struct command *cmd);

/* Says on stderr what is wrong with the command line and returns EXIT_USAGE. */
int usage_error(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "eractl: …" on stderr, printable. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Complains of the error and returns EXIT_FAILURE. */
int fail(const struct err *err);

/* Prints what, an object, with "version" in front, on stdout. */
void print_json(struct json_object *what);

/* Prints text as a JSON string, with its quotes. */
void print_json_string(const char *text);

/*
 * Must come first: from then on the reason of the first failed write to stdout
 * is kept for end_output().  0, or EXIT_FAILURE with a complaint.
 */
int begin_output(void);

/* Whether stdout has failed; for commands that print for long, right after they did. */
bool output_failed(void);

/*
 * Must come last: writes out stdout, and returns code, or EXIT_FAILURE with a
 * complaint if any of the output could not be written.
 */
int end_output(int code);

/* Of the terminal at stdout, or 80 columns and 24 lines. */
struct winsize terminal_size(void);

/* Complains of a name that no volume can have: EXIT_USAGE, or 0. */
int check_name(const struct command *cmd, const char *name);

/* An era that can be asked for, 0 … 2^32 - 2; EINVAL if it is not. */
int era_parse(const char *text, uint32_t *era);

#endif /* ERACTL_H */
