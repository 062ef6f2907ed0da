/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the same request for several volumes, and shows the answers. */
#ifndef ERACTL_VOLUMES_H
#define ERACTL_VOLUMES_H

#include <json-c/json.h>

#include "eractl/eractl.h"

struct volumes_job {
	const char *op;
	/* Prints the answer for one volume as text.  False: a member is missing. */
	bool (*print)(struct json_object *result);
	bool stop;		/* stop at the first volume that fails */
	bool origin_replaced;	/* for open: take another device as the origin */
	bool json;		/* print {"version", "volumes": [RESULT]} instead */
};

/* Runs the job for each name, in order.  Returns the exit code. */
int volumes_run(const struct volumes_job *job, char *const *names, size_t nr);

/* As volumes_run(), for the operands from optind on.  There must be at least one operand. */
int volumes_run_operands(const struct command *cmd, const struct volumes_job *job, int argc,
			 char **argv);

/*
 * Handles the command line of a command with the options --json and --all.  With --all calls
 * run_all, which finds the names itself; otherwise runs the job for the operands.
 */
int volumes_run_operands_or_all(const struct command *cmd, struct volumes_job *job, int argc,
				char **argv, int (*run_all)(const struct volumes_job *job));

/* Makes a request for one volume and prints the answer.  Frees the request.  Returns the exit code. */
int volume_run(const struct volumes_job *job, struct json_object *request);

/* Returns a request {"op": op, "volumes": names}.  names ends with a NULL; no names mean all volumes. */
struct json_object *volumes_request(const char *op, char *const *names);

/*
 * Makes a request whose answer is a list of volumes, and calls print with the list unless it is
 * empty.  Calls complain_of_table().  Frees the request.  Returns the exit code.
 */
int volumes_show(struct json_object *request, bool json,
		 int (*print)(struct json_object *volumes, bool verbose), bool verbose);

/* Prints an error for each line of /etc/eratab that cannot be parsed.  Returns whether there are such lines. */
bool complain_of_table(void);

/*
 * Returns 0, or prints an error and returns EXIT_USAGE if no volume can have one of the names.
 * names ends with a NULL.
 */
int check_names(const struct command *cmd, char *const *names);

/* Returns 0, or prints an error and returns EXIT_USAGE unless there is exactly one operand, the name of a volume. */
int one_name(const struct command *cmd, int argc, char **argv);

/* Finds the device of an open volume.  The caller frees *path. */
int volume_find_device(const char *name, char **path, struct err *err);

/* Prints "data: /dev/mapper/data is in era 5, …", for create and open. */
bool print_opened(struct json_object *result);

/* Prints the era alone, or the token alone, on a line. */
bool print_era(struct json_object *result);
bool print_token(struct json_object *result);

#endif /* ERACTL_VOLUMES_H */
