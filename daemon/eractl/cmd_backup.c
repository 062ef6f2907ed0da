// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl backup: adds a copy of a volume, full or an increment, to a directory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/seen.h"
#include "common/uuid.h"
#include "eractl/backup.h"
#include "eractl/backup_base.h"
#include "eractl/backup_file.h"
#include "eractl/backup_image.h"
#include "eractl/backup_report.h"
#include "eractl/backup_source.h"
#include "eractl/chains.h"
#include "eractl/closed.h"
#include "eractl/content.h"
#include "eractl/freeze.h"
#include "eractl/image.h"
#include "eractl/manifest.h"
#include "eractl/stream.h"
#include "eractl/volumes.h"

/* A piece of this many bytes is stored as zeros if all its bytes are zeros, else as data. */
#define GRAIN		(64u << 10)
#define COUNT_MAX	1000000u	/* limit of the numbers for --keep and --full-every */

/* ---- the directory ---- */

/*
 * Removes the file that an interrupted backup has left.  The file has the name of an unfinished
 * file, or the name of the next copy, which MANIFEST does not list.
 */
static int remove_unfinished(const struct manifest *m, struct err *err)
{
	static const char *const formats[] = { MANIFEST_UNFINISHED, "full-%06lu.erad", "incr-%06lu.erad" };
	char file[MANIFEST_FILE_MAX + 1];

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		snprintf(file, sizeof(file), formats[i], manifest_next_number(m));
		if (unlinkat(m->fd, file, 0) && errno != ENOENT)
			return err_set(err, -errno, "%s/%s: cannot remove the file that an interrupted backup has left: %s", m->directory, file,
				       strerror(errno));
	}
	return 0;
}

/*
 * Opens and locks the directory.  Without --init, a directory without MANIFEST is an error.  The
 * disk for the backups may not be mounted, and then a full copy would fill the file system below
 * the mount point.
 */
static int open_directory(struct backup *b, const char *directory, struct err *err)
{
	struct manifest *m = &b->manifest;
	int r = manifest_open(m, directory, err);
	struct err why;

	if (r == -ENODATA && !b->init)
		return err_set(err, r, "%s: it has no backups of erad; if it is the right directory, and its disk is mounted, --init makes the first backup there",
			       directory);
	if (!r && b->init)
		return err_set(err, -EEXIST, "%s: it is a directory of backups already: leave out --init", directory);
	if (r && r != -ENODATA)
		return r;
	r = manifest_lock(m, err);
	if (r)
		return r;
	/* Open the directory again: another backup may have changed it before it was locked. */
	r = manifest_open(m, directory, err);
	if (!r && b->init)
		return err_set(err, -EEXIST, "%s: another backup has begun there just now: leave out --init", directory);
	if (r == -ENODATA && b->init)
		r = manifest_check_empty(m, err);
	if (!r)
		r = remove_unfinished(m, err);
	/* Remove the files of old copies now, to make space for the new copy. */
	if (!r && chains_clean(m, &why))
		complain("%s", why.msg);
	return r;
}

/* Checks that the directory belongs to the volume.  With --init, writes the first MANIFEST. */
static int check_owner(struct backup *b, struct err *err)
{
	char expected[UUID_TEXT_SIZE], got[UUID_TEXT_SIZE];
	struct manifest *m = &b->manifest;

	if (b->init) {
		memcpy(m->uuid, b->content.to.uuid, sizeof(m->uuid));
		m->volume = strdup(b->content.operand);
		return m->volume ? manifest_write(m, err) : err_set(err, -ENOMEM, "out of memory");
	}
	if (!memcmp(m->uuid, b->content.to.uuid, sizeof(m->uuid)))
		return 0;
	return err_set(err, -EINVAL, "%s: it has the backups of volume %.100s (%s), got volume %.100s (%s): one directory is for one volume",
		       m->directory, m->volume, uuid_text(m->uuid, expected), b->content.operand,
		       uuid_text(b->content.to.uuid, got));
}

/* ---- the moment ---- */

static int find_moment(struct backup *b, struct err *err)
{
	struct content *c = &b->content;
	int r;

	b->copy.time = time(NULL);
	b->copy.closed = b->closed;
	if (!b->closed)
		r = content_find_moment(c, b->to, err);
	else
		r = closed_check(c->operand, &c->device, &c->to, err);
	if (r == -ESTALE && b->to)
		err_suffix(err, "run 'eractl checkpoint %s --token', then make a new snapshot, and pass the new token with --to", c->operand);
	c->has_to = true;
	b->copy.token = c->to;
	return r;
}

/* ---- what is to be copied ---- */

/* Lists the extents to copy.  If an increment is not possible, makes a full copy instead. */
static int list_extents(struct backup *b, struct err *err)
{
	struct content *c = &b->content;
	char text[sizeof(b->copy.why)];
	uint64_t base_size;
	int r = content_list(c, err);

	if (r == -ESTALE && c->since) {
		backup_make_full(b, err->msg);
		r = content_list(c, err);
	}
	if (r)
		return r;
	base_size = c->since ? b->manifest.copy[b->copy.base].size : c->head.size;
	if (base_size != c->head.size) {
		snprintf(text, sizeof(text), "the volume has %" PRIu64 " bytes now, and had %" PRIu64 " bytes at the copy before", c->head.size, base_size);
		backup_make_full(b, text);
		r = content_list(c, err);
	} else if (c->since && c->whole) {
		backup_make_full(b, "writes may have gone past erad");
	}
	b->copy.size = c->head.size;
	return r;
}

/* ---- the data ---- */

struct copying {
	struct backup *b;
	struct stream_out out;
	FILE *file;
};

static int copy_extent(void *ctx, const struct stream_extent *e, struct err *err)
{
	struct copying *c = ctx;

	c->b->bytes_read += e->length;
	freeze_alive(&c->b->freeze);
	stream_write_extent(&c->out, e);
	/* If the stream has an error, the caller reports it. */
	return ferror(c->file) ? err_set(err, -EIO, "the file of the copy cannot be written") : 0;
}

static int write_stream(void *ctx, FILE *file, struct err *err)
{
	struct backup *b = ctx;
	struct copying copying = { .b = b, .file = file };
	struct content *c = &b->content;
	struct stream_head head = { .size = c->head.size };
	int r;

	if (c->since)
		stream_name(&c->from, head.from);
	stream_name(&c->to, head.to);
	stream_write_head(&copying.out, file, &head);
	r = content_read(c, 1, GRAIN, "copying", copy_extent, &copying, err);
	if (!r)
		r = compared_check_still(&c->device, "copied, so this copy does not count", err);
	if (!r && b->with_image)
		r = backup_image_check(&b->image, c->operand, c->device.dev, err);
	/*
	 * All data have been read.  Thaw the file system now, because its users need not wait until
	 * the copy is durable.
	 */
	if (!r)
		r = freeze_end(&b->freeze, &b->frozen_ms, err);
	if (!r)
		stream_write_end(&copying.out);
	return r;
}

/* ---- the steps of a backup ---- */

/* Makes the image, which is the device of the copy from then on. */
static int make_image(struct backup *b, struct err *err)
{
	struct json_object *request = b->request;
	int r;

	b->request = NULL;
	r = backup_image_make(&b->image, b->content.operand, request, err);
	b->content.device_path = b->image.device;
	b->content.gaps = json_object_get(json_object_object_get(b->image.made, "gaps"));
	b->to = b->image.token;
	return r;
}

/*
 * Call this after the device was closed.  If this fails, only prints the error, because the copy is
 * good anyway.
 */
static void drop_image(struct backup *b)
{
	struct err err;

	b->to = NULL;
	if (backup_image_drop(&b->image, b->content.operand, &err))
		complain("%s", err.msg);
}

/*
 * Prepares the freeze of the volume's file system.  Call this before the checkpoint, so that the dirty
 * data are written in the era before the era of the copy, and the next increment does not have them.
 */
static int prepare_freeze(struct backup *b, struct err *err)
{
	const char *away[] = { b->manifest.directory, ERAD_SEEN_DIR, NULL, NULL };
	char *metadata;
	int r;

	r = volume_find_metadata(b->content.operand, &metadata, err);
	if (r)
		return r;
	away[2] = metadata;
	r = freeze_prepare(&b->freeze, b->content.device_path, away, err);
	free(metadata);
	return r;
}

/*
 * Freezes the file system of the volume.  The era of the copy has begun before the freeze, so a
 * write between the checkpoint and the freeze is in the copy and also in the next increment.
 */
static int freeze_volume(struct backup *b, struct err *err)
{
	const int r = freeze_begin(&b->freeze, b->content.device_path, err);

	b->copy.time = time(NULL);
	return r;
}

static int copy_content(struct backup *b, struct err *err)
{
	int r;

	r = backup_file_write(&b->manifest, write_stream, b, &b->copy, err);
	/* Close the device now, because others may use it while the copy is read back. */
	content_close(&b->content);
	drop_image(b);
	if (!r && b->verify)
		r = manifest_check_content(&b->manifest, MANIFEST_UNFINISHED, &b->copy, err);
	if (!r)
		r = backup_file_publish(&b->manifest, &b->copy, err);
	if (r)
		unlinkat(b->manifest.fd, MANIFEST_UNFINISHED, 0);
	return r;
}

static int make_copy(struct backup *b, const char *directory, struct err *err)
{
	int r;

	r = open_directory(b, directory, err);
	/*
	 * Read earlier copies before the device is opened: this may take long, and from the open
	 * on, the volume must not change.
	 */
	if (!r)
		backup_find_base(b);
	if (!r && b->with_image)
		r = make_image(b, err);
	/*
	 * Open the device before the checkpoint, so that compared_check_still() finds all later
	 * writes.  With --freeze, the device is opened after the freeze, because the freeze writes
	 * to the device.
	 */
	if (!r)
		r = b->with_freeze ? prepare_freeze(b, err) : content_open(&b->content, err);
	if (!r && b->to)
		r = backup_source_check(b->content.operand, &b->content.device, err);
	if (!r)
		r = find_moment(b, err);
	if (!r)
		r = check_owner(b, err);
	if (r)
		return r;
	backup_choose_base(b);
	if (b->already)
		return 0;
	if (b->with_freeze) {
		r = freeze_volume(b, err);
		if (!r)
			r = content_open(&b->content, err);
	}
	if (!r)
		r = list_extents(b, err);
	return r ? r : copy_content(b, err);
}

/* Makes the copy.  Removes old copies when the new copy is in MANIFEST, or is not needed. */
static int back_up(struct backup *b, const char *directory, struct err *err)
{
	struct manifest *m = &b->manifest;
	const int r = make_copy(b, directory, err);

	if (r)
		return r;
	b->made = true;
	/*
	 * Store the name of the base now, because the indices of copies change when old copies are
	 * removed.
	 */
	if (b->copy.base >= 0)
		strcpy(b->base_file, m->copy[b->copy.base].file);
	return b->keep ? chains_remove_old(m, b->keep, b->verify, b->removed, &b->bytes_removed, err) : 0;
}

/* Writes the report.  error: the error of the backup, or NULL. */
static int write_report(const struct backup *b, const char *path, const char *error, struct err *err)
{
	const struct backup_report r = {
		.volume = b->content.operand, .directory = b->content.directory, .error = error, .made = b->made,
		.full = !b->already && b->copy.base < 0,
		.bytes = b->bytes_read, .seconds = (double)(jsonl_now_ms() - b->started_ms) / 1000,
	};

	return backup_report_write(path, &r, err);
}

/*
 * Parses the argument of --keep or --full-every.  none: the word for no limit, for which *n becomes
 * 0.  Returns 0, or prints an error and returns EXIT_USAGE.
 */
static int parse_count(const struct command *cmd, const char *option, const char *none, const char *text, unsigned int *n)
{
	const size_t digits = strspn(text, "0123456789");

	*n = 0;
	if (!strcmp(text, none))
		return 0;
	if (digits && digits < 8 && !text[digits])
		*n = strtoul(text, NULL, 10);
	if (*n && *n <= COUNT_MAX)
		return 0;
	return usage_error(cmd, "%s %s: expected a number from 1 to %u, or %s", option, text, COUNT_MAX, none);
}

/* Returns 0.  If the operands are wrong, prints an error and returns EXIT_USAGE. */
static int check_operands(const struct command *cmd, struct backup *b, int operands)
{
	if (operands < 2)
		return usage_error(cmd, "expected a volume and the directory of its backups");
	if (operands > 2)
		return usage_error(cmd, "got %d operands, expected a volume and one directory", operands);
	if (b->closed && !b->content.device_path)
		return usage_error(cmd, "--device DEV is missing: name the device with the data");
	if (b->closed && (b->with_freeze || b->to))
		return usage_error(cmd, "%s is for a volume that is open", b->to ? "--to" : "--freeze");
	if (b->with_image && (b->closed || b->content.device_path || b->to || b->with_freeze))
		return usage_error(cmd, "--image is for a volume that is open, and takes the place of --device, --to and --freeze");
	if (!b->closed && !b->content.device_path != !b->to)
		return usage_error(cmd, "expected --device DEV and --to TOKEN together: the token must be older than the snapshot DEV");
	if (b->to && !token_from_text(b->to, &b->content.to))
		return usage_error(cmd, "--to %s: expected a token of 'eractl checkpoint --token'", b->to);
	if (b->to && b->with_freeze)
		return usage_error(cmd, "--freeze is not for a snapshot, which does not change: freeze the file system while the snapshot is made");
	return b->closed ? 0 : check_name(cmd, b->content.operand);
}

static int run_backup(const struct command *cmd, int argc, char **argv)
{
	struct backup b = { .image = BACKUP_IMAGE_NONE, .content.device.fd = -1, .manifest = MANIFEST_NONE, .freeze.guardian = -1, .started_ms = jsonl_now_ms() };
	const char *report = NULL, *store = NULL;
	char *its_own = NULL;
	struct err err, why;
	int c, usage = 0, r = 0;

	while ((c = command_getopt_or_error(cmd, argc, argv)) != -1) {
		if (c == '?')
			usage = EXIT_USAGE;
		else if (c == 'd')
			b.content.device_path = optarg;
		else if (c == 'T')
			b.to = optarg;
		else if (c == 'I')
			b.init = true;
		else if (c == 'u')
			b.full = true;
		else if (c == 'y')
			b.verify = true;
		else if (c == 'r')
			report = optarg;
		else if (c == 'z')
			b.with_freeze = true;
		else if (c == 'g')
			b.with_image = true;
		else if (c == 'c')
			store = optarg;
		else if (c == 'J')
			b.json = true;
		else if (c == 'K' ? parse_count(cmd, "--keep", "all", optarg, &b.keep) :
			 parse_count(cmd, "--full-every", "never", optarg, &b.full_every))
			usage = EXIT_USAGE;
	}
	b.content.operand = optind < argc ? argv[optind] : "";
	b.content.directory = optind + 1 < argc ? argv[optind + 1] : "";
	b.closed = strchr(b.content.operand, '/');
	if (!usage)
		usage = check_operands(cmd, &b, argc - optind);
	if (!usage && store && !b.with_image)
		usage = usage_error(cmd, "--cow is for --image");
	if (!usage && b.with_image)
		b.request = client_request("image_create", b.content.operand);
	if (!usage && store)
		usage = image_add_store(cmd, b.request, store);
	if (usage) {
		if (report && write_report(&b, report, "the command line is wrong; standard error, or systemd's journal, says where", &err))
			fail(&err);
		return EXIT_USAGE;
	}
	/* After another error, make the copy nevertheless: the report may be possible at the end. */
	if (report && backup_report_check(report, &err) == -EINVAL) {
		json_object_put(b.request);
		return fail(&err);
	}
	if (!b.content.device_path && !b.with_image) {
		r = volume_find_device(b.content.operand, &its_own, &err);
		b.content.device_path = its_own;
	}
	b.removed = json_object_new_array();
	if (!r)
		r = back_up(&b, b.content.directory, &err);
	if (b.made)
		backup_print_result(&b);
	/* After an error, the file system may still be frozen. */
	if (freeze_end(&b.freeze, &b.frozen_ms, &why))
		complain("%s", why.msg);
	content_close(&b.content);
	drop_image(&b);
	json_object_put(b.request);
	json_object_put(b.image.made);
	manifest_close(&b.manifest);
	json_object_put(b.removed);
	free(its_own);
	if (r)
		fail(&err);
	if (report && write_report(&b, report, r ? err.msg : NULL, &err))
		r = fail(&err);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_backup = {
	.name = "backup",
	.args = "NAME|METADATA DIR [--image [--cow DEV|FILE|SIZE]] [--device DEV [--to TOKEN]] [--freeze] [--init] [--full] [--full-every N] [--keep N] [--verify] [--report FILE] [--json]",
	.summary = "add a copy to a directory of backups",
	.text =
	"Copies what was written since the last copy in DIR. If that is not possible,\n"
	"copies all of the volume, and says why. The copy counts only when it is complete\n"
	"and durable: after a failure or a kill at any moment, the earlier copies are\n"
	"unchanged, and the next backup is right. 'eractl restore-backup' restores a copy.\n"
	"\n"
	"DIR must exist, and is for one volume. The first backup needs --init and an empty\n"
	"directory, so that no backup goes to the place where a disk is not mounted.\n"
	"\n"
	"Nothing may write to the volume meanwhile, else the copy does not count: unmount\n"
	"the file system, or freeze it with --freeze. With --image, the volume may be\n"
	"written: backup makes an image as 'eractl image create' does, copies the image,\n"
	"and drops it in every case.\n"
	"\n"
	"--keep N removes old copies when the new copy is durable: the N newest full copies\n"
	"stay, each with its increments. So old copies go only after newer full copies were\n"
	"made: give --full-every, too.\n"
	"\n"
	"A volume that is closed is named by its metadata, a path with a /, and its device\n"
	"by --device. With a volume that is open, --device is a snapshot of it, and --to is\n"
	"the token of a checkpoint that was made before the snapshot.",
	.options = "dTgczIueKyrJ",
	.run = run_backup,
};
