// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl send: writes what was written since a token, with its data, as a stream for receive and rbd import-diff. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/client.h"
#include "eractl/changes.h"
#include "eractl/compared.h"
#include "eractl/progress.h"
#include "eractl/stream.h"
#include "eractl/volumes.h"

#define PIECE		(1u << 20)	/* bytes read at a time */
#define GRAIN		(64u << 10)	/* bytes that are all zeros, or are sent as data */

struct extent {
	uint64_t offset, length;
};

struct send {
	const char *operand, *device_path;
	const char *since;	/* token, or NULL: a full copy */
	struct token from, to;
	bool has_to;
	struct changes_head head;
	FILE *extents;		/* a temporary file of struct extent: erad does not wait for whoever reads the stream */
	struct compared device;
	bool full_copy_due;
};

static int begin(void *ctx, const struct changes_head *head, struct err *err)
{
	struct send *s = ctx;

	s->head = *head;
	changes_complain_of_gaps(s->operand, head);
	if (!s->has_to && (!head->token || !token_from_text(head->token, &s->to)))
		return err_set(err, -EINVAL, "%s: the metadata does not know the timeline of era %" PRIu64
			       ", so the copy would have no name: open the volume once", s->operand, head->era);
	if (s->device.size < head->size)
		return err_set(err, -EINVAL, "%s has %" PRIu64 " bytes, expected the %" PRIu64 " of volume %s", s->device_path,
			       s->device.size, head->size, s->operand);
	return 0;
}

static int add_extent(void *ctx, uint64_t offset, uint64_t length, struct err *err)
{
	const struct extent e = { offset, length };
	struct send *s = ctx;

	if (fwrite(&e, sizeof(e), 1, s->extents) == 1)
		return 0;
	return err_set(err, -errno, "volume %s: writing a temporary file: %s", s->operand, strerror(errno));
}

static int list_extents(struct send *s, struct err *err)
{
	const struct changes_reader reader = {
		.token = s->since, .since = s->since ? s->from.era : 0, .ctx = s, .begin = begin, .extent = add_extent,
	};
	int r;

	s->extents = tmpfile();
	if (!s->extents)
		return err_set(err, -errno, "volume %s: making a temporary file: %s", s->operand, strerror(errno));
	r = changes_read(s->operand, &reader, err);
	if (!r && (fflush(s->extents) || ferror(s->extents)))
		r = err_set(err, -EIO, "volume %s: a temporary file cannot be written", s->operand);
	rewind(s->extents);
	s->full_copy_due = r == -ESTALE;
	if (s->full_copy_due)
		return err_prefix(err, r, "volume %s: a full copy is due", s->operand);
	if (!r && s->since && s->from.era >= s->to.era)
		return err_set(err, -EINVAL, "volume %s: got --since with era %" PRIu32 " for a copy of era %" PRIu32
			       ", expected an older one", s->operand, s->from.era, s->to.era);
	return r;
}

static bool all_zeros(const char *buf, uint64_t len)
{
	return !*buf && !memcmp(buf, buf + 1, len - 1);
}

/* Sends what was read: runs of zeros, and data between them. */
static void send_piece(struct stream_out *out, const char *buf, uint64_t offset, uint64_t len)
{
	uint64_t at, end, n;
	bool zeros;

	for (at = 0; at < len; at = end) {
		n = len - at < GRAIN ? len - at : GRAIN;
		zeros = all_zeros(buf + at, n);
		for (end = at + n; end < len; end += n) {
			n = len - end < GRAIN ? len - end : GRAIN;
			if (all_zeros(buf + end, n) != zeros)
				break;
		}
		stream_write_extent(out, &(struct stream_extent){ offset + at, end - at, zeros ? NULL : (const uint8_t *)buf + at });
	}
}

static int send_extent(struct send *s, struct stream_out *out, const struct extent *e, struct err *err)
{
	uint64_t offset = e->offset, n;
	int r;

	for (; offset < e->offset + e->length; offset += n) {
		progress_show("sending", offset, s->head.size);
		n = PIECE - offset % PIECE;
		if (n > e->offset + e->length - offset)
			n = e->offset + e->length - offset;
		r = compared_read(&s->device, offset, n, err);
		if (r)
			return r;
		send_piece(out, s->device.buf, offset, n);
		/* The message comes from end_output(). */
		if (output_failed())
			return err_set(err, -EPIPE, "the output failed");
	}
	return 0;
}

static int send_all(struct send *s, struct err *err)
{
	struct stream_head head = { .size = s->head.size };
	struct stream_out out;
	struct extent e;
	int r;

	r = compared_buffer(&s->device, PIECE, err);
	if (r)
		return r;
	if (s->since)
		stream_name(&s->from, head.from);
	stream_name(&s->to, head.to);
	stream_write_head(&out, &head);
	while (!r && fread(&e, sizeof(e), 1, s->extents) == 1)
		r = send_extent(s, &out, &e, err);
	progress_show("sending", s->head.size, s->head.size);
	if (!r && ferror(s->extents))
		r = err_set(err, -EIO, "volume %s: a temporary file cannot be read", s->operand);
	/* Without its end, no reader takes the stream for a copy. */
	if (!r)
		r = compared_check_still(&s->device, err);
	if (!r)
		stream_write_end(&out);
	return r;
}

static int checkpoint(struct send *s, struct err *err)
{
	struct json_object *result;
	const char *token;
	int r;

	r = client_call(client_request("checkpoint", s->operand), NULL, NULL, &result, err);
	if (r)
		return r;
	token = json_text(result, "token");
	if (!token || !token_from_text(token, &s->to))
		r = err_set(err, -EBADMSG, "volume %s: the answer of erad to checkpoint has no token", s->operand);
	s->has_to = true;
	json_object_put(result);
	return r;
}

/* Gets the era that the copy is of: see the help. */
static int send_volume(struct send *s, const char *to, struct err *err)
{
	int r;

	/* Before the checkpoint: what is written from here on is found by compared_check_still(). */
	r = compared_open(&s->device, s->device_path, err);
	if (!r && to) {
		r = changes_check_token(s->operand, to, err);
		s->full_copy_due = r == -ESTALE;
		if (s->full_copy_due)
			err_prefix(err, r, "volume %s: --to %s", s->operand, to);
	} else if (!r && !strchr(s->operand, '/')) {
		r = checkpoint(s, err);
	}
	if (!r)
		r = list_extents(s, err);
	return r ? r : send_all(s, err);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct send s = { .device.fd = -1 };
	const char *to = NULL;
	char *its_own = NULL;
	struct err err;
	int c, r = 0;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 's')
			s.since = optarg;
		else if (c == 'V')
			s.device_path = optarg;
		else if (c == 'T')
			to = optarg;
	}
	if (optind < argc && strchr(argv[optind], '/') ? optind + 1 < argc : one_name(cmd, argc, argv))
		return optind + 1 < argc ? usage_error(cmd, "got %s, expected one volume", argv[optind + 1]) : EXIT_USAGE;
	s.operand = argv[optind];
	if (s.since && !token_from_text(s.since, &s.from))
		return usage_error(cmd, "since %s: expected a token of 'eractl checkpoint --token'", s.since);
	s.has_to = to;
	if (to && !token_from_text(to, &s.to))
		return usage_error(cmd, "to %s: expected a token of 'eractl checkpoint --token'", to);
	if (!strchr(s.operand, '/') && !s.device_path != !to)
		return usage_error(cmd, "expected --device DEV and --to TOKEN together: the token must be older than the snapshot DEV");
	if (strchr(s.operand, '/') && !s.device_path)
		return usage_error(cmd, "--device DEV is missing, which has the data");
	if (isatty(STDOUT_FILENO)) {
		complain("send: the stream is not for a terminal; expected a pipe or a file as standard output");
		return EXIT_USAGE;
	}
	if (!s.device_path) {
		r = volume_find_device(s.operand, &its_own, &err);
		s.device_path = its_own;
	}
	if (!r)
		r = send_volume(&s, to, &err);
	compared_close(&s.device);
	if (s.extents)
		fclose(s.extents);
	free(its_own);
	if (!r)
		return EXIT_SUCCESS;
	if (!output_failed())
		fail(&err);
	return s.full_copy_due ? EXIT_FULL_COPY : EXIT_FAILURE;
}

const struct command cmd_send = {
	.name = "send",
	.args = "NAME|METADATA [--since TOKEN] [--device DEV --to TOKEN]",
	.summary = "write a copy or an increment as a stream",
	.text =
	"Writes a stream to standard output, for 'eractl receive' and for 'rbd import-diff'\n"
	"of Ceph: the whole volume, or with --since what was written since the token,\n"
	"with its data. Begins a new era, whose token names the copy: the next increment\n"
	"is --since that token, which receive prints.\n"
	"\n"
	"The volume must hold still: it is not mounted, or its file system is frozen. If\n"
	"anything was written meanwhile, the stream has no end, and nobody takes it for a\n"
	"copy. To send a snapshot, first 'eractl checkpoint --token', then make the\n"
	"snapshot, then send with --device SNAPSHOT and --to TOKEN.\n"
	"\n"
	"A volume that is closed can also be named by its metadata, a path with a /, and\n"
	"--device. Exits with 3 if a full copy is due, as diff does.",
	.options = "sVT",
	.run = run,
};
