// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl restore: makes metadata from the XML of eractl dump or of era_dump. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eractl/era_xml.h"
#include "eractl/eractl.h"
#include "eractl/restore.h"
#include "eractl/temporary.h"

struct xml {
	const char *name;	/* name of the input; NULL: standard input */
	FILE *f;
};

static int read_xml(void *from, const struct era_sink *sink, void *ctx, struct err *err)
{
	struct xml *x = from;

	if (fseeko(x->f, 0, SEEK_SET))
		return err_set(err, -errno, "%s: cannot read the input a second time: %s", x->name,
			       strerror(errno));
	return era_xml_read(x->f, x->name, sink, ctx, err);
}

/*
 * Opens the input.  If it is not a regular file, copies it to a temporary file, because the XML is
 * read twice.
 */
static int open_xml(struct xml *x, struct err *err)
{
	FILE *in = stdin, *copy;
	struct stat st;
	char buf[16384];
	size_t n;

	if (x->name)
		in = fopen(x->name, "re");
	else
		x->name = "standard input";
	if (!in || fstat(fileno(in), &st))
		return err_set(err, -errno, "%s: %s", x->name, strerror(errno));
	x->f = in;
	if (S_ISREG(st.st_mode))
		return 0;
	copy = temporary_file(NULL);
	if (!copy)
		return err_set(err, -errno, "%s: cannot make a temporary file in %s: %s" TMPDIR_HINT, x->name, temporary_directory(NULL), strerror(errno));
	x->f = copy;
	while ((n = fread(buf, 1, sizeof(buf), in)) && fwrite(buf, 1, n, copy) == n)
		;
	if (ferror(in))
		return err_set(err, -EIO, "%s: cannot read it: %s", x->name, strerror(errno));
	if (n || fflush(copy))
		return err_set(err, -errno, "%s: cannot write a temporary file in %s: %s" TMPDIR_HINT, x->name, temporary_directory(NULL), strerror(errno));
	return 0;
}

static int run_restore(const struct command *cmd, int argc, char **argv)
{
	struct xml x = { };
	struct restore r = { .read = read_xml, .from = &x };
	struct err err;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'i':
			x.name = optarg;
			break;
		case 'W':
			r.overwrite = true;
			break;
		case 'J':
			r.json = true;
			break;
		}
	}
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected METADATA", argc - optind);
	r.path = argv[optind];
	if (open_xml(&x, &err))
		return fail(&err);
	return restore(&r);
}

const struct command cmd_restore = {
	.name = "restore",
	.args = "METADATA [--input FILE] [--overwrite-metadata] [--json]",
	.summary = "make metadata from the XML of dump",
	.text =
	"Reads the XML of 'eractl dump', or of era_dump of thin-provisioning-tools,\n"
	"and writes metadata to the device or file METADATA. Creates the file if it\n"
	"does not exist. All of the XML is read before anything is written. The volume\n"
	"must be closed.\n"
	"\n"
	"The same XML always makes the same metadata. If the XML has no UUID, the\n"
	"metadata gets a new one each time.",
	.options = "iWFJ",
	.run = run_restore,
};
