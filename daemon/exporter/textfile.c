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

int textfile_write(const char *path, const struct scrape_from *from, struct err *down, struct err *err)
{
	size_t len;
	char *text;
	int r;

	text = scrape(from, &len, down);
	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	/* Keep the old file, because an alert about an old backup needs its metrics. */
	if (backups_are_old())
		r = err_set(err, -ETIMEDOUT, "%s is left as it was, because the metrics of backups are missing", path);
	else
		r = replace(path, text, len, err);
	free(text);
	return r;
}
