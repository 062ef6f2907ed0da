/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that ask the same of several volumes. */
#ifndef ERACTL_VOLUMES_H
#define ERACTL_VOLUMES_H

#include <json-c/json.h>

#include "eractl/eractl.h"

struct volumes_job {
	const char *op;
	/* One volume's answer as text; false: it lacks what is to be printed. */
	bool (*print)(struct json_object *result);
	bool stop;		/* at the first that fails */
	bool json;		/* {"version", "volumes": [RESULT]} in place of print */
};

/* Runs the job for each of the names, in order.  Returns the exit code. */
int volumes_run(const struct volumes_job *job, char *const *names, size_t nr);

/* The same for the operands from optind on, of which there must be one. */
int volumes_run_operands(const struct command *cmd, const struct volumes_job *job, int argc,
			 char **argv);

/*
 * The command line of a command whose options are --json and --all: the same, or
 * in place of operands run_all, which finds the names by itself.
 */
int volumes_run_operands_or_all(const struct command *cmd, struct volumes_job *job, int argc,
				char **argv, int (*run_all)(const struct volumes_job *job));

/* A request for one volume, its answer printed; returns the exit code. */
int volume_run(const struct volumes_job *job, struct json_object *request);

/* A request {"op": op, "volumes": names}; names ends with a NULL, and if there are none all volumes are meant. */
struct json_object *volumes_request(const char *op, char *const *names);

/*
 * Makes a request whose answer is a list of volumes and has print show it,
 * unless it is empty, and complains of the table.  Takes request over.  Returns the exit code.
 */
int volumes_show(struct json_object *request, bool json,
		 int (*print)(struct json_object *volumes, bool verbose), bool verbose);

/* Reads and complains of lines of /etc/eratab that are not understood, and says whether there are any. */
bool complain_of_table(void);

/* Complains of the first that no volume can have: EXIT_USAGE, or 0.  names ends with a NULL, as argv does. */
int check_names(const struct command *cmd, char *const *names);

/* Complains unless there is exactly one operand and it can name a volume: EXIT_USAGE, or 0. */
int one_name(const struct command *cmd, int argc, char **argv);

/* "data: era 5 on /dev/mapper/data, …": for create and open. */
bool print_opened(struct json_object *result);

/* The era alone, on a line. */
bool print_era(struct json_object *result);

#endif /* ERACTL_VOLUMES_H */
