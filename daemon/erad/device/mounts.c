// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads /proc/self/mountinfo and /proc/swaps: see mounts.h.
 *
 * There are two reasons not to use libmount.  First, libmount keeps the whole table in memory.
 * Second, libmount removes the escapes of the options before it splits them at commas, so it cuts
 * an upperdir that has a comma in its path.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/octal.h"
#include "erad/device/mounts.h"

void mounts_open(struct mounts *t)
{
	*t = (struct mounts){ .f = fopen("/proc/self/mountinfo", "re") };
	if (!t->f)
		t->error = -errno;
}

void mounts_close(struct mounts *t)
{
	if (t->f)
		fclose(t->f);
	free(t->line);
}

/* Parses the line "ID PARENT MAJOR:MINOR ROOT WHERE OPTIONS [FIELD]... - TYPE SOURCE OPTIONS". */
static bool parse_mount_line(char *line, struct mount *m)
{
	char *field[6], *optional, *type, *source, *options;
	unsigned int ma, mi;

	for (size_t i = 0; i < 6; i++)
		field[i] = strsep(&line, " ");
	do
		optional = strsep(&line, " ");
	while (optional && strcmp(optional, "-"));
	type = strsep(&line, " ");
	source = strsep(&line, " ");
	options = strsep(&line, "\n");
	if (!options || sscanf(field[0], "%llu", &m->id) != 1 ||
	    sscanf(field[2], "%u:%u", &ma, &mi) != 2 || !octal_unescape(field[3]) ||
	    !octal_unescape(field[4]) || !octal_unescape(source))
		return false;
	m->dev = makedev(ma, mi);
	m->root = field[3];
	m->where = field[4];
	m->type = type;
	m->source = source;
	m->options = options;
	return true;
}

/* Reads a line.  Returns 1, or 0 at the end of the file, or a negative errno. */
static int read_line(FILE *f, char **line, size_t *size)
{
	if (getline(line, size, f) > 0)
		return 1;
	return feof(f) ? 0 : -errno;
}

bool mounts_next(struct mounts *t, struct mount *m)
{
	int r;

	while (!t->error && (r = read_line(t->f, &t->line, &t->size))) {
		if (r < 0)
			t->error = r;
		else if (parse_mount_line(t->line, m))
			return true;
	}
	return false;
}

/*
 * Returns the number of the block device at the path, or 0.  Ignores a path outside /dev: the source of a
 * file system in user space may be a directory, and swap space may be a file, on a file system that hangs.
 */
static dev_t device_at(const char *path)
{
	return strncmp(path, "/dev/", strlen("/dev/")) ? 0 : blockdev_at(path);
}

dev_t mount_device(const struct mount *m)
{
	return major(m->dev) ? m->dev : device_at(m->source);
}

bool mount_option(const struct mount *m, const char *name, char *value, size_t size)
{
	size_t len = strlen(name), n;

	for (const char *o = m->options; *o; o += n + (o[n] == ',')) {
		n = strcspn(o, ",");
		if (n <= len || strncmp(o, name, len) || o[len] != '=')
			continue;
		return snprintf(value, size, "%.*s", (int)(n - len - 1), o + len + 1) < (int)size &&
		       octal_unescape(value);
	}
	return false;
}

int swaps_find(bool (*fn)(dev_t dev, void *arg), void *arg)
{
	FILE *f = fopen("/proc/swaps", "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;
	dev_t dev;
	int r = 0;

	/* A kernel without support for swap space has no such file. */
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!found && (r = read_line(f, &line, &size)) > 0) {
		line[strcspn(line, " \t")] = 0;
		dev = octal_unescape(line) ? device_at(line) : 0;
		found = dev && fn(dev, arg);
	}
	free(line);
	fclose(f);
	return found ? 1 : r;
}

static bool is_same(dev_t dev, void *arg)
{
	return dev == *(dev_t *)arg;
}

int swaps_have(dev_t dev)
{
	return swaps_find(is_same, &dev);
}
