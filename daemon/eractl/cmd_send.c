// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl send: writes the data of a volume as a stream for receive and rbd import-diff: all of the
 * volume, or the blocks that were written since a token.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eractl/backup_source.h"
#include "eractl/bookmarks.h"
#include "eractl/closed.h"
#include "eractl/content.h"
#include "eractl/stream.h"
#include "eractl/volumes.h"

/* A piece of this many bytes is sent as zeros if all its bytes are zeros, else as data. */
#define GRAIN		(64u << 10)

static int send_part(void *ctx, const struct stream_extent *e, struct err *err)
{
	stream_write_extent(ctx, e);
	/* If the output failed, end_output() prints the reason. */
	return output_failed() ? err_set(err, -EPIPE, "the output failed") : 0;
}

static int send_stream(struct content *c, struct err *err)
{
	struct stream_head head = { .size = c->head.size };
	struct stream_out out;
	int r;

	if (c->since)
		stream_name(&c->from, head.from);
	stream_name(&c->to, head.to);
	stream_write_head(&out, stdout, &head);
	r = content_read(c, 1, GRAIN, "sending", send_part, &out, err);
	/*
	 * After an error, do not write the end of the stream, so that no reader accepts the stream
	 * as a copy.
	 */
	if (!r)
		r = compared_check_still(&c->device, "sent, so the stream has no end and cannot complete a copy", err);
	if (!r)
		stream_write_end(&out);
	return r;
}

/*
 * Refuses the device of a closed volume if it was written since the close, because the metadata
 * does not know these writes.  With --to, the device may be a snapshot from before the close, so it
 * is not compared.  Refuses a device that cannot be a snapshot of the open volume.
 */
static int check_device(const struct content *c, const char *to, struct err *err)
{
	int r;

	if (!strchr(c->operand, '/'))
		return to ? backup_source_check(c->operand, &c->device, err) : 0;
	if (to)
		return 0;
	r = closed_compare(c->operand, &c->device, err);
	if (r != -ENODATA)
		return r;
	complain("%s; send reads the data as they are now", err->msg);
	return 0;
}

static int send_volume(struct content *c, const char *to, struct err *err)
{
	int r;

	/*
	 * Open the device before the checkpoint, so that compared_check_still() finds all later
	 * writes.
	 */
	r = content_open(c, err);
	if (!r)
		r = check_device(c, to, err);
	if (!r)
		r = content_find_moment(c, to, err);
	if (!r)
		r = content_list(c, err);
	return r ? r : send_stream(c, err);
}

static int run_send(const struct command *cmd, int argc, char **argv)
{
	struct content s = { .device = COMPARED_NONE };
	char found[TOKEN_TEXT_SIZE], *its_own = NULL;
	const char *to = NULL;
	bool with_since = false;
	uint32_t since;
	struct err err;
	int c, r;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 's') {
			s.since = optarg;
			with_since = true;
		} else if (c == 'V') {
			s.device_path = optarg;
		} else if (c == 'T') {
			to = optarg;
		}
	}
	if (optind < argc && strchr(argv[optind], '/') ? optind + 1 < argc : one_name(cmd, argc, argv))
		return optind + 1 < argc ? usage_error(cmd, "got %s, expected one volume", argv[optind + 1]) : EXIT_USAGE;
	s.operand = argv[optind];
	if (s.since && since_parse(cmd, s.since, &s.since, &since))
		return EXIT_USAGE;
	if (with_since && !s.since)
		return usage_error(cmd, "since %" PRIu32 ": expected a token of 'eractl checkpoint --token', or @BOOKMARK", since);
	if (to && !token_from_text(to, &s.to))
		return usage_error(cmd, "to %s: expected a token of 'eractl checkpoint --token'", to);
	if (!strchr(s.operand, '/') && !s.device_path != !to)
		return usage_error(cmd, "expected --device DEV and --to TOKEN together; run 'eractl checkpoint --token' before you make the snapshot DEV, and give its token");
	if (strchr(s.operand, '/') && !s.device_path)
		return usage_error(cmd, "--device DEV is missing: name the device with the data");
	if (isatty(STDOUT_FILENO)) {
		complain("send: the stream is not for a terminal; expected a pipe or a file as standard output");
		return EXIT_USAGE;
	}
	r = since_find(s.operand, &s.since, &since, found, &err);
	if (!r && !s.device_path) {
		r = volume_find_device(s.operand, &its_own, &err);
		s.device_path = its_own;
	}
	if (!r)
		r = send_volume(&s, to, &err);
	content_close(&s);
	free(its_own);
	if (!r)
		return EXIT_SUCCESS;
	if (!output_failed())
		fail(&err);
	return s.full_copy_due ? EXIT_FULL_COPY : EXIT_FAILURE;
}

const struct command cmd_send = {
	.name = "send",
	.args = "NAME|METADATA [--since TOKEN|@BOOKMARK] [--device DEV --to TOKEN]",
	.summary = "write a copy or an increment as a stream",
	.text =
	"Writes a stream to standard output, for 'eractl receive' and for 'rbd import-diff'\n"
	"of Ceph: the whole volume, or with --since what was written since the token,\n"
	"with its data. Begins a new era. The token of this era names the copy, and receive\n"
	"prints it: give it to --since for the next increment.\n"
	"\n"
	"Nothing may write to the volume meanwhile: unmount its file system, or freeze it.\n"
	"If the volume was written, the stream has no end, and cannot complete a copy.\n"
	"To send a snapshot, first 'eractl checkpoint --token', then make the snapshot,\n"
	"then send with --device SNAPSHOT and --to TOKEN.\n"
	"\n"
	"A volume that is closed can also be named by its metadata, a path with a /, and\n"
	"--device. Exits with 3 if a full copy is due, as diff does.",
	.options = "sVT",
	.run = run_send,
};
