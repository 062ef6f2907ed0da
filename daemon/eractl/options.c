// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of all commands, in one table: parses them, and prints their help. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bookmark.h"
#include "common/eratab.h"
#include "common/lvm_filter.h"
#include "common/token.h"
#include "eractl/eractl.h"

static const struct {
	char letter;
	bool long_only;		/* the option has no short form */
	const char *name;
	const char *arg;	/* name of the argument; NULL: the option has none */
	const char *text;
} options[] = {
	{ 'a', false, "all", NULL, "all volumes; for open, all that are not noauto" },
	{ 'm', false, "metadata", "DEV|FILE", "where to keep the metadata" },
	{ 'b', false, "block-size", "SIZE", "the unit that is tracked, e.g. 4K, 1M; default 64K" },
	{ 'W', true, "overwrite-metadata", NULL, "overwrite what is at the place of the metadata" },
	{ 'p', true, "pv", "DEV", "the physical volume of LVM, which may be in use" },
	{ 'L', true, "write-lvm-filter", NULL, "write the filter for LVM to " LVM_FILTER_FILE },
	{ 'l', true, "lv", "VG/LV", "only blocks of this logical volume, linear or striped" },
	{ 'F', true, "force", NULL, "no effect; accepted for scripts that give it" },
	{ 'D', true, "degrade", NULL, "let all writes pass instead, and count every block as written" },
	{ 'R', true, "origin-replaced", NULL, "the origin is another device now: every block counts as written" },
	{ 'A', true, "accept-gap", NULL, "open although writes may have gone past erad: every block counts as written" },
	{ 'q', true, "drop-image", NULL, "drop the image of the volume first" },
	{ 'i', false, "input", "FILE", "the XML; default: standard input" },
	{ 'o', false, "origin", "DEV", "the tracked device, for its exact size; default: whole blocks" },
	{ 'M', true, "metadata-snapshot", NULL, "read dm-era's metadata snapshot; the volume may be in use" },
	{ 'E', true, "dm-era", NULL, "leave out what only erad knows, for thin-provisioning-tools 1.0 and later" },
	{ 'Z', true, "size", "SIZE", "the new size, e.g. 10G; default: the size of the origin" },
	{ 's', false, "since", "ERA", "the oldest era that counts; a token or @BOOKMARK, too, except for explain and map" },
	{ 'k', true, "token", "TOKEN", "the moment to name; default: the beginning of a new era" },
	{ 'x', true, "delete", NULL, "delete the bookmark" },
	{ 'j', true, "together", NULL, "begin the eras, or make the images, of all the volumes at one moment" },
	{ 't', true, "token", NULL, "print a token, which names the era in this metadata only" },
	{ 'S', true, "snapshot", NULL, "use the metadata snapshot, not the current metadata" },
	{ 'B', true, "base", "FILE|DEV", "the copy that was made when era ERA began" },
	{ 'V', true, "device", "DEV", "read this snapshot of the volume in its place" },
	{ 'G', true, "svg", "FILE", "draw into a file instead" },
	{ 'T', true, "to", "TOKEN", "the token of a checkpoint that was made before the snapshot DEV" },
	{ 'N', true, "state", "FILE", "keep the state of the copy in FILE; for receive, default: in an attribute of TARGET" },
	{ 'w', true, "overwrite", NULL, "overwrite TARGET with a full copy, or go on after receive was killed" },
	{ 'd', true, "device", "DEV", "the device of the closed volume, or a snapshot of the open one" },
	{ 'g', true, "image", NULL, "copy an image of the volume, which may be mounted and written" },
	{ 'c', true, "cow", "DEV|FILE|SIZE", "where the former content goes; default: a file of a tenth of the volume" },
	{ 'Q', true, "lvm", NULL, "make a snapshot of LVM; the origin must be a logical volume" },
	{ 'C', true, "size", "SIZE", "with --lvm: the size of the snapshot; only a thin volume needs none" },
	{ 'z', true, "freeze", NULL, "freeze the file system on the volume while it is read, and thaw it in every case" },
	{ 'I', true, "init", NULL, "make the first backup, in an empty directory or export" },
	{ 'u', true, "full", NULL, "copy all of the volume" },
	{ 'e', true, "full-every", "N", "copy all of the volume after N increments; default: never" },
	{ 'K', true, "keep", "N", "remove old copies, but keep the N newest full ones with their increments; default: all" },
	{ 'y', true, "verify", NULL, "read back the copy and the earlier copies that it needs, and compare checksums" },
	{ 'r', true, "report", "FILE", "note the result in this file, for erad-exporter" },
	{ 'H', true, "at", "TOKEN|TIME", "the copy of this moment, or the last one before this time; default: latest" },
	{ 'Y', true, "overwrite", NULL, "overwrite the device or the export, or replace the file" },
	{ 'P', true, "offset", "BYTES", "position of the volume's first byte; is added to all positions" },
	{ 'f', false, "format", "FORMAT", "table (default), json, ranges, ddrescue, xml or qcow2" },
	{ 'O', true, "once", NULL, "print once, on a terminal too" },
	{ 'v', false, "verbose", NULL, "details of each volume, too" },
	{ 'J', false, "json", NULL, "print JSON" },
	{ 'h', false, "help", NULL, "print this help" },
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
	const int c = command_getopt_or_error(cmd, argc, argv);

	if (c == '?')
		exit(EXIT_USAGE);
	return c;
}

int command_getopt_or_error(const struct command *cmd, int argc, char **argv)
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

	/* getopt_long() prints argv[0] in front of its messages. */
	snprintf(prefix, sizeof(prefix), "eractl: %s", cmd->name);
	argv[0] = prefix;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == 'h') {
		command_help(cmd);
		exit(end_output(EXIT_SUCCESS));
	}
	if (c == '?')
		fprintf(stderr, "usage: eractl %s %s\n", cmd->name, cmd->args);
	return c;
}

int usage_error(const struct command *cmd, const char *fmt, ...)
{
	char what[ERR_MAX];
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
		return usage_error(cmd, "--since is missing; expected an ERA, a TOKEN or @BOOKMARK");
	*token = NULL;
	if (*text == '@') {
		struct err err;

		if (bookmark_check_name(text + 1, &err))
			return usage_error(cmd, "%s", err.msg);
		*token = text;
		*era = 0;
	} else if (token_from_text(text, &t)) {
		*token = text;
		*era = t.era;
	} else if (era_parse(text, era)) {
		return usage_error(cmd, "since %s: expected a number from 0 to 4294967294, or a token of 'eractl checkpoint --token', or @BOOKMARK",
				   text);
	}
	return 0;
}
