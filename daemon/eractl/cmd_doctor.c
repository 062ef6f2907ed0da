// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl doctor: checks everything that erad needs, and prints for each finding a command that
 * helps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "common/shell.h"
#include "eractl/doctor_machine.h"
#include "eractl/doctor_places.h"
#include "eractl/doctor_volumes.h"
#include "eractl/eractl.h"

static void print_finding(struct json_object *o)
{
	const char *volume = json_text(o, "volume"), *command = json_text(o, "command");
	char line[2048];

	snprintf(line, sizeof(line), "%-8s %-9s %s%s%s", json_text(o, "level"), json_text(o, "area"),
		 volume ? volume : "", volume ? ": " : "", json_text(o, "text"));
	puts(printable(line));
	/*
	 * Never shorten the command, because the result would be another command.  Print it
	 * without printable(), because it contains no control characters.
	 */
	if (command)
		printf("%18s # %s\n", "", command);
}

static int run_doctor(const struct command *cmd, int argc, char **argv)
{
	struct findings f = { .list = NULL };
	struct eratab tab;
	bool json = false;
	struct err err;

	while (command_getopt(cmd, argc, argv) != -1)
		json = true;
	if (optind < argc)
		return usage_error(cmd, "got %s, expected no operands", argv[optind]);

	f.list = json_object_new_array();
	doctor_machine(&f);
	if (eratab_read(ERAD_TAB, &tab, &err)) {
		finding_add(&f, FINDING_PROBLEM, "eratab", NULL, NULL, "%s", err.msg);
	} else {
		doctor_volumes(&f, &tab);
		doctor_places(&f, &tab);
		eratab_free(&tab);
	}

	if (json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "findings", json_object_get(f.list));
		print_json(o);
		json_object_put(o);
	} else {
		for (size_t i = 0; i < json_object_array_length(f.list); i++)
			print_finding(json_object_array_get_idx(f.list, i));
	}
	json_object_put(f.list);
	return f.problem ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "[--json]",
	.summary = "look at all that erad needs, and say what to type",
	.text =
	"Looks at the kernel, the module, erad, the group erad, the exporter, the volumes\n"
	"of /etc/eratab and who else uses their devices, and where their metadata is.\n"
	"Changes nothing. Prints a line for each finding, and under it what to type:\n"
	"\n"
	"  ok        is as it should be\n"
	"  note      works, but you should know\n"
	"  problem   does not work, or will not work after the next boot\n"
	"\n"
	"Exits with 1 if there is a problem.",
	.options = "J",
	.run = run_doctor,
};
