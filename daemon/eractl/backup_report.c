// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the result of a backup into a file: see backup_report.h. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/files.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "eractl/backup_report.h"
#include "eractl/target_check.h"

#define REPORT_MAX	65536u	/* limit for the size of an old report, in bytes */

/* Returns the time of the last success in the report at path, or 0 if there is none. */
static uint64_t last_success_in(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct json_object *old;
	char text[REPORT_MAX];
	uint64_t when = 0;
	struct err ignored;
	size_t len;

	if (fd < 0)
		return 0;
	if (file_read_at(fd, text, sizeof(text), 0, &len))
		len = 0;
	close(fd);
	if (len && text[len - 1] == '\n')
		len--;
	if (jsonl_parse(text, len, &old, &ignored))
		return 0;
	if (!json_number(old, "last_success", &when))
		when = 0;
	json_object_put(old);
	return when;
}

static struct json_object *report_json(const struct backup_report *r, uint64_t last_success)
{
	struct json_object *o = json_object_new_object();
	const uint64_t now = time(NULL);

	if (r->made)
		last_success = now;
	json_object_object_add(o, "version", json_object_new_int(1));
	json_object_object_add(o, "volume", jsonl_text(r->volume));
	json_object_object_add(o, "directory", jsonl_text(r->directory));
	json_object_object_add(o, "time", json_object_new_uint64(now));
	json_object_object_add(o, "last_success", last_success ? json_object_new_uint64(last_success) : NULL);
	json_object_object_add(o, "success", json_object_new_boolean(!r->error));
	json_object_object_add(o, "error", r->error ? jsonl_text(r->error) : NULL);
	json_object_object_add(o, "full", r->made ? json_object_new_boolean(r->full) : NULL);
	json_object_object_add(o, "bytes", json_object_new_uint64(r->bytes));
	json_object_object_add(o, "duration_seconds", json_object_new_double(r->seconds));
	return o;
}

/*
 * Finds the file to replace, as file_find_replaceable() does.  EINVAL: also if the file is metadata
 * of erad.
 */
static int find_report(const char *path, char real[PATH_MAX], struct err *err)
{
	int r = file_find_replaceable(path, real, err);

	if (!r && target_check_magic(real, err))
		r = -EINVAL;
	if (r)
		err_suffix(err, "leave out --report if you want no report");
	return r ? err_prefix(err, r, "cannot write the report") : 0;
}

int backup_report_check(const char *path, struct err *err)
{
	char real[PATH_MAX];

	return find_report(path, real, err);
}

int backup_report_write(const char *path, const struct backup_report *report, struct err *err)
{
	char new[PATH_MAX], real[PATH_MAX];
	struct json_object *o;
	const char *text;
	int fd, r;

	r = find_report(path, real, err);
	if (r)
		return r;
	o = report_json(report, last_success_in(real));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	r = -ENAMETOOLONG;

	/*
	 * The exporter reads only names that end in .json, so it does not read the unfinished file.
	 */
	if (snprintf(new, sizeof(new), "%s.XXXXXX", real) >= (int)sizeof(new))
		goto out;
	fd = mkostemp(new, O_CLOEXEC);
	r = fd < 0 ? -errno : file_write_at(fd, text, strlen(text), 0);
	if (!r && fchmod(fd, 0644))
		r = -errno;
	if (!r) {
		json_object_put(o);
		return file_replace(fd, new, real, err);
	}
	if (fd >= 0) {
		close(fd);
		unlink(new);
	}
out:
	json_object_put(o);
	return err_set(err, r, "cannot write the report %s: %s", path, strerror(-r));
}
