// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl close: removes the devices of volumes and closes their metadata. */
#include <stdlib.h>
#include <string.h>

#include "common/client.h"
#include "eractl/volumes.h"

static int close_all(const struct volumes_job *job)
{
	struct json_object *list, *volumes;
	size_t i, n, nr = 0;
	struct err err;
	char **names;
	int code;

	if (client_call(client_request("list", NULL), NULL, NULL, &list, &err))
		return fail(&err);
	volumes = json_object_object_get(list, "volumes");
	n = json_object_is_type(volumes, json_type_array) ? json_object_array_length(volumes) : 0;
	names = calloc(n + 1, sizeof(*names));
	if (!names) {
		json_object_put(list);
		complain("out of memory");
		return EXIT_FAILURE;
	}
	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = json_text(v, "volume"), *state = json_text(v, "state");

		if (name && state && strcmp(state, "closed"))
			names[nr++] = (char *)name;
	}
	code = volumes_run(job, names, nr);
	free(names);
	json_object_put(list);
	return code;
}

static int run_close(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "close" };

	return volumes_run_operands_or_all(cmd, &job, argc, argv, close_all);
}

const struct command cmd_close = {
	.name = "close",
	.args = "NAME… | --all [--drop-image] [--json]",
	.summary = "close volumes",
	.text =
	"Removes /dev/mapper/NAME and marks the metadata clean. If a volume is in use,\n"
	"or its metadata cannot be marked clean, prints an error and goes on with the\n"
	"next volume. Writes to the origin of a closed volume are not recorded. A volume\n"
	"with an image is closed only with --drop-image.",
	.options = "aqJ",
	.run = run_close,
};
