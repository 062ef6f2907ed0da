// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl abort: fails held writes through the control node, with or without erad. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "eractl/live.h"
#include "eractl/volumes.h"

/* During a reload a volume has two instances, and both may hold writes. */
static int abort_named(int fd, const char *name, uint64_t *failed, struct err *err)
{
	struct erad_info *infos = NULL;
	size_t i, nr = 0, found = 0;
	int r;

	*failed = 0;
	r = live_list(fd, &infos, &nr, err);
	if (r)
		return r;
	for (i = 0; i < nr && !r; i++) {
		struct erad_abort a = {
			.h = { .size = sizeof(a) },
			.instance_id = infos[i].instance_id,
		};

		if (!live_is_named(&infos[i], name))
			continue;
		/* ENOENT: it has gone since, and its writes with it. */
		if (!ioctl(fd, ERAD_IOC_ABORT, &a) || errno == ENOENT) {
			*failed += a.failed;
			found++;
		} else {
			r = err_set(err, -errno, "volume %s: cannot fail its writes: %s", name,
				    strerror(errno));
		}
	}
	free(infos);
	if (!r && !found)
		return err_set(err, -ENOENT, "volume %s: not live, so no writes are held", name);
	return r;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	bool json = false;
	const char *name;
	uint64_t failed;
	struct err err;
	int fd, r;

	while (command_getopt(cmd, argc, argv) != -1)
		json = true;
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	name = argv[optind];

	fd = live_open(&err);
	if (fd < 0)
		return fail(&err);
	r = abort_named(fd, name, &failed, &err);
	close(fd);
	if (r)
		return fail(&err);
	if (json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "volume", json_object_new_string(name));
		json_object_object_add(o, "failed", json_object_new_uint64(failed));
		print_json(o);
		json_object_put(o);
	} else {
		if (failed)
			printf("%s: %" PRIu64 " held write%s failed", name, failed, failed == 1 ? "" : "s");
		else
			printf("%s: no write was held", name);
		puts("; the volume is failed until erad attaches to it again");
	}
	return EXIT_SUCCESS;
}

const struct command cmd_abort = {
	.name = "abort",
	.args = "NAME [--json]",
	.summary = "fail the writes that are held",
	.text =
	"Fails all writes of a volume that wait for erad, with an I/O error. Asks the\n"
	"kernel and not erad, so that it helps when erad is dead or hung and, for\n"
	"example, a suspend waits for these writes for ever.\n"
	"\n"
	"The volume is failed then: writes to blocks that are not recorded yet in\n"
	"this era get I/O errors until erad attaches to it again.",
	.options = "J",
	.run = run,
};
