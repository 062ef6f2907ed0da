// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl backup: the command line, and the report. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/backup.h"
#include "eractl/backup_directory.h"
#include "eractl/backup_nbd.h"
#include "eractl/backup_report.h"
#include "eractl/backup_steps.h"
#include "eractl/image.h"
#include "eractl/nbd_image.h"
#include "eractl/nbd_target.h"
#include "eractl/target_check.h"
#include "eractl/volumes.h"

#define COUNT_MAX	1000000u	/* limit of the numbers for --keep and --full-every */

/* Writes the report.  error: the error of the backup, or NULL. */
static int write_report(const struct backup *b, const char *path, const char *error, struct err *err)
{
	const struct backup_report r = {
		.volume = b->content.operand, .directory = b->target, .error = error, .made = b->made,
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
	struct err err;

	if (operands < 2)
		return usage_error(cmd, "expected a volume, and a directory, an NBD URI or qcow2:FILE");
	if (operands > 2)
		return usage_error(cmd, "got %d operands, expected a volume and one target", operands);
	if (b->nbd && nbd_check_uri(b->target, &err))
		return usage_error(cmd, "%s", err.msg);
	if (b->nbd && !b->state)
		return usage_error(cmd, "--state FILE is missing: it keeps the moment of the copy at %s", b->target);
	if (b->nbd && (b->keep || b->full_every || b->verify))
		return usage_error(cmd, "%s", b->verify ? "--verify is for a directory: what is copied to an NBD server is always read back" :
				   "--keep and --full-every are for a directory: an NBD server has one copy");
	if (!b->nbd && (b->state || b->overwrite))
		return usage_error(cmd, "%s is for an NBD server or qcow2:FILE", b->state ? "--state" : "--overwrite");
	if (b->closed && !b->content.device_path)
		return usage_error(cmd, "--device DEV is missing: name the device with the data");
	if (b->closed && (b->with_freeze || b->to))
		return usage_error(cmd, "%s is for a volume that is open", b->to ? "--to" : "--freeze");
	if (b->with_image && (b->closed || b->content.device_path || b->to || b->with_freeze))
		return usage_error(cmd, "%s is for a volume that is open, and takes the place of --device, --to and --freeze",
				   b->with_lvm ? "--lvm" : "--image");
	if (!b->closed && !b->content.device_path != !b->to)
		return usage_error(cmd, "expected --device DEV and --to TOKEN together; run 'eractl checkpoint --token' before you make the snapshot DEV, and give its token");
	if (b->to && !token_from_text(b->to, &b->content.to))
		return usage_error(cmd, "--to %s: expected a token of 'eractl checkpoint --token'", b->to);
	if (b->to && b->with_freeze)
		return usage_error(cmd, "--freeze is not for a snapshot, which does not change: freeze the file system while the snapshot is made");
	return b->closed ? 0 : check_name(cmd, b->content.operand);
}

static int run_backup(const struct command *cmd, int argc, char **argv)
{
	struct backup b = { .image = BACKUP_IMAGE_NONE, .content.device = COMPARED_NONE, .manifest = MANIFEST_NONE, .freeze.guardian = -1, .started_ms = jsonl_now_ms() };
	const char *report = NULL, *store = NULL, *size = NULL, *image;
	bool with_image = false;
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
			b.with_image = with_image = true;
		else if (c == 'Q')
			b.with_image = b.with_lvm = true;
		else if (c == 'C')
			size = optarg;
		else if (c == 'c')
			store = optarg;
		else if (c == 'N')
			b.state = optarg;
		else if (c == 'Y')
			b.overwrite = true;
		else if (c == 'J')
			b.json = true;
		else if (c == 'K' ? parse_count(cmd, "--keep", "all", optarg, &b.keep) :
			 parse_count(cmd, "--full-every", "never", optarg, &b.full_every))
			usage = EXIT_USAGE;
	}
	b.content.operand = optind < argc ? argv[optind] : "";
	b.target = optind + 1 < argc ? argv[optind + 1] : "";
	b.nbd = nbd_is_uri(b.target);
	image = nbd_image_path(b.target);
	/* Temporary files are made in the directory of the backups.  An NBD server has no directory. */
	b.content.directory = b.nbd ? NULL : b.target;
	b.closed = strchr(b.content.operand, '/');
	if (!usage)
		usage = check_operands(cmd, &b, argc - optind);
	if (!usage && with_image && b.with_lvm)
		usage = usage_error(cmd, "--image and --lvm were given, expected one of the two");
	if (!usage && store && !with_image)
		usage = usage_error(cmd, "--cow is for --image");
	if (!usage && size && !b.with_lvm)
		usage = usage_error(cmd, "--size is for --lvm");
	if (!usage && size && (size_parse(size, &b.lvm_size) || !b.lvm_size || b.lvm_size > INT64_MAX))
		usage = usage_error(cmd, "--size %s: expected a size, as in 4G", size);
	if (!usage && with_image)
		b.request = client_request("image_create", b.content.operand);
	if (!usage && store)
		usage = image_add_store(cmd, b.request, store);
	if (image && b.state && target_is_same(image, b.state))
		usage = usage_error(cmd, "--state names the image %s, expected another file", image);
	if (image && report && target_is_same(image, report)) {
		usage = usage_error(cmd, "--report names the image %s, expected another file", image);
		/* Do not replace the image. */
		report = NULL;
	}
	if (report && b.state && target_is_same(report, b.state)) {
		usage = usage_error(cmd, "--report and --state name the same file %s, expected two files", report);
		/* Do not replace the state. */
		report = NULL;
	}
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
		r = b.nbd ? backup_to_nbd(&b, &err) : backup_to_directory(&b, b.target, &err);
	if (b.made)
		backup_print_result(&b);
	/* After an error, the file system may still be frozen. */
	if (freeze_end(&b.freeze, &b.frozen_ms, &why))
		complain("%s", why.msg);
	if (!r && b.freeze.left)
		r = err_set(&err, -EBUSY, "volume %s: the copy counts, but its file system was not thawed within 10 seconds; check whether it is still frozen, and thaw it with 'fsfreeze -u'",
			    b.content.operand);
	content_close(&b.content);
	backup_end_image(&b);
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
	.args = "NAME|METADATA DIR|URI|qcow2:FILE [--image [--cow DEV|FILE|SIZE]] [--lvm [--size SIZE]] [--device DEV [--to TOKEN]] [--freeze] [--init] [--overwrite] [--state FILE] [--full] [--full-every N] [--keep N] [--verify] [--report FILE] [--json]",
	.summary = "add a copy to a directory of backups, or update one on an NBD server",
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
	"and drops it in every case. With --lvm, the image is a snapshot of LVM, as\n"
	"'eractl image create --lvm' makes it.\n"
	"\n"
	"--keep N removes old copies when the new copy is durable: the N newest full copies\n"
	"stay, each with its increments. So old copies go only after newer full copies were\n"
	"made: give --full-every, too.\n"
	"\n"
	"A volume that is closed is named by its metadata, a path with a /, and its device\n"
	"by --device. With a volume that is open, --device is a snapshot of it, and --to is\n"
	"the token of a checkpoint that was made before the snapshot.\n"
	"\n"
	"A URI is nbd://, nbds://, nbd+unix:// or nbds+unix://, an export of an NBD server.\n"
	"It has one copy, which is changed in place, and is not complete while a backup\n"
	"runs or after it failed; the next backup completes it. --state FILE, which must be\n"
	"given, keeps the moment of the copy. What was copied is always read back.\n"
	"\n"
	"qcow2:FILE is such a copy in an image, which qemu-nbd writes. FILE is an absolute\n"
	"path. With --init, an image that is missing is created.",
	.options = "dTgcQCzIueKyrNYJ",
	.run = run_backup,
};
