// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl: picks the command and runs it. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/stdfds.h"
#include "eractl/eractl.h"

static const struct command *const commands[] = {
	&cmd_create, &cmd_attach, &cmd_detach, &cmd_open, &cmd_close, &cmd_forget, &cmd_resize, &cmd_list, &cmd_status,
	&cmd_top, &cmd_events, &cmd_checkpoint, &cmd_bookmark, &cmd_snapshot, &cmd_image, &cmd_diff, &cmd_backup, &cmd_restore_backup, &cmd_send, &cmd_receive,
	&cmd_verify, &cmd_explain, &cmd_map, &cmd_abort,
	&cmd_doctor, &cmd_check, &cmd_repair, &cmd_dump, &cmd_restore, &cmd_import, NULL
};

static const struct command *find_command(const char *name)
{
	const struct command *const *c = commands;

	while (*c && strcmp((*c)->name, name))
		c++;
	return *c;
}

static void overview(FILE *f)
{
	const struct command *const *c;

	fputs("usage: eractl COMMAND [ARGUMENTS]\n"
	      "\n"
	      "Tracks which blocks of a block device were written since an era.\n"
	      "\n", f);
	for (c = commands; *c; c++)
		fprintf(f, "  %-16s%s\n", (*c)->name, (*c)->summary);
	fputs("  help            this text, or the help of a COMMAND\n"
	      "\n"
	      "Exit code: 0 worked, 1 failed, 2 the command line is wrong, 3 a full copy is due.\n", f);
}

static int no_command(const char *name)
{
	complain("no such command: %s; 'eractl help' lists the commands", name);
	return EXIT_USAGE;
}

static int help(const char *name)
{
	const struct command *cmd;

	if (!name) {
		overview(stdout);
		return end_output(EXIT_SUCCESS);
	}
	cmd = find_command(name);
	if (!cmd)
		return no_command(name);
	command_help(cmd);
	return end_output(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	const struct command *cmd;

	stdfds_open();
	if (begin_output())
		return EXIT_FAILURE;
	/* Set the locale, so that tables can show all characters of the locale in paths. */
	setlocale(LC_CTYPE, "");
	/*
	 * If the reader of a pipe ends, eractl must report an error, and not be killed by SIGPIPE.
	 */
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2) {
		overview(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("eractl " ERAD_VERSION);
		return end_output(EXIT_SUCCESS);
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argv[2]);
	cmd = find_command(argv[1]);
	if (!cmd)
		return no_command(argv[1]);
	return end_output(cmd->run(cmd, argc - 1, argv + 1));
}
