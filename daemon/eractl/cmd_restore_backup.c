// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl restore-backup: writes a copy from a directory of backups to a device or into a file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/file_lock.h"
#include "common/files.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/compared.h"
#include "eractl/eractl.h"
#include "eractl/manifest.h"
#include "eractl/progress.h"
#include "eractl/stream.h"
#include "eractl/target_check.h"

#define ZEROS	(1u << 20)	/* zeros are written in units of this many bytes */
/* An extended attribute of an unfinished file, which shows that restore-backup has made the file. */
#define MARK	"user.erad.unfinished"

struct restoring {
	struct manifest manifest;
	const struct backup_copy *copy;	/* the copy that is restored */
	const char *path;		/* path of the device or file that the user has given */
	bool overwrite, json, device;
	int hold;			/* result of manifest_hold() */
	int fd;				/* the device, or the new file; -1: not open */
	/* The name of the new file until the end; then the file is renamed to `path`. */
	char unfinished[PATH_MAX];
	uint64_t written;		/* number of bytes of data that were written */
};

static int target_failed(const struct restoring *t, const char *what, struct err *err)
{
	return err_set(err, -errno, "%s: %s: %s", t->device ? t->path : t->unfinished, what, strerror(errno));
}

/* ---- which copy ---- */

/* Parses a local time, or @SECONDS since 1970.  Returns false if the text is neither. */
static bool parse_time(const char *text, uint64_t *seconds)
{
	static const char *const formats[] = { "@%s", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M" };
	const char *end;
	struct tm tm;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		memset(&tm, 0, sizeof(tm));
		tm.tm_isdst = -1;
		end = strptime(text, formats[i], &tm);
		if (end && !*end) {
			*seconds = mktime(&tm);
			return true;
		}
	}
	return false;
}

/*
 * Finds the copy for `at`: the copy with this token; the newest copy that was made at this time or
 * before; or the newest copy of all, if `at` is "latest" or NULL.
 */
static int choose_copy(struct restoring *t, const char *at, struct err *err)
{
	const struct manifest *m = &t->manifest;
	const bool latest = !at || !strcmp(at, "latest");
	char text[TOKEN_TEXT_SIZE];
	struct token token;
	uint64_t seconds = 0;
	const bool by_token = !latest && token_from_text(at, &token);

	if (!latest && !by_token && !parse_time(at, &seconds))
		return err_set(err, -EINVAL, "--at %s: expected a token of MANIFEST, 'YYYY-MM-DD HH:MM:SS', @SECONDS or latest", at);
	for (const struct backup_copy *c = m->copy + m->nr; c-- > m->copy;) {
		if (latest || (by_token ? !strcmp(at, token_text(&c->token, text)) : c->time <= seconds)) {
			t->copy = c;
			return 0;
		}
	}
	if (!m->nr)
		return err_set(err, -ENOENT, "%s: there is no copy yet", m->directory);
	return err_set(err, -ENOENT, by_token ? "%s: there is no copy of %s" : "%s: there is no copy of %s or before", m->directory, at);
}

/* ---- the target ---- */

static int open_device(struct restoring *t, struct err *err)
{
	uint64_t size;

	if (!t->overwrite)
		return err_set(err, -EEXIST, "%s: this would overwrite all of the device; give --overwrite to do it", t->path);
	/*
	 * With O_EXCL, open() fails if the device is mounted, and nobody can mount the device
	 * before it is closed.
	 */
	t->fd = open(t->path, O_RDWR | O_CLOEXEC | O_EXCL);
	if (t->fd < 0 && errno == EBUSY)
		return err_set(err, -EBUSY, "%s: it is in use, for example mounted; end this use, or name another device", t->path);
	if (t->fd < 0)
		return target_failed(t, "cannot open the device", err);
	if (ioctl(t->fd, BLKGETSIZE64, &size))
		return target_failed(t, "cannot get the size", err);
	if (size >= t->copy->size)
		return 0;
	return err_set(err, -ENOSPC, "%s has %" PRIu64 " bytes, expected at least %" PRIu64 ", the size of the volume", t->path, size, t->copy->size);
}

/* Checks the file, and chooses the name under which it is written. */
static int check_file(struct restoring *t, struct err *err)
{
	char real[PATH_MAX], copy[PATH_MAX];
	struct stat st;
	const bool exists = !stat(t->path, &st);

	if (exists && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: expected a block device or a regular file", t->path);
	if (exists && !t->overwrite)
		return err_set(err, -EEXIST, "%s: it exists; --overwrite replaces it", t->path);
	/* If path is a symbolic link, replace the file to which it leads, and not the link. */
	if (!exists && snprintf(real, sizeof(real), "%s", t->path) >= (int)sizeof(real))
		return err_set(err, -ENAMETOOLONG, "%s: the path is too long", t->path);
	if (exists && !realpath(t->path, real))
		return err_set(err, -errno, "%s: %s", t->path, strerror(errno));
	strcpy(copy, real);
	if (blockdev_same_place(dirname(copy), t->manifest.directory))
		return err_set(err, -EINVAL, "%s: it is in the directory of the backups; expected a file elsewhere", t->path);
	if (snprintf(t->unfinished, sizeof(t->unfinished), "%s.unfinished", real) >= (int)sizeof(t->unfinished))
		return err_set(err, -ENAMETOOLONG, "%s: the path is too long", t->path);
	return 0;
}

/*
 * Creates the unfinished file, or empties the one that an interrupted restore-backup has left.
 * Refuses a file that has content and no mark, because the user may need it.
 */
static int make_file(struct restoring *t, struct err *err)
{
	struct stat st;

	/* The lock keeps another restore-backup from writing to the same file. */
	t->fd = file_lock(t->unfinished, O_RDWR | O_CREAT | O_NOFOLLOW, 0, err);
	if (t->fd < 0)
		return t->fd;
	if (fstat(t->fd, &st))
		return target_failed(t, "cannot get the size", err);
	if (st.st_size && fgetxattr(t->fd, MARK, NULL, 0) < 0)
		return err_set(err, -EEXIST, "%s: this file has content, and no mark that restore-backup has made the file; restore-backup needs this name until the copy is complete: remove or rename the file, or name another target",
			       t->unfinished);
	/* On a file system without attributes, the next restore-backup refuses an unfinished file. */
	fsetxattr(t->fd, MARK, "", 0, 0);
	if (ftruncate(t->fd, 0) || ftruncate(t->fd, t->copy->size))
		return target_failed(t, "cannot set the size", err);
	return 0;
}

/*
 * Renames the file.  Without --overwrite, does not replace a file that another program has created
 * during the restore.  Returns 0, or -1 with the reason in errno.
 */
static int rename_file(const struct restoring *t, const char *path)
{
	int r;

	if (t->overwrite)
		return rename(t->unfinished, path);
	r = file_rename_new(t->unfinished, path);
	errno = -r;
	return r ? -1 : 0;
}

static int name_file(struct restoring *t, struct err *err)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%.*s", (int)(strlen(t->unfinished) - strlen(".unfinished")), t->unfinished);
	if (rename_file(t, path))
		return target_failed(t, "the file is complete, but cannot be renamed", err);
	fremovexattr(t->fd, MARK);
	r = file_sync_name(path);
	return r ? err_set(err, r, "%s: cannot make the name of the file durable: %s", path, strerror(-r)) : 0;
}

/* ---- writing ---- */

static int write_data(struct restoring *t, const void *data, uint64_t length, uint64_t offset, struct err *err)
{
	const int r = file_write_at(t->fd, data, length, offset);

	return r ? err_set(err, r, "%s: cannot write at byte %" PRIu64 ": %s", t->path, offset, strerror(-r)) : 0;
}

static int write_zeros(struct restoring *t, uint64_t offset, uint64_t length, struct err *err)
{
	static const uint8_t zeros[ZEROS];
	uint64_t n;
	int r = 0;

	if (!length || !fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length))
		return 0;
	for (; length && !r; offset += n, length -= n) {
		n = length < ZEROS ? length : ZEROS;
		r = write_data(t, zeros, n, offset, err);
	}
	return r;
}

static ssize_t read_file(void *ctx, void *buf, size_t len)
{
	return read(*(int *)ctx, buf, len);
}

static int apply_extents(struct restoring *t, struct stream_in *in, bool full, struct err *err)
{
	struct stream_extent e;
	uint64_t end = 0;
	int r;

	while ((r = stream_next(in, &e, err)) == 1) {
		progress_show("restoring", e.offset, t->copy->size);
		/* In a full copy, everything between two extents is zeros. */
		r = full ? write_zeros(t, end, e.offset - end, err) : 0;
		end = e.offset + e.length;
		if (!r)
			r = e.data ? write_data(t, e.data, e.length, e.offset, err) : write_zeros(t, e.offset, e.length, err);
		if (r)
			return r;
		t->written += e.data ? e.length : 0;
	}
	progress_show("restoring", t->copy->size, t->copy->size);
	return r || !full ? r : write_zeros(t, end, t->copy->size - end, err);
}

static int apply_file(struct restoring *t, const struct backup_copy *c, struct err *err)
{
	const struct manifest *m = &t->manifest;
	int fd = openat(m->fd, c->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stream_in *in;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "%s/%s: %s", m->directory, c->file, strerror(errno));
	r = stream_open(read_file, &fd, &in, err);
	if (!r) {
		r = manifest_check_head(m, c, stream_get_head(in), err);
		if (!r)
			r = apply_extents(t, in, c->base < 0, err);
		stream_close(in);
	}
	close(fd);
	return r ? err_prefix(err, r, "%s/%s", m->directory, c->file) : 0;
}

/* Applies the full copy, and then each increment up to the copy. */
static int apply_chain(struct restoring *t, const struct backup_copy *copy, struct err *err)
{
	const struct manifest *m = &t->manifest;
	const unsigned int last = copy - m->copy;
	unsigned int *order = calloc(last + 1, sizeof(*order)), nr = 0;
	int r = 0;

	if (!order)
		return err_set(err, -ENOMEM, "out of memory");
	for (int i = last; i >= 0; i = m->copy[i].base)
		order[nr++] = i;
	while (nr && !r)
		r = apply_file(t, &m->copy[order[--nr]], err);
	free(order);
	if (!r && fsync(t->fd))
		r = target_failed(t, "cannot make it durable", err);
	return r;
}

/* ---- the steps ---- */

static int restore_backup(struct restoring *t, const char *directory, const char *at, struct err *err)
{
	int bad, r;

	t->hold = manifest_hold(directory);
	r = manifest_open(&t->manifest, directory, err);
	if (!r)
		r = choose_copy(t, at, err);
	if (r)
		return r;
	t->device = blockdev_at(t->path);
	r = target_check_data(t->path, err);
	if (!r && !t->device)
		r = target_check_new(t->path, err);
	if (!r)
		r = t->device ? open_device(t, err) : check_file(t, err);
	/* Check all files before the first write. */
	if (!r)
		r = manifest_check_chain(&t->manifest, t->copy - t->manifest.copy, true, &bad, err);
	if (!r && !t->device)
		r = make_file(t, err);
	if (r)
		return r;
	r = apply_chain(t, t->copy, err);
	if (!r && !t->device)
		return name_file(t, err);
	if (r && !t->device)
		unlink(t->unfinished);
	return r && t->device ? err_prefix(err, r, "%s contains only a part of the copy: restore it again", t->path) : r;
}

static void print_restored(const struct restoring *t)
{
	struct json_object *o;
	char token[TOKEN_TEXT_SIZE], written[SIZE_TEXT], date[64];
	const time_t time = t->copy->time;
	struct tm tm;

	token_text(&t->copy->token, token);
	if (t->json) {
		o = json_object_new_object();
		json_object_object_add(o, "directory", jsonl_text(t->manifest.directory));
		json_object_object_add(o, "file", json_object_new_string(t->copy->file));
		json_object_object_add(o, "target", jsonl_text(t->path));
		json_object_object_add(o, "token", json_object_new_string(token));
		json_object_object_add(o, "time", json_object_new_uint64(t->copy->time));
		json_object_object_add(o, "size", json_object_new_uint64(t->copy->size));
		json_object_object_add(o, "data_bytes", json_object_new_uint64(t->written));
		print_json(o);
		json_object_put(o);
		return;
	}
	if (!localtime_r(&time, &tm) || !strftime(date, sizeof(date), "%F %T", &tm))
		strcpy(date, "?");
	print_printable(stdout, t->path);
	printf(": the copy of %s, %s written; all checksums of the copies were right\n", date, size_format(written, t->written));
}

static int run_restore_backup(const struct command *cmd, int argc, char **argv)
{
	struct restoring t = { .manifest = MANIFEST_NONE, .fd = -1, .hold = -1 };
	const char *at = NULL;
	struct err err;
	int c, r;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'H')
			at = optarg;
		else if (c == 'Y')
			t.overwrite = true;
		else
			t.json = true;
	}
	if (argc - optind != 2)
		return usage_error(cmd, "expected the directory of the backups, and one device or file");
	t.path = argv[optind + 1];
	r = restore_backup(&t, argv[optind], at, &err);
	if (!r)
		print_restored(&t);
	if (t.fd >= 0)
		close(t.fd);
	if (t.hold >= 0)
		close(t.hold);
	manifest_close(&t.manifest);
	return r ? fail(&err) : EXIT_SUCCESS;
}

const struct command cmd_restore_backup = {
	.name = "restore-backup",
	.args = "DIR DEV|FILE [--at TOKEN|TIME|latest] [--overwrite] [--json]",
	.summary = "restore a copy that backup has made",
	.text =
	"Writes a copy from a directory of 'eractl backup' to a block device, or into a\n"
	"new file. Needs no erad. Before the first write, reads all files that the copy\n"
	"needs and compares their checksums, so damage of one of them is an error that\n"
	"names the file, and nothing is written.\n"
	"\n"
	"A device must not be in use, and must be as large as the volume was. A file\n"
	"appears under its name only when it is complete.",
	.options = "HYJ",
	.run = run_restore_backup,
};
