/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the same request for several volumes, and shows the answers. */
#ifndef ERACTL_VOLUMES_H
#define ERACTL_VOLUMES_H

#include <json-c/json.h>

#include "eractl/eractl.h"

struct volumes_job {
	const char *op;
	/* Prints the answer for one volume as text.  Returns false if a member is missing. */
	bool (*print)(struct json_object *result);
	bool stop;		/* true: do not continue with the next volume after an error */
	bool origin_replaced;	/* for open: the origin may be another device than before */
	/* For open: open the volume even if gap=refuse in eratab forbids it. */
	bool accept_gap;
	bool drop_image;	/* for close: drop the volume's image first */
	/* The command may run before the file system of ERAD_LIB_DIR is mounted. */
	bool at_boot;
	/* The volume is forgotten, so the note of its newest token must be removed. */
	bool forgets;
	/*
	 * For images of several volumes: the size of each copy-on-write store in bytes; 0: the
	 * default.
	 */
	uint64_t store_size;
	/* The answer is an answer to a checkpoint, so a witness of the origin must be taken. */
	bool witness;
	bool json;		/* print {"version", "volumes": [RESULT]} instead of text */
};

/* Runs the job for each name, in order.  Returns the exit code. */
int volumes_run(const struct volumes_job *job, char *const *names, size_t nr);

/*
 * Runs the job for the operands from optind on, as volumes_run() does.  If there is no operand, or
 * an operand is not the name of a volume, prints an error and returns EXIT_USAGE.
 */
int volumes_run_operands(const struct command *cmd, const struct volumes_job *job, int argc,
			 char **argv);

/*
 * Makes one request for all the names, whose answer is a list of checkpoints or images of volumes.
 * Shows this list, and does what job->witness says.  Uses no other members of the job than op,
 * print, store_size, witness and json.  names ends with a NULL.  Returns the exit code; unless it
 * is EXIT_SUCCESS, nothing is printed on stdout.
 */
int volumes_run_together(const struct volumes_job *job, char *const *names);

/*
 * Parses the command line of open or close, and sets the members of the job for its options.  With
 * --all, calls run_all, which finds the names itself.  Without --all, runs the job for the
 * operands.  Returns the exit code.
 */
int volumes_run_operands_or_all(const struct command *cmd, struct volumes_job *job, int argc,
				char **argv, int (*run_all)(const struct volumes_job *job));

/*
 * Sends a request for one volume and prints the answer.  Frees the request.  Returns the exit code.
 */
int volume_run(const struct volumes_job *job, struct json_object *request);

/*
 * Call this with erad's answer to a request that has forgotten a volume.  Removes the note of the
 * volume's newest token, unless another volume may have the same UUID, because the two would share
 * the note.
 */
void volume_forget_note(struct json_object *result);

/*
 * Prints why the metadata file of a volume that was forgotten was not removed, if its file system has
 * not answered.
 */
void volume_complain_left(struct json_object *result);

/*
 * Sends a request whose answer is a list of volumes.  With json, prints erad's answer.  Without
 * json, calls print with the list, or prints an error if the list is empty.  Calls
 * complain_of_table().  Frees the request.  Returns the exit code.
 */
int volumes_show(struct json_object *request, bool json,
		 int (*print)(struct json_object *volumes, bool verbose), bool verbose);

/*
 * Prints an error for each line of /etc/eratab that cannot be parsed, or if the file cannot be
 * read.  Returns whether it has printed an error.
 */
bool complain_of_table(void);

/*
 * Returns 0 if all names are valid for volumes.  Otherwise prints an error and returns EXIT_USAGE.
 * The list ends with a NULL.
 */
int check_names(const struct command *cmd, char *const *names);

/*
 * Returns 0 if there is exactly one operand, the name of a volume.  Otherwise prints an error and
 * returns EXIT_USAGE.
 */
int one_name(const struct command *cmd, int argc, char **argv);

/*
 * Finds the path of the device, or of the metadata, of an open volume.  The caller frees *path.
 * ENODEV: the volume is not open.
 */
int volume_find_metadata(const char *name, char **path, struct err *err);
int volume_find_device(const char *name, char **path, struct err *err);

/*
 * Gets the STATUS of a volume, which protocol.h describes, from erad.  The caller drops the
 * reference to *status.
 */
int volume_find_status(const char *name, struct json_object **status, struct err *err);

/*
 * Prints "data: /dev/mapper/data is in era 5, …", for create, attach and open.  Returns as print
 * of struct volumes_job does.
 */
bool print_opened(struct json_object *result);

/*
 * Print a line with the era, or with the token, and nothing else.  Return as print of struct
 * volumes_job does.
 */
bool print_era(struct json_object *result);
bool print_token(struct json_object *result);

#endif /* ERACTL_VOLUMES_H */
