// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of all commands, in one table: parses them, and prints their help. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/eratab.h"
#include "common/token.h"
#include "eractl/eractl.h"

static const struct {
	char letter;
	bool long_only;		/* has no short form, because it is too dangerous */
	const char *name;
	const char *arg;	/* NULL: the option has no argument */
	const char *text;
} options[] = {
	{ 'a', false, "all", NULL, "all volumes; for open, all that are not noauto" },
	{ 'm', false, "metadata", "DEV|FILE", "where to keep the metadata" },
	{ 'b', false, "block-size", "SIZE", "what is tracked as one, e.g. 4K, 1M; default 64K" },
	{ 'W', true, "overwrite-metadata", NULL, "overwrite what is at the place of the metadata" },
	{ 'F', true, "force", NULL, "no effect; accepted for scripts that give it" },
	{ 'D', true, "degrade", NULL, "let all writes pass instead, and count every block as written" },
	{ 'R', true, "origin-replaced", NULL, "the origin is another device now: all of it counts as written" },
	{ 'i', false, "input", "FILE", "the XML; default: standard input" },
	{ 'o', false, "origin", "DEV", "the tracked device, for its exact size; default: whole blocks" },
	{ 'M', true, "metadata-snapshot", NULL, "as of the metadata snapshot, which may be of a volume in use" },
	{ 'E', true, "dm-era", NULL, "without what only erad knows, for newer thin-provisioning-tools" },
	{ 'Z', true, "size", "SIZE", "of the volume, e.g. 10G; default: what the origin has" },
	{ 's', false, "since", "ERA", "the oldest era that counts; for diff, a token, too" },
	{ 't', true, "token", NULL, "print a token, which names the era in this metadata only" },
	{ 'S', true, "snapshot", NULL, "as it was when the snapshot was taken" },
	{ 'B', true, "base", "FILE|DEV", "a copy of the volume from that time" },
	{ 'V', true, "device", "DEV", "read this snapshot of the volume in its place" },
	{ 'G', true, "svg", "FILE", "draw into a file instead" },
	{ 'T', true, "to", "TOKEN", "of the era that had begun when DEV was made" },
	{ 'N', true, "state", "FILE", "where to note of which moment TARGET is a copy; default: an attribute of it" },
	{ 'w', true, "overwrite", NULL, "overwrite what is in TARGET by a full copy" },
	{ 'P', true, "offset", "BYTES", "of the volume's first byte; is added to all positions" },
	{ 'f', false, "format", "FORMAT", "table (default), json, ranges, ddrescue, xml or qcow2" },
	{ 'O', true, "once", NULL, "print once, on a terminal too" },
	{ 'v', false, "verbose", NULL, "details of each volume, too" },
	{ 'J', false, "json", NULL, "print JSON" },
	{ 'h', false, "help", NULL, "print this" },
};

#define NR_OPTIONS	(sizeof(options) / sizeof(options[0]))

static bool taken(const struct command *cmd, size_t i)
{
	return options[i].letter == 'h' || strchr(cmd->options, options[i].letter);
}

void command_help(const struct command *cmd)
{
	size_t i;

	printf("usage: eractl %s %s\n\n%s\n\n", cmd->name, cmd->args, cmd->text);
	for (i = 0; i < NR_OPTIONS; i++) {
		char left[32];

		if (!taken(cmd, i))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", options[i].name,
			 options[i].arg ? " " : "", options[i].arg ? options[i].arg : "");
		if (options[i].long_only)
			printf("      %-22s%s\n", left, options[i].text);
		else
			printf("  -%c, %-22s%s\n", options[i].letter, left, options[i].text);
	}
}

int command_getopt(const struct command *cmd, int argc, char **argv)
{
	struct option longs[NR_OPTIONS + 1] = { };
	char shorts[2 * NR_OPTIONS + 1], *s = shorts;
	static char prefix[32];
	size_t i, n = 0;
	int c;

	for (i = 0; i < NR_OPTIONS; i++) {
		if (!taken(cmd, i))
			continue;
		longs[n].name = options[i].name;
		longs[n].has_arg = options[i].arg ? required_argument : no_argument;
		longs[n++].val = options[i].letter;
		if (options[i].long_only)
			continue;
		*s++ = options[i].letter;
		if (options[i].arg)
			*s++ = ':';
	}
	*s = '\0';

	/* getopt_long() prints argv[0] at the beginning of its messages. */
	snprintf(prefix, sizeof(prefix), "eractl: %s", cmd->name);
	argv[0] = prefix;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == 'h') {
		command_help(cmd);
		exit(end_output(EXIT_SUCCESS));
	}
	if (c == '?') {
		fprintf(stderr, "usage: eractl %s %s\n", cmd->name, cmd->args);
		exit(EXIT_USAGE);
	}
	return c;
}

int usage_error(const struct command *cmd, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	complain("%s: %s", cmd->name, what);
	fprintf(stderr, "usage: eractl %s %s\n", cmd->name, cmd->args);
	return EXIT_USAGE;
}

int check_name(const struct command *cmd, const char *name)
{
	struct err err;

	return eratab_check_name(name, &err) ? usage_error(cmd, "%s", err.msg) : 0;
}

int since_parse(const struct command *cmd, const char *text, const char **token, uint32_t *era)
{
	struct token t;

	if (!text)
		return usage_error(cmd, "--since ERA or --since TOKEN is missing");
	*token = NULL;
	if (token_from_text(text, &t)) {
		*token = text;
		*era = t.era;
	} else if (era_parse(text, era)) {
		return usage_error(cmd, "since %s: expected a number from 0 to 4294967294, or a token of 'eractl checkpoint --token'",
				   text);
	}
	return 0;
}
