// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl map: draws a volume.  The colour of each part shows when it was last written. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "eractl/eractl.h"
#include "eractl/eras.h"
#include "eractl/map_draw.h"

#define MARGIN		12	/* columns beside the cells, for offsets */
#define LINES_AROUND	12	/* lines for title, empty line, legend and prompt */
#define SVG_COLUMNS	128
#define SVG_ROWS	64

/* Chooses as many cells as the terminal has room for, but at least 8 columns and 4 rows. */
static void fit_to_terminal(struct map *m)
{
	const struct winsize w = terminal_size();

	m->columns = w.ws_col > MARGIN + 8 ? w.ws_col - MARGIN : 8;
	m->rows = w.ws_row > LINES_AROUND + 4 ? w.ws_row - LINES_AROUND : 4;
}

/* An empty NO_COLOR counts as unset: see no-color.org. */
static enum map_colour choose_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM"), *depth = getenv("COLORTERM");

	if (!isatty(STDOUT_FILENO) || (no && *no) || !term || !strcmp(term, "dumb"))
		return MAP_PLAIN;
	if (depth && (!strcmp(depth, "truecolor") || !strcmp(depth, "24bit")))
		return MAP_TRUE;
	return MAP_256;
}

static int begin_map(void *ctx, const struct store_info *info, struct err *err)
{
	struct map *m = ctx;

	m->info = *info;
	if (m->since > info->era)
		return err_set(err, -EINVAL,
			       "%s: era %" PRIu32 " has not begun: the current one is %" PRIu32,
			       m->name, m->since, info->era);
	if (!info->nr_blocks)
		return err_set(err, -EINVAL, "%s: the volume has no blocks", m->name);
	return map_init(m) ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static int draw_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	map_add(ctx, first, len, era);
	return 0;
}

/* Returns EEXIST if the file is not empty and does not begin as an SVG does. */
static int check_svg(int fd, const char *path, struct err *err)
{
	static const char *const heads[] = { "<svg", "<?xml", "<!DOCTYPE svg" };
	char got[16] = "";
	size_t n;
	const int r = file_read_at(fd, got, sizeof(got) - 1, 0, &n);

	if (r)
		return err_set(err, r, "%s: cannot read it: %s", path, strerror(-r));
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (!n || !strncmp(got, heads[i], strlen(heads[i])))
			return 0;
	return err_set(err, -EEXIST, "%s: it exists and is no SVG; --svg replaces only an SVG or an empty file: name another file", path);
}

/*
 * Checks what is at the path.  real receives the path without symbolic links, so that the file is
 * replaced, and not a link to it.  *mode receives the mode for the new file.
 */
static int check_picture(const char *path, char real[PATH_MAX], mode_t *mode, struct err *err)
{
	struct stat st;
	mode_t mask;
	int fd, r;

	r = file_find_replaceable(path, real, err);
	if (r)
		return r;
	fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (errno != ENOENT)
			return err_set(err, -errno, "%s: %s", path, strerror(errno));
		mask = umask(0);
		umask(mask);
		*mode = 0666 & ~mask;
		return 0;
	}
	if (fstat(fd, &st)) {
		r = err_set(err, -errno, "%s: %s", path, strerror(errno));
	} else {
		*mode = st.st_mode & 0777;
		r = check_svg(fd, path, err);
	}
	close(fd);
	return r;
}

/* Writes the picture to the file fd. */
static int fill_picture(const struct map *m, int fd)
{
	const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");
	int e = 0;

	if (!f) {
		e = errno;
		if (copy >= 0)
			close(copy);
		return -e;
	}
	map_print_svg(m, f);
	if (fflush(f) || ferror(f))
		e = errno;
	if (fclose(f) && !e)
		e = errno;
	return -e;
}

/*
 * Writes a temporary file beside the path, and renames it to the path.  So an error leaves the old
 * picture unchanged.  Returns the exit code.
 */
static int write_svg(const struct map *m, const char *path)
{
	char real[PATH_MAX], temporary[PATH_MAX + 8];
	struct err err;
	mode_t mode = 0;
	int fd, r;

	if (check_picture(path, real, &mode, &err))
		return fail(&err);
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", real);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		err_set(&err, -errno, "%s: %s", path, strerror(errno));
		return fail(&err);
	}
	r = fchmod(fd, mode) ? -errno : fill_picture(m, fd);
	if (!r)
		return file_replace(fd, temporary, real, &err) ? fail(&err) : EXIT_SUCCESS;
	close(fd);
	unlink(temporary);
	err_set(&err, r, "%s: cannot write the whole file: %s", path, strerror(-r));
	return fail(&err);
}

static int run_map(const struct command *cmd, int argc, char **argv)
{
	const char *since = NULL, *svg = NULL;
	struct map m = { .since = 1 };
	struct eras_reader reader = { .loose = true, .ctx = &m, .begin = begin_map, .run = draw_run };
	int c, code = EXIT_SUCCESS;
	bool json = false;
	uint32_t era;
	struct err err;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 's')
			since = optarg;
		else if (c == 'S')
			reader.snapshot = true;
		else if (c == 'G')
			svg = optarg;
		else
			json = true;
	}
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected NAME or METADATA",
				   argc - optind);
	if (json && svg)
		return usage_error(cmd, "got both --json and --svg, expected one");
	if (since && era_parse(since, &era))
		return usage_error(cmd, "era %s: expected a number from 0 to 4294967294", since);
	/* Era 0 means that a block was never written, so the oldest era is 1. */
	if (since && era)
		m.since = era;
	m.name = argv[optind];
	fit_to_terminal(&m);
	if (svg) {
		m.columns = SVG_COLUMNS;
		m.rows = SVG_ROWS;
	}
	if (eras_read(m.name, &reader, &err))
		code = fail(&err);
	else if (svg)
		code = write_svg(&m, svg);
	else if (json)
		map_print_json(&m);
	else
		map_print(&m, choose_colour());
	map_free(&m);
	return code;
}

const struct command cmd_map = {
	.name = "map",
	.args = "NAME|METADATA [--since ERA] [--snapshot] [--svg FILE] [--json]",
	.summary = "draw when each part of a volume was last written",
	.text =
	"Draws the volume from its beginning to its end, line by line, in as many\n"
	"cells as the terminal has room for. A cell shows the age of the newest era of\n"
	"its blocks. The legend shows how many bytes were last written in which eras.\n"
	"With --since, blocks that were last written before ERA count as never written.\n"
	"\n"
	"Uses colours on a terminal, unless NO_COLOR is set, and characters elsewhere.\n"
	"Begins no era, so the picture of a live volume does not show one moment.",
	.options = "sSGJ",
	.run = run_map,
};
