// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl open: opens volumes. */
#include <stdlib.h>

#include "common/eratab.h"
#include "eractl/volumes.h"

/*
 * Opens all volumes that are opened at boot: all volumes without the options "noauto" and
 * "detaching".  erad completes the detach of a volume with the option "detaching".  Returns the
 * exit code.
 */
static int open_all(const struct volumes_job *job)
{
	struct eratab tab;
	size_t i, nr = 0;
	struct err err;
	char **names;
	int code;

	if (eratab_read(ERAD_TAB, &tab, &err))
		return fail(&err);
	names = calloc(tab.nr + 1, sizeof(*names));
	if (!names) {
		eratab_free(&tab);
		complain("out of memory");
		return EXIT_FAILURE;
	}
	for (i = 0; i < tab.nr; i++) {
		struct eratab_entry *e = tab.line[i].entry;

		if (e && !e->noauto && !e->detaching)
			names[nr++] = e->name;
	}
	code = volumes_run(job, names, nr);
	if (complain_of_table())
		code = EXIT_FAILURE;
	free(names);
	eratab_free(&tab);
	return code;
}

static int run_open(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "open", .print = print_opened, .at_boot = true };

	return volumes_run_operands_or_all(cmd, &job, argc, argv, open_all);
}

const struct command cmd_open = {
	.name = "open",
	.args = "NAME… [--origin-replaced] [--accept-gap] | --all [--json]",
	.summary = "bring volumes up",
	.text =
	"Makes /dev/mapper/NAME of volumes that are in /etc/eratab, and begins a new\n"
	"era on each volume that was closed. If a volume cannot be opened, goes on with\n"
	"the next one. --all opens all volumes that are not marked noauto.\n"
	"\n"
	"A volume whose origin is another device than the last time is not opened. With\n"
	"--origin-replaced, the volume is opened, and every block counts as written.\n"
	"\n"
	"A volume with gap=refuse in /etc/eratab is not opened if writes may have gone\n"
	"past erad. With --accept-gap, the volume is opened, and every block counts as\n"
	"written.",
	.options = "aRAJ",
	.run = run_open,
};
