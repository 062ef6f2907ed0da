// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the metrics into a file: see textfile.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "common/text_stream.h"
#include "exporter/backups.h"
#include "exporter/textfile.h"

static int write_text(int fd, const char *text, size_t len)
{
	while (len) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= n;
		}
	}
	return 0;
}

static int replace(const char *path, const char *text, size_t len, struct err *err)
{
	char tmp[PATH_MAX], real[PATH_MAX];
	int fd, r;

	r = file_find_replaceable(path, real, err);
	if (r)
		return r;
	/*
	 * The collector reads only names that end in .prom, so it does not read the unfinished
	 * file.
	 */
	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", real) >= (int)sizeof(tmp))
		return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot create %s: %m", tmp);
	r = write_text(fd, text, len);
	if (!r && fchmod(fd, 0644))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(tmp, real))
		r = -errno;
	if (r) {
		unlink(tmp);
		return err_set(err, r, "cannot write %s: %s", path, strerror(-r));
	}
	return 0;
}

/* Returns whether a line of a file of metrics is about backups. */
static bool is_about_backups(const char *line)
{
	static const char *const starts[] = { BACKUPS_PREFIX, "# HELP " BACKUPS_PREFIX, "# TYPE " BACKUPS_PREFIX };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/* Writes the lines about backups of the file at path to f.  Writes nothing if there is no such file. */
static void copy_backups(const char *path, FILE *f)
{
	/* With O_NONBLOCK, opening a FIFO does not wait for a writer. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *old = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t room = 0;

	while (old && getline(&line, &room, old) > 0)
		if (is_about_backups(line))
			fputs(line, f);
	free(line);
	if (old)
		fclose(old);
	else if (fd >= 0)
		close(fd);
}

/* Adds the lines about backups of the old file at path to the text.  Returns 0 or ENOMEM. */
static int keep_backups(const char *path, char **text, size_t *len)
{
	struct text_stream both = { 0 };
	FILE *f = text_stream_open(&both);

	if (!f)
		return -ENOMEM;
	fwrite(*text, 1, *len, f);
	copy_backups(path, f);
	if (text_stream_close(f, &both))
		return -ENOMEM;
	free(*text);
	*text = both.text;
	*len = both.len;
	return 0;
}

int textfile_write(const char *path, const struct scrape_from *from, struct err *down, struct err *err)
{
	size_t len;
	char *text;
	bool old;
	int r = 0;

	text = scrape(from, &len, down);
	/* An alert about an old backup needs these metrics. */
	old = text && backups_are_old();
	if (old)
		r = keep_backups(path, &text, &len);
	if (!text || r) {
		free(text);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = replace(path, text, len, err);
	free(text);
	if (!r && old)
		r = err_set(err, -ETIMEDOUT, "%s has the metrics of backups that it had before, because the reports cannot be read now; its other metrics are current",
			    path);
	return r;
}
