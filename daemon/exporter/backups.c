// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the reports of eractl backup, and writes them as metrics: see backups.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/files.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "common/text_stream.h"
#include "exporter/backups.h"
#include "exporter/metrics.h"

#define REPORT_MAX	65536u	/* limit for the size of a report, in bytes */
#define SUFFIX		".json"

struct report {
	char *name;			/* name of the file, without the suffix */
	struct json_object *content;	/* an object with the name of a volume */
};

/*
 * Returns whether the name is the name of a report.  The name must be ASCII, because it becomes a
 * label, and Prometheus refuses all metrics if a label is not UTF-8.
 */
static int is_report(const struct dirent *d)
{
	const size_t len = strlen(d->d_name);

	for (size_t i = 0; i < len; i++)
		if (d->d_name[i] < ' ' || d->d_name[i] > '~')
			return 0;
	return d->d_name[0] != '.' && len > strlen(SUFFIX) && !strcmp(d->d_name + len - strlen(SUFFIX), SUFFIX);
}

/* Returns the object in the file, or NULL if the file is not a report. */
static struct json_object *read_report(int directory, const char *name)
{
	/* With O_NONBLOCK, opening a FIFO does not wait. */
	const int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct json_object *content;
	char text[REPORT_MAX];
	struct err ignored;
	struct stat st;
	size_t len = 0;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || file_read_at(fd, text, sizeof(text), 0, &len))
		len = 0;
	close(fd);
	if (len && text[len - 1] == '\n')
		len--;
	if (jsonl_parse(text, len, &content, &ignored))
		return NULL;
	if (json_text(content, "volume"))
		return content;
	json_object_put(content);
	return NULL;
}

/*
 * Reads the reports and sets *nr to their number.  The caller frees them with free_reports().  Returns
 * 0, also if there is no directory, or a negative errno without reports.
 */
static int read_reports(const char *path, struct report **reports, size_t *nr)
{
	const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries = NULL;
	int found, ret = 0;

	*reports = NULL;
	*nr = 0;
	if (directory < 0)
		return errno == ENOENT ? 0 : -errno;
	found = scandirat(directory, ".", &entries, is_report, alphasort);
	if (found < 0)
		ret = -errno;
	if (found > 0)
		*reports = calloc(found, sizeof(**reports));
	if (found > 0 && !*reports)
		ret = -ENOMEM;
	for (int i = 0; i < found; i++) {
		struct report *r = *reports && *nr < BACKUPS_MAX ? &(*reports)[*nr] : NULL;

		if (r)
			r->content = read_report(directory, entries[i]->d_name);
		if (r && r->content) {
			r->name = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - strlen(SUFFIX));
			(*nr)++;
		}
		free(entries[i]);
	}
	free(entries);
	close(directory);
	return ret;
}

static void free_reports(struct report *reports, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		free(reports[i].name);
		json_object_put(reports[i].content);
	}
	free(reports);
}

/* Returns false if the report contains no value for this key, or an impossible value. */
static bool value_of(struct json_object *report, const char *key, double *value)
{
	struct json_object *o = json_object_object_get(report, key);

	if (!json_object_is_type(o, json_type_double) && !json_object_is_type(o, json_type_int) &&
	    !json_object_is_type(o, json_type_boolean))
		return false;
	*value = json_object_get_double(o);
	return isfinite(*value) && *value >= 0;
}

static int print_reports(FILE *f, const char *directory)
{
	static const struct {
		const char *key, *name, *help;
	} families[] = {
		{ "last_success", BACKUPS_PREFIX "last_success_timestamp_seconds",
		  "When the last good copy was complete. Missing if there is none." },
		{ "time", BACKUPS_PREFIX "last_run_timestamp_seconds", "When the last backup ended." },
		{ "success", BACKUPS_PREFIX "last_run_success", "Whether the last backup has made a good copy." },
		{ "duration_seconds", BACKUPS_PREFIX "last_run_duration_seconds", "How long the last backup took." },
		{ "bytes", BACKUPS_PREFIX "last_run_bytes", "Bytes of the volume that the last backup has copied." },
		{ "full", BACKUPS_PREFIX "last_run_full", "Whether the last backup was a full one." },
	};
	struct report *reports;
	size_t nr;
	const int r = read_reports(directory, &reports, &nr);
	double value;

	for (size_t m = 0; nr && m < sizeof(families) / sizeof(*families); m++) {
		metrics_print_family(f, families[m].name, "gauge", families[m].help);
		for (size_t i = 0; i < nr; i++) {
			if (!reports[i].name || !value_of(reports[i].content, families[m].key, &value))
				continue;
			fprintf(f, "%s{backup=\"", families[m].name);
			metrics_print_label(f, reports[i].name);
			fputs("\",volume=\"", f);
			metrics_print_label(f, json_text(reports[i].content, "volume"));
			fprintf(f, "\"} %.16g\n", value);
		}
	}
	free_reports(reports, nr);
	return r;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* `lock` protects these variables. */
static bool reading;			/* a thread is reading the reports */
static bool late;			/* a call has waited for this thread for BACKUPS_MS */
static int failure;			/* a negative errno: the last read of the reports has failed */
static struct text_stream newest;	/* the metrics of the reports that were read last */

static void *read_thread(void *arg)
{
	struct text_stream text = { 0 };
	FILE *f = text_stream_open(&text);
	int r = -ENOMEM;

	if (f) {
		r = print_reports(f, arg);
		text_stream_close(f, &text);
	}
	pthread_mutex_lock(&lock);
	/* Keep the older reports, so that an alert about an old backup still fires. */
	free(r ? text.text : newest.text);
	if (!r)
		newest = text;
	if (r && r != failure)
		fprintf(stderr, "erad-exporter: the directory %s with the reports of backups cannot be read: %s; until it can be read, the metrics of backups are those of the last reports that were read\n",
			(const char *)arg, strerror(-r));
	else if (!r && failure)
		fputs("erad-exporter: the directory of the reports can be read again\n", stderr);
	failure = r;
	free(arg);
	reading = false;
	if (late)
		fputs("erad-exporter: the directory of the reports answers again\n", stderr);
	late = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Starts a thread that reads the reports.  If this fails, `reading` stays false.  Context: lock. */
static void start_reading(const char *directory)
{
	char *copy = strdup(directory);
	pthread_t thread;

	reading = copy && !pthread_create(&thread, NULL, read_thread, copy);
	if (reading)
		pthread_detach(thread);
	else
		free(copy);
}

bool backups_are_old(void)
{
	bool ret;

	pthread_mutex_lock(&lock);
	ret = late || failure;
	pthread_mutex_unlock(&lock);
	return ret;
}

void backups_print(FILE *f, const char *directory)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += BACKUPS_MS / 1000;
	pthread_mutex_lock(&lock);
	if (!reading)
		start_reading(directory);
	/* If the thread is late, an earlier call has waited for it long enough. */
	while (reading && !late && !pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until))
		;
	if (reading && !late) {
		late = true;
		fprintf(stderr, "erad-exporter: the directory %s with the reports of backups has not answered for %d seconds; until it answers, the metrics of backups are those of the last reports that were read; check whether its file system hangs\n",
			directory, BACKUPS_MS / 1000);
	}
	if (newest.text)
		fwrite(newest.text, 1, newest.len, f);
	pthread_mutex_unlock(&lock);
}
