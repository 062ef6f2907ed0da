// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl image: makes a read-only view of a live volume at one moment, and drops it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/gaps.h"
#include "eractl/image.h"
#include "eractl/lvm_image.h"
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

static bool print_made(struct json_object *result)
{
	const char *volume = json_text(result, "volume"), *token = json_text(result, "token"), *device = json_text(result, "device");

	if (!volume || !token || !device)
		return false;
	printf("%s: %s, token %s\n", volume, device, token);
	return print_stood_still(volume, result);
}

static int create(const char *volume, struct json_object *request, bool json)
{
	struct json_object *result;
	const char *token;
	struct err err;
	bool ok = true;

	if (client_call(request, NULL, NULL, &result, &err))
		return fail(&err);
	token = json_text(result, "token");
	seen_note(token);
	gaps_complain(volume, json_object_object_get(result, "gaps"), GAPS_INCREMENT);
	if (json)
		print_json(result);
	else
		ok = print_made(result);
	fflush(stdout);
	witness_note(volume, token);
	json_object_put(result);
	if (ok)
		return EXIT_SUCCESS;
	complain("volume %s: the answer of erad to image_create cannot be understood: a member is missing", volume);
	return EXIT_FAILURE;
}

/* Checks that LVM has no image yet, and that the size fits the kind of the origin. */
static int check_lvm(const char *volume, const struct lvm_image *image, uint64_t size, struct err *err)
{
	if (image->there)
		return err_set(err, -EEXIST, "volume %s: there is the snapshot %s/%s already, which 'eractl %s --lvm' has made; run 'eractl image drop %s' to remove it",
			       volume, image->vg, image->name, *image->number ? "backup" : "image create", volume);
	return lvm_image_check_size(volume, image, size, err);
}

static void print_lvm(const char *volume, const struct lvm_image *image, struct json_object *made, long long frozen_ms, bool json)
{
	char name[sizeof(image->vg) + sizeof(image->name)];

	if (json) {
		snprintf(name, sizeof(name), "%s/%s", image->vg, image->name);
		json_object_object_add(made, "device", jsonl_text(image->device));
		json_object_object_add(made, "logical_volume", jsonl_text(name));
		json_object_object_add(made, "frozen_seconds", frozen_ms < 0 ? NULL : json_object_new_double((double)frozen_ms / 1000));
		print_json(made);
		return;
	}
	printf("%s: %s, token %s\n", volume, image->device, json_text(made, "token"));
	if (frozen_ms >= 0)
		printf("%s: the file system was frozen for %.1f s\n", volume, (double)frozen_ms / 1000);
}

static int create_lvm(const char *volume, uint64_t size, bool json)
{
	const struct lvm_image_choice choice = { .size = size, .held = -1 };
	struct json_object *status, *made;
	struct lvm_image image;
	long long frozen_ms;
	const char *token;
	struct err err;
	int r;

	if (lvm_image_look_at(volume, &status, &image, &err))
		return fail(&err);
	r = check_lvm(volume, &image, size, &err);
	if (!r)
		r = lvm_image_make(volume, status, &choice, &image, &made, &frozen_ms, &err);
	json_object_put(status);
	if (r)
		return fail(&err);
	token = json_text(made, "token");
	if (!token) {
		json_object_put(made);
		complain("the answer of erad to checkpoint cannot be understood: it has no token; run 'eractl image drop %s'", volume);
		return EXIT_FAILURE;
	}
	seen_note(token);
	gaps_complain(volume, json_object_object_get(made, "gaps"), GAPS_INCREMENT);
	print_lvm(volume, &image, made, frozen_ms, json);
	fflush(stdout);
	witness_note(volume, token);
	json_object_put(made);
	return EXIT_SUCCESS;
}

/*
 * Removes the image that LVM has made, if there is one, and if erad has no image.  Returns 1 if the
 * image was removed.  Returns 0 if the caller must ask erad to drop the image: erad has an image,
 * or LVM has none.  Returns a negative errno if lvm has failed, or if the image cannot be removed.
 */
static int drop_lvm(const char *volume, bool json, struct err *err)
{
	struct json_object *status, *o;
	struct lvm_image image;
	int r = lvm_image_look_at(volume, &status, &image, err);

	/*
	 * EEXIST: erad has an image.  ENOTBLK: LVM has no image.  EIO: lvm has failed.  After other errors,
	 * the request to drop the image fails, too, and its error says why.
	 */
	if (r)
		return r == -EIO ? r : 0;
	json_object_put(status);
	r = image.there ? lvm_image_drop(volume, &image, err) : 0;
	if (r || !image.there)
		return r;
	if (json) {
		o = json_object_new_object();
		json_object_object_add(o, "volume", json_object_new_string(volume));
		json_object_object_add(o, "stood_still_seconds", json_object_new_double(0));
		print_json(o);
		json_object_put(o);
	} else {
		printf("%s: the snapshot %s/%s is removed\n", volume, image.vg, image.name);
	}
	return 1;
}

static bool print_dropped(struct json_object *result)
{
	const char *volume = json_text(result, "volume");

	return volume && print_stood_still(volume, result);
}

static int drop(const struct volumes_job *job, const char *volume)
{
	struct err err;
	const int r = drop_lvm(volume, job->json, &err);

	if (r < 0)
		return fail(&err);
	return r > 0 ? EXIT_SUCCESS : volume_run(job, client_request(job->op, volume));
}

/* store: the argument of --cow, or NULL.  names: ends with a NULL. */
static int create_together(const struct command *cmd, char *const *names, const char *store, bool json)
{
	struct volumes_job job = { .op = "image_create_together", .print = print_made, .witness = true, .json = json };

	if (!*names || !names[1])
		return usage_error(cmd, "--together: got %d volumes, expected two or more", *names ? 1 : 0);
	if (check_names(cmd, names))
		return EXIT_USAGE;
	for (size_t i = 0; names[i]; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(names[i], names[k]))
				return usage_error(cmd, "--together: got %s twice, expected each volume once", names[i]);
	if (store && (size_parse(store, &job.store_size) || !job.store_size || job.store_size > INT64_MAX))
		return usage_error(cmd, "--together --cow %s: expected a size, as in 4G, of which each volume gets a store", store);
	return volumes_run_together(&job, names);
}

static int run_image(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "image_drop", .print = print_dropped };
	const char *what, *store = NULL, *size = NULL;
	uint64_t bytes = 0;
	bool lvm = false, together = false;
	struct json_object *request;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'c')
			store = optarg;
		else if (c == 'Q')
			lvm = true;
		else if (c == 'C')
			size = optarg;
		else if (c == 'j')
			together = true;
		else
			job.json = true;
	}
	what = optind < argc ? argv[optind++] : "no operand";
	if (strcmp(what, "create") && strcmp(what, "drop"))
		return usage_error(cmd, "got %s, expected create or drop", what);
	if (together && (lvm || size || !strcmp(what, "drop")))
		return usage_error(cmd, "--together is for create, without --lvm");
	if (together)
		return create_together(cmd, argv + optind, store, job.json);
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	if (!strcmp(what, "drop"))
		return store || lvm || size ? usage_error(cmd, "--cow, --lvm and --size are for create") : drop(&job, argv[optind]);
	if (store && lvm)
		return usage_error(cmd, "--cow is not for --lvm: LVM makes the store in the volume group, with --size SIZE");
	if (size && !lvm)
		return usage_error(cmd, "--size is for --lvm; the size of the copy-on-write store is --cow SIZE");
	if (size && (size_parse(size, &bytes) || !bytes || bytes > INT64_MAX))
		return usage_error(cmd, "--size %s: expected a size, as in 4G", size);
	if (lvm)
		return create_lvm(argv[optind], bytes, job.json);
	request = client_request("image_create", argv[optind]);
	if (store && image_add_store(cmd, request, store)) {
		json_object_put(request);
		return EXIT_USAGE;
	}
	return create(argv[optind], request, job.json);
}

const struct command cmd_image = {
	.name = "image",
	.args = "create|drop NAME [--cow DEV|FILE|SIZE | --lvm [--size SIZE]] | create --together NAME NAME… [--cow SIZE] [--json]",
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
	"With --lvm, create makes a read-only snapshot of LVM below the volume, whose origin\n"
	"must be a logical volume. The file system on the volume is frozen meanwhile. LVM\n"
	"keeps the snapshot over a reboot.\n"
	"\n"
	"With --together, create makes images of two or more volumes at one moment. If a\n"
	"program writes to one volume, waits until this write has completed, and then\n"
	"writes to another volume, and the second write is in an image, then so is the\n"
	"first one. I/O to all the volumes waits until all are suspended; after 30 seconds,\n"
	"create fails. Each volume gets an image, or none does.\n"
	"\n"
	"Drop removes the image, and what an interrupted create or drop has left. While\n"
	"there is an image of erad, the volume cannot be closed, resized, detached or\n"
	"forgotten. A reboot drops the image.",
	.options = "jcQCJ",
	.run = run_image,
};
