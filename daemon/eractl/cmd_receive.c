// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl receive: brings a copy up to date from a stream of send or of rbd export-diff. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/receive.h"
#include "eractl/receive_input.h"

static void print_received_json(const struct receive *rc)
{
	struct json_object *o = json_object_new_object();
	struct token t;
	char text[TOKEN_TEXT_SIZE];

	json_object_object_add(o, "copy", jsonl_text(rc->path));
	json_object_object_add(o, "from", *rc->head->from ? json_object_new_string(rc->head->from) : NULL);
	json_object_object_add(o, "to", *rc->head->to ? json_object_new_string(rc->head->to) : NULL);
	json_object_object_add(o, "token", stream_token(rc->head->to, &t) ? json_object_new_string(token_text(&t, text)) : NULL);
	json_object_object_add(o, "size", json_object_new_uint64(rc->head->size));
	json_object_object_add(o, "data_bytes", json_object_new_uint64(rc->data_bytes));
	json_object_object_add(o, "zero_bytes", json_object_new_uint64(rc->zero_bytes));
	json_object_object_add(o, "checksums", json_object_new_boolean(stream_has_checks(rc->in)));
	json_object_object_add(o, "already", json_object_new_boolean(rc->already));
	print_json(o);
	json_object_put(o);
}

static void print_received(const struct receive *rc)
{
	char data[SIZE_TEXT], zeros[SIZE_TEXT], text[TOKEN_TEXT_SIZE];
	struct token t;

	print_printable(stdout, rc->path);
	if (rc->already)
		printf(": the copy already has %s\n", rc->head->to);
	else
		printf(": %s written, %s of zeros; %s\n", size_format(data, rc->data_bytes), size_format(zeros, rc->zero_bytes),
		       stream_has_checks(rc->in) ? "all checksums were right" : "the stream has no checksums");
	if (stream_token(rc->head->to, &t))
		printf("%s\n", token_text(&t, text));
	else if (*rc->head->to)
		printf("%s\n", rc->head->to);
}

static int run_receive(const struct command *cmd, int argc, char **argv)
{
	struct receive rc = { .place.fd = -1 };
	bool json = false;
	struct err err;
	int c, r;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'N')
			rc.state = optarg;
		else if (c == 'w')
			rc.overwrite = true;
		else if (c == 'J')
			json = true;
	}
	if (optind >= argc)
		return usage_error(cmd, "the TARGET is missing: a file or a block device");
	if (optind + 1 < argc)
		return usage_error(cmd, "got %s, expected one TARGET", argv[optind + 1]);
	if (isatty(STDIN_FILENO)) {
		complain("receive: expected the stream of 'eractl send' as standard input, got a terminal");
		return EXIT_USAGE;
	}
	rc.path = rc.place.path = argv[optind];
	rc.place.file = rc.state;
	r = receive_catch_signals(&rc, &err);
	if (!r)
		r = stream_open(receive_read, &rc, &rc.in, &err);
	if (r)
		return fail(&err);
	rc.head = stream_get_head(rc.in);
	r = receive(&rc, &err);
	if (!r && json)
		print_received_json(&rc);
	else if (!r)
		print_received(&rc);
	stream_close(rc.in);
	receive_free(&rc);
	if (!r)
		return EXIT_SUCCESS;
	fail(&err);
	return rc.full_copy_due ? EXIT_FULL_COPY : EXIT_FAILURE;
}

const struct command cmd_receive = {
	.name = "receive",
	.args = "TARGET [--state FILE] [--overwrite] [--json]",
	.summary = "bring a copy up to date from a stream",
	.text =
	"Reads the stream of 'eractl send', or of 'rbd export-diff' of Ceph, from standard\n"
	"input, and writes it to TARGET, a file or a block device. An increment is accepted\n"
	"only if TARGET is a copy of the moment at which the increment begins. The last line\n"
	"of the output is the token of the moment that TARGET has now. Give this token to\n"
	"'eractl send --since' for the next increment.\n"
	"\n"
	"A stream that is damaged or cut is noticed, and no damaged part of a stream of\n"
	"'eractl send' is written. Then the copy is between two moments. The same increment,\n"
	"or a later one on the same base, completes the copy, if the volume was not opened\n"
	"again in between. What was written is read back and compared.\n"
	"\n"
	"Exits with 3 if a full copy is due: TARGET is no copy, or something else has\n"
	"written to it since the last receive.",
	.options = "NwJ",
	.run = run_receive,
};
