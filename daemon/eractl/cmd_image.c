// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl image: makes a read-only view of a live volume at one moment, and drops it. */
#include <string.h>
#include <unistd.h>

#include "common/client.h"
#include "eractl/gaps.h"
#include "eractl/image.h"
#include "eractl/seen_note.h"
#include "eractl/volumes.h"
#include "eractl/witness_note.h"

static bool print_stood_still(const char *volume, struct json_object *result)
{
	struct json_object *still = json_object_object_get(result, "stood_still_seconds");

	if (!still)
		return false;
	printf("%s: I/O stood still for %.1f ms\n", volume, json_object_get_double(still) * 1000);
	return true;
}

static int create(const char *volume, struct json_object *request, bool json)
{
	struct json_object *result;
	const char *token, *device;
	struct err err;
	bool ok = true;

	if (client_call(request, NULL, NULL, &result, &err))
		return fail(&err);
	token = json_text(result, "token");
	device = json_text(result, "device");
	seen_note(token);
	gaps_complain(volume, json_object_object_get(result, "gaps"), GAPS_INCREMENT);
	if (json) {
		print_json(result);
	} else {
		ok = token && device;
		if (ok)
			printf("%s: %s, token %s\n", volume, device, token);
		ok = ok && print_stood_still(volume, result);
	}
	fflush(stdout);
	witness_note(volume, token);
	json_object_put(result);
	if (ok)
		return EXIT_SUCCESS;
	complain("volume %s: the answer of erad to image_create cannot be understood: a member is missing", volume);
	return EXIT_FAILURE;
}

static bool print_dropped(struct json_object *result)
{
	const char *volume = json_text(result, "volume");

	return volume && print_stood_still(volume, result);
}

static int run_image(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "image_drop", .print = print_dropped };
	const char *what, *store = NULL;
	struct json_object *request;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'c')
			store = optarg;
		else
			job.json = true;
	}
	what = optind < argc ? argv[optind++] : "no operand";
	if (strcmp(what, "create") && strcmp(what, "drop"))
		return usage_error(cmd, "got %s, expected create or drop", what);
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	if (!strcmp(what, "drop"))
		return store ? usage_error(cmd, "--cow is for create") :
			volume_run(&job, client_request(job.op, argv[optind]));
	request = client_request("image_create", argv[optind]);
	if (store && image_add_store(cmd, request, store)) {
		json_object_put(request);
		return EXIT_USAGE;
	}
	return create(argv[optind], request, job.json);
}

const struct command cmd_image = {
	.name = "image",
	.args = "create|drop NAME [--cow DEV|FILE|SIZE] [--json]",
	.summary = "make or drop a read-only view of a volume at one moment",
	.text =
	"Create makes /dev/mapper/NAME-image, which has the content of the volume at this\n"
	"moment, while the volume is in use. Create freezes and flushes the file system on\n"
	"the volume for a moment, and begins a new era in the same moment. Prints the token\n"
	"of the era, as checkpoint --token does, and for how long I/O stood still. From then\n"
	"on, before a part of the volume is written, its former content is copied to the\n"
	"copy-on-write store. If the store is full, the image becomes invalid, and the\n"
	"volume goes on.\n"
	"\n"
	"Drop removes the image, and what an interrupted create or drop has left. While\n"
	"there is an image, the volume cannot be closed, resized, detached or forgotten. A\n"
	"reboot drops the image.",
	.options = "cJ",
	.run = run_image,
};
