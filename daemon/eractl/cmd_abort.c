// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl abort: fails held writes, or lets all writes pass.  Calls the module directly, so it works
 * without erad.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "eractl/live.h"
#include "eractl/volumes.h"

#define LOADING_MS	5000
#define LOADING_STEP_MS	50

struct outcome {
	uint64_t failed;	/* number of held writes that have failed now */
	bool passing;		/* the volume was degraded already, so no write was held */
};

static int abort_one(int fd, const struct erad_info *info, const char *name, struct outcome *out,
		     struct err *err)
{
	struct erad_abort a = {
		.h = { .size = sizeof(a) },
		.instance_id = info->instance_id,
	};

	if (!ioctl(fd, ERAD_IOC_ABORT, &a)) {
		out->failed += a.failed;
		out->passing |= info->status & ERAD_PASSES_ALL;
		return 0;
	}
	return err_set(err, -errno, "volume %s: cannot fail its writes: %s", name, strerror(errno));
}

static int degrade_one(int fd, const struct erad_info *info, const char *name, struct err *err)
{
	struct erad_degrade a = {
		.h = { .size = sizeof(a) },
		.instance_id = info->instance_id,
	};
	int i, r;

	/* EAGAIN: erad is attaching to the instance, which takes a short time. */
	for (i = 0; i < LOADING_MS / LOADING_STEP_MS; i++) {
		r = ioctl(fd, ERAD_IOC_DEGRADE, &a) ? -errno : 0;
		if (r != -EAGAIN)
			break;
		usleep(LOADING_STEP_MS * 1000);
	}
	switch (r) {
	case 0:
		return 0;
	case -EOPNOTSUPP:
		return err_set(err, r, info->meta_major ?
			       "volume %s: no erad has served this target yet, so the kernel has no degrade record to write; start erad first" :
			       "volume %s: its table names no metadata device; the kernel can write the degrade record only to a block device",
			       name);
	case -EAGAIN:
		return err_set(err, r, "volume %s: an erad has been attaching to it for %d seconds; stop that erad, and try again",
			       name, LOADING_MS / 1000);
	case -EBUSY:
		return err_set(err, r, "volume %s: its device is suspended, so no writes are held; resume it first",
			       name);
	case -ECANCELED:
		return err_set(err, r, "volume %s: another 'eractl abort' has failed its held writes", name);
	default:
		return err_set(err, r, "volume %s: cannot write the degrade record to the metadata device %u:%u: %s; writes are still held",
			       name, info->meta_major, info->meta_minor, strerror(-r));
	}
}

/* Handles all instances of the volume: during a reload there are two, and both may hold writes. */
static int abort_named(int fd, const char *name, bool degrade, struct outcome *out, struct err *err)
{
	struct erad_info *infos = NULL;
	size_t i, nr = 0, found = 0, done = 0;
	int r, no = 0;

	r = live_list(fd, &infos, &nr, err);
	if (r)
		return r;
	for (i = 0; i < nr && !r; i++) {
		if (!live_is_named(&infos[i], name))
			continue;
		found++;
		r = degrade ? degrade_one(fd, &infos[i], name, err) : abort_one(fd, &infos[i], name, out, err);
		/* The instance was removed after LIST, so it holds no writes. */
		if (r == -ENOENT)
			r = 0;
		else if (!r)
			done++;
		if (r == -EOPNOTSUPP) {
			no = r;
			r = 0;
		}
	}
	free(infos);
	/*
	 * During a reload, erad has not served the new instance yet, so EOPNOTSUPP of the new
	 * instance is not an error.
	 */
	if (!r && no && !done)
		return no;
	if (!r && degrade && found && !done)
		return err_set(err, -ENOENT, "volume %s: its target was removed in the meantime", name);
	if (!r && !found)
		return err_set(err, -ENOENT, "volume %s: the kernel has no target of this volume, so no writes are held", name);
	return r;
}

static int run_abort(const struct command *cmd, int argc, char **argv)
{
	bool json = false, degrade = false;
	const char *name;
	struct outcome out = { 0 };
	struct err err;
	int c, fd, r;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'D')
			degrade = true;
		else
			json = true;
	}
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	name = argv[optind];

	fd = live_open(&err);
	if (fd < 0)
		return fail(&err);
	r = abort_named(fd, name, degrade, &out, &err);
	close(fd);
	if (r)
		return fail(&err);
	if (json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "volume", json_object_new_string(name));
		json_object_object_add(o, "failed", json_object_new_uint64(out.failed));
		print_json(o);
		json_object_put(o);
	} else {
		if (degrade)
			printf("%s: all writes pass; every block counts as written, and the next backup must be a full copy\n",
			       name);
		else if (out.failed)
			printf("%s: %" PRIu64 " held write%s failed; the volume is failed until erad attaches to it again\n",
			       name, out.failed, out.failed == 1 ? "" : "s");
		else
			printf("%s: no write was held; the volume is %s until erad attaches to it again\n", name,
			       out.passing ? "degraded" : "failed");
	}
	return EXIT_SUCCESS;
}

const struct command cmd_abort = {
	.name = "abort",
	.args = "NAME [--degrade] [--json]",
	.summary = "fail the held writes of a volume, or let all writes pass",
	.text =
	"Fails the held writes of a volume with an I/O error. Calls the kernel, not\n"
	"erad, so it works when erad is dead or hung. Use it, for example, when a\n"
	"suspend waits for held writes without end.\n"
	"\n"
	"The volume is failed then: writes to blocks that are not recorded in this era\n"
	"get I/O errors until erad attaches to the volume again.\n"
	"\n"
	"With --degrade, no write fails. The kernel records in the metadata that any\n"
	"block may be written from now on, and lets all writes pass. The metadata must\n"
	"be on a block device. When erad attaches again, it counts every block as\n"
	"written and records writes again. The next backup must be a full copy.",
	.options = "DJ",
	.run = run_abort,
};
