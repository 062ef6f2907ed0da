// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl attach: tracks a physical volume of LVM whose logical volumes are in use. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/dm_tables.h"
#include "common/lvs.h"
#include "common/members.h"
#include "eractl/create_request.h"
#include "eractl/initramfs.h"
#include "eractl/lvm.h"
#include "eractl/lvm_commands.h"
#include "eractl/volumes.h"

#define LVM_WAIT_S	10	/* limit of the wait for commands of LVM, in seconds */

static bool print_attached(struct json_object *result)
{
	const char *volume = json_text(result, "volume"), *device = json_text(result, "device");
	struct json_object *still = json_object_object_get(result, "stood_still_seconds");
	uint64_t nr;

	if (!still || !json_number(result, "logical_volumes", &nr) || !print_opened(result))
		return false;
	printf("%s: %" PRIu64 " devices of LVM lie on %s now; I/O stood still for %.1f ms at most\n", volume, nr, device,
	       json_object_get_double(still) * 1000);
	return true;
}

static bool find_back(const char *pv, const char *name, dev_t volume)
{
	struct lvs lvs;
	struct err err;
	bool back;

	if (lvs_find(blockdev_at(pv), volume, &lvs, &err)) {
		complain("volume %s: cannot tell what lies on %s, so the volume is detached again: %s", name, pv, err.msg);
		return true;
	}
	back = lvs.nr;
	if (back)
		complain("volume %s: a command of LVM that ran at the same time has put /dev/mapper/%s back on %s, so the volume is detached again; try again",
			 name, lvs.lv[0].name, pv);
	lvs_free(&lvs);
	return back;
}

/*
 * Looks for logical volumes that are on the physical volume again.  Takes LVM's lock, because a
 * command of LVM may be moving a logical volume.  vg: the volume group, or "" if the volume group is
 * not known.  In that case, the name is taken from the logical volumes on the volume.  Prints an
 * error and returns true if there are such logical volumes, or if this cannot be found out.
 */
static bool lvm_went_back(const char *pv, const char *name, const char *vg)
{
	const dev_t volume = dm_tables_find(name);
	struct lvs moved = { 0 };
	struct err err;
	bool back;
	int r;

	r = lvs_find(volume, 0, &moved, &err);
	if (r) {
		complain("volume %s: cannot tell what lies on it, so the volume is detached again: %s", name, err.msg);
		return true;
	}
	moved.vg = *vg ? vg : NULL;
	r = lvs_lock(&moved, 0, &err);
	if (r)
		complain("volume %s: cannot wait for commands of LVM, so the volume is detached again: %s", name, err.msg);
	back = r || find_back(pv, name, volume);
	lvs_free(&moved);
	return back;
}

/*
 * A command of LVM may have read LVM's configuration before the attach, and have waited for LVM's
 * lock until the attach ended.  Then this command puts logical volumes back on the physical volume.
 * Returns true when all commands have ended that ran when this function was called.  If one of them
 * still runs after LVM_WAIT_S seconds, prints an error and returns false.  Later commands have read
 * the new configuration.
 */
static bool earlier_commands_end(const char *pv, const char *name)
{
	struct err err;

	if (!lvm_commands_wait(LVM_WAIT_S, &err))
		return true;
	complain("volume %s: %s, and may put logical volumes back on %s, so the volume is detached again; try again when the command has ended",
		 name, err.msg, pv);
	return false;
}

/* Returns whether LVM uses the volume, and not the physical volume below it. */
static bool lvm_has_moved(const char *pv, const char *name, const char *vg)
{
	struct err err;
	bool uses;

	/*
	 * Wait for earlier commands of LVM before lvm is run, because lvm waits without limit for a
	 * command that holds a lock.
	 */
	if (!earlier_commands_end(pv, name))
		return false;
	if (lvm_uses(pv, 0, &uses, &err)) {
		complain("volume %s: cannot tell whether LVM leaves %s alone, so the volume is detached again: %s", name, pv, err.msg);
		return false;
	}
	if (uses) {
		complain("volume %s: LVM still uses %s in spite of the filter, so the volume is detached again", name, pv);
		return false;
	}
	return !lvm_went_back(pv, name, vg);
}

/*
 * Checks the attach when it has ended.  If LVM has not moved to the volume, undoes the attach.
 * Returns the exit code.
 */
static int check_lvm(const char *pv, const char *name, const char *vg)
{
	struct json_object *result;
	bool uses;
	char device[256];
	struct err err;

	snprintf(device, sizeof(device), "/dev/mapper/%s", name);
	if (!lvm_has_moved(pv, name, vg)) {
		if (client_call(client_request("detach", name), NULL, NULL, &result, &err)) {
			complain("volume %s: it is still attached, and logical volumes may lie on %s, where their writes are not recorded; run 'eractl detach %s'",
				 name, pv, name);
			return fail(&err);
		}
		volume_forget_note(result);
		json_object_put(result);
		return EXIT_FAILURE;
	}
	if (lvm_uses(device, 0, &uses, &err))
		complain("volume %s: cannot tell whether LVM uses %s: %s", name, device, err.msg);
	else if (!uses)
		complain("volume %s: LVM does not use %s yet; if LVM uses a devices file, run 'lvmdevices --adddev %s'; otherwise change the filter in /etc/lvm so that it accepts the device",
			 name, device, device);
	return EXIT_SUCCESS;
}

static int request_attach(const struct command *cmd, const struct create_options *o, bool write_filter, bool json)
{
	struct volumes_job job = { .op = "attach", .print = print_attached, .json = json };
	struct create_options at = *o;
	struct json_object *request;
	char pv[PATH_MAX];
	struct lvm_vg vg;
	struct err err;
	bool uses;
	int code;

	/*
	 * If a command of LVM that runs now were still running after the attach, the attach would
	 * undo its changes.  So wait for all commands of LVM before anything is changed.
	 */
	if (lvm_commands_wait(LVM_WAIT_S, &err)) {
		err_suffix(&err, "try again when the command has ended");
		return fail(&err);
	}
	if (lvm_path(o->origin, pv, sizeof(pv), &err) || lvm_uses(pv, 0, &uses, &err) ||
	    (uses && write_filter && lvm_check_filter(pv, o->name, &err)))
		return fail(&err);
	/*
	 * If LVM does not use the physical volume by this path, LVM may name no volume group.  If
	 * so, erad finds the volume group by the logical volumes.
	 */
	if (lvm_vg_of(pv, &vg, &err)) {
		if (uses)
			return fail(&err);
		vg = (struct lvm_vg){ 0 };
	}
	if (lvm_check_locks(&err))
		return fail(&err);
	/*
	 * Use a path by which LVM knows the origin, because LVM's reject pattern contains the path.
	 */
	at.origin = pv;
	code = create_request(cmd, job.op, &at, &request);
	if (code)
		return code;
	json_object_object_add(request, "lvm_rejects", json_object_new_boolean(!uses));
	json_object_object_add(request, "write_lvm_filter", json_object_new_boolean(write_filter));
	if (*vg.name) {
		json_object_object_add(request, "vg_name", json_object_new_string(vg.name));
		json_object_object_add(request, "vg_uuid", json_object_new_string(vg.uuid));
	}
	code = volume_run(&job, request);
	fflush(stdout);
	if (!code)
		create_warn_of_identity(&at);
	if (!code)
		code = check_lvm(pv, o->name, vg.name);
	if (!code && !json)
		initramfs_note(o->name);
	return code;
}

static int run_attach(const struct command *cmd, int argc, char **argv)
{
	struct create_options o = { 0 };
	bool json = false, write_filter = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'p':
			o.origin = optarg;
			break;
		case 'L':
			write_filter = true;
			break;
		case 'J':
			json = true;
			break;
		default:
			create_option(c, &o);
		}
	}
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	if (!o.origin)
		return usage_error(cmd, "--pv DEV is missing");
	o.name = argv[optind];
	return request_attach(cmd, &o, write_filter, json);
}

const struct command cmd_attach = {
	.name = "attach",
	.args = "NAME --pv DEV [--write-lvm-filter] [--metadata DEV|FILE] [--block-size SIZE] [--overwrite-metadata] [--json]",
	.summary = "track a physical volume of LVM while it is in use",
	.text =
	"Puts a new volume between the physical volume DEV and its logical volumes,\n"
	"which may be in use, with mounted file systems. Every write from then on is\n"
	"recorded. LVM goes on with /dev/mapper/NAME in place of DEV, and must leave\n"
	"DEV alone: with --write-lvm-filter, attach writes the line for this to LVM's\n"
	"configuration. Prints how long I/O stood still. If attach fails or erad is\n"
	"killed, the attach is undone.\n"
	"\n"
	"The metadata must not lie in the same volume group. 'eractl detach' undoes attach.",
	.options = "pLmbWJ",
	.run = run_attach,
};
