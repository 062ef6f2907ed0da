/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that all commands of eractl share: options, messages, output and names. */
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
/*
 * A full copy is due.  From diff, verify and send: the metadata does not know the token's moment.
 * From receive: there is no copy, or the copy has another content than the stream needs.
 */
#define EXIT_FULL_COPY	3

#define JSON_VERSION	1	/* value of "version" in all JSON output */

struct command {
	const char *name;
	const char *args;	/* arguments, as the usage line shows them */
	const char *summary;	/* one line for the list of commands */
	const char *text;	/* paragraphs of the help, without a newline at the end */
	/*
	 * Letters of the accepted options, from the table in options.c.  --help is always accepted.
	 */
	const char *options;
	/* Runs the command.  argv[0] is the name of the command.  Returns the exit code. */
	int (*run)(const struct command *cmd, int argc, char **argv);
};

extern const struct command cmd_create, cmd_attach, cmd_detach, cmd_open, cmd_close, cmd_forget, cmd_resize, cmd_list,
	cmd_status, cmd_top, cmd_checkpoint, cmd_bookmark, cmd_snapshot, cmd_image, cmd_diff, cmd_verify, cmd_explain, cmd_abort,
	cmd_send, cmd_receive, cmd_backup, cmd_restore_backup, cmd_check, cmd_doctor, cmd_events, cmd_repair, cmd_dump, cmd_map, cmd_restore, cmd_import;

/*
 * Returns the letter of the next option, with its argument in optarg.  Returns -1 if there is no
 * further option; then optind is the index of the first operand.  For --help, prints the help and
 * exits with 0.  For a wrong option, prints an error and exits with EXIT_USAGE.
 */
int command_getopt(const struct command *cmd, int argc, char **argv);

/* Does what command_getopt() does, but for a wrong option, prints an error and returns '?'. */
int command_getopt_or_error(const struct command *cmd, int argc, char **argv);
void command_help(const struct command *cmd);

/* Prints an error in the command line to stderr, and returns EXIT_USAGE. */
int usage_error(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints "eractl: …" to stderr, without control characters. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the error as complain() does, and returns EXIT_FAILURE. */
int fail(const struct err *err);

/* Prints the object `what` to stdout, with "version" as its first member. */
void print_json(struct json_object *what);

/* Prints text as a JSON string, with its quotes. */
void print_json_string(const char *text);

/*
 * Prepares stdout; call this before any output.  From then on, the errno of the first failed write
 * to stdout is kept for end_output().  Returns 0, or prints an error and returns EXIT_FAILURE.
 */
int begin_output(void);

/*
 * Returns whether a write to stdout has failed.  A command that prints for a long time calls this
 * after each line.
 */
bool output_failed(void);

/*
 * Flushes stdout; call this after all output.  Returns code.  If some output could not be written,
 * prints an error and returns EXIT_FAILURE instead.
 */
int end_output(int code);

/* Returns the size of the terminal at stdout, or 80 columns and 24 lines. */
struct winsize terminal_size(void);

/*
 * Returns 0 if the name is valid for a volume.  Otherwise prints an error and returns EXIT_USAGE.
 */
int check_name(const struct command *cmd, const char *name);

/* Parses an era, 0 to 2^32 - 2.  EINVAL: the text is not an era. */
int era_parse(const char *text, uint32_t *era);

/*
 * Parses the argument of --since; text NULL: the user has not given the option.  Returns 0, or
 * prints an error and returns EXIT_USAGE.
 *
 * - For an era, *era is the era, and *token is NULL.
 * - For a token, *era is its era, and *token is text.
 * - For @BOOKMARK, *era is 0, and *token is text; since_find() finds the era.
 */
int since_parse(const struct command *cmd, const char *text, const char **token, uint32_t *era);

#endif /* ERACTL_H */
