// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl detach: removes a volume from below logical volumes.  Also works if erad is not running.
 */
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/below.h"
#include "common/client.h"
#include "common/dm_tables.h"
#include "common/eratab_change.h"
#include "common/eratab_use.h"
#include "common/file_lock.h"
#include "common/files.h"
#include "common/image.h"
#include "common/jsonl.h"
#include "common/lvm_filter.h"
#include "common/standby_lock.h"
#include "common/uuid.h"
#include "eractl/child.h"
#include "eractl/initramfs.h"
#include "eractl/lvm.h"
#include "eractl/volumes.h"
#include "store/super.h"

#define REMOVE_MS	10000u	/* limit of the wait for the removal of the metadata file */
#define LVM_SECONDS	15u	/* limit of the wait for a command of LVM, which reads all devices */
/* How often the standby of an erad that has died is asked, and the pause after each time. */
#define STANDBY_TRIES		50
#define STANDBY_PAUSE_MS	100

static bool print_detached(struct json_object *result)
{
	const char *volume = json_text(result, "volume");
	struct json_object *still = json_object_object_get(result, "stood_still_seconds");

	if (!volume || !still)
		return false;
	printf("%s: detached; I/O stood still for %.1f ms at most\n", volume, json_object_get_double(still) * 1000);
	return true;
}

/*
 * Returns the standby that serves the volumes, or will serve them when its erad has died.  Returns 0
 * if there is none, or a negative errno.
 */
static pid_t find_standby(struct err *err)
{
	const int fd = open(STANDBY_LOCK_FILE, O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "%s: %s", STANDBY_LOCK_FILE, strerror(errno));
	pid = standby_lock_going_on(fd, UINT32_MAX);
	close(fd);
	return pid;
}

/*
 * Takes erad's lock, so that erad cannot start.  Returns an fd, which holds the lock until the
 * caller closes it, or a negative errno.  If there is no lock file, returns an fd without a lock.
 */
static int lock_out_erad(struct err *err)
{
	static const char path[] = ERAD_RUN_DIR "/erad.lock";
	int fd = file_lock(path, O_RDWR, 0, err);
	pid_t standby;

	/*
	 * If there is no lock file, erad has not run since the boot, so there is no erad to lock out.
	 * An erad that starts now finds the option "detaching" in eratab.
	 */
	if (fd == -ENOENT)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd == -EBUSY)
		err_set(err, fd, "%s is locked: an erad is running and does not answer, or another 'eractl detach' is running; stop erad with 'systemctl stop erad', or wait until the other command has ended",
			path);
	if (fd < 0)
		return fd;
	/* A standby takes no lock on this file, and serves the volumes when its erad has died. */
	standby = find_standby(err);
	if (!standby)
		return fd;
	close(fd);
	if (standby < 0)
		return standby;
	return err_set(err, -EBUSY, "erad has died, and its standby, process %d, is about to serve the volumes, but does not answer yet; try again in a moment; if the standby hangs, end it with 'kill -KILL %d'",
		       standby, standby);
}

/* Takes the place of libdevmapper's log, which prints a line for each attempt to remove a device. */
static void ignore_message(int level, const char *file, int line, int code, const char *format, ...)
{
	(void)level, (void)file, (void)line, (void)code, (void)format;
}

/* Removes the device.  udev may have the device open for a moment, so this tries for five seconds. */
static int remove_device(const char *name, struct err *err)
{
	struct dm_task *t = dm_task_create(DM_DEVICE_REMOVE);
	uint32_t cookie = 0;
	int code, r = 0;

	dm_log_with_errno_init(ignore_message);
	if (!t || !dm_task_set_name(t, name) || !dm_task_retry_remove(t) || !dm_task_set_cookie(t, &cookie, 0) || !dm_task_run(t)) {
		code = t ? dm_task_get_errno(t) : ENOMEM;
		r = err_set(err, code ? -code : -EIO, "volume %s: cannot remove /dev/mapper/%s: %s", name, name, strerror(code ? code : EIO));
	}
	if (t)
		dm_task_destroy(t);
	if (cookie)
		dm_udev_wait(cookie);
	dm_task_update_nodes();
	return r;
}

/* What a child process reads. */
struct reading {
	const char *metadata;	/* path of the metadata */
	uint8_t *uuid;		/* receives its UUID, in memory that the two processes share */
};

static int read_in_child(const void *arg)
{
	const struct reading *rd = arg;

	return super_peek_uuid(rd->metadata, rd->uuid) ? 0 : -ENODATA;
}

/*
 * Sets uuid to the UUID of the metadata, or to "" if the metadata cannot be read within a second.
 * Reads in a child process, because the device of the metadata may hang.  A child process that
 * hangs does not hold erad's lock.
 */
static void read_uuid(const char *metadata, char uuid[UUID_TEXT_SIZE])
{
	struct reading rd = { .metadata = metadata };
	void *shared = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*uuid = 0;
	if (shared == MAP_FAILED)
		return;
	rd.uuid = shared;
	if (!child_call(NULL, read_in_child, &rd))
		uuid_text(rd.uuid, uuid);
	munmap(shared, 16);
}

/* The metadata file that a child process removes, if jsonl_now_ms() is at most `until`. */
struct removal {
	const char *path;
	long long until;
};

/*
 * Runs in the child process.  Writes to the file system first: if it hangs, the file is not removed
 * when the file system works again, because the path may lead to another file then.
 */
static int remove_in_child(const void *arg)
{
	const struct removal *rm = arg;

	file_try_write(rm->path);
	if (jsonl_now_ms() > rm->until)
		return -ETIMEDOUT;
	return unlink(rm->path) && errno != ENOENT ? -errno : 0;
}

static void remove_own_file(const char *volume, const char *own)
{
	const struct removal rm = { .path = own, .until = jsonl_now_ms() + REMOVE_MS };
	const int r = child_call_within(REMOVE_MS, remove_in_child, &rm);

	if (r == -ETIMEDOUT)
		complain("volume %s: %s is not removed, because its file system has not answered within %u seconds; when the file system works again, remove the file",
			 volume, own, REMOVE_MS / 1000);
	else if (r)
		complain("volume %s: cannot remove %s: %s", volume, own, strerror(-r));
}

/*
 * Removes the line of the volume, and the metadata file that attach has created.  uuid receives the
 * UUID of the metadata, or "".
 */
static int forget(const struct eratab_entry *e, char uuid[UUID_TEXT_SIZE], struct err *err)
{
	char own[sizeof(ERAD_LIB_DIR) + ERAD_NAME_MAX + 16];
	int r;

	snprintf(own, sizeof(own), ERAD_LIB_DIR "/%s.erad", e->name);
	read_uuid(e->metadata, uuid);
	r = eratab_change_remove(ERAD_TAB, e->name, ERATAB_PUT_BACK, err);
	if (r)
		return err_prefix(err, r, "volume %s: the logical volumes were moved back to %.200s, but the line of the volume cannot be removed from /etc/eratab", e->name, e->origin);
	if (!strcmp(e->metadata, own))
		remove_own_file(e->name, own);
	return 0;
}

/*
 * Moves the logical volumes back to the physical volume and removes the volume's device.  *us
 * receives the longest time for which I/O waited, in microseconds.
 */
static int take_away(const char *name, dev_t dev, uint64_t *us, struct err *err)
{
	uint64_t moved;
	int r;

	for (int tries = 0; ; tries++) {
		r = below_detach(dev, true, dm_tables_swap, &moved, err);
		if (r)
			return r;
		if (moved > *us)
			*us = moved;
		r = remove_device(name, err);
		if (r != -EBUSY || tries == BELOW_MOVES)
			return r;
	}
}

static int detach_offline(const struct eratab_entry *found, uint64_t *us, char uuid[UUID_TEXT_SIZE], struct err *err)
{
	struct eratab_entry e = *found;
	const dev_t dev = dm_tables_find(e.name);
	struct err why;
	int r;

	*us = 0;
	r = image_refuse(e.name, dev, err);
	if (!r && !dev)
		r = below_check_renamed(e.name, e.origin, err);
	if (!r && !e.detaching)
		r = below_check(dev, e.name, e.origin, err);
	if (r)
		return err_prefix(err, r, "volume %s", e.name);
	e.detaching = true;
	r = eratab_change_replace(ERAD_TAB, &e, ERATAB_PUT_BACK, err);
	if (r)
		return err_prefix(err, r, "volume %s: nothing is detached", e.name);
	if (dev)
		r = take_away(e.name, dev, us, err);
	/*
	 * If the volume is still attached, remove the option "detaching", so that the next erad
	 * serves the volume.
	 */
	if (r && below_tracked(dev)) {
		e.detaching = false;
		if (eratab_change_replace(ERAD_TAB, &e, ERATAB_KEEP, &why))
			err_suffix(err, "the volume stays attached, but erad may detach it when it starts: %s", why.msg);
	}
	if (!r && lvm_filter_remove(LVM_FILTER_FILE, e.origin, err) < 0)
		r = -EIO;
	return r ? r : forget(&e, uuid, err);
}

/*
 * Checks, after the detach, that LVM uses the physical volume.  LVM's configuration may contain a
 * filter of the administrator, which detach does not remove.
 */
static void check_lvm(const char *name, const char *origin)
{
	char device[PATH_MAX];
	struct err err;
	bool uses;

	if (lvm_path(origin, device, sizeof(device), &err) || lvm_uses(device, LVM_SECONDS, &uses, &err))
		complain("volume %s: detached, but cannot tell whether LVM uses %s again: %s", name, origin, err.msg);
	else if (!uses)
		complain("volume %s: detached, but LVM does not use %s: if LVM uses a devices file, run 'lvmdevices --adddev %s', else remove the filter in /etc/lvm that rejects the device",
			 name, device, device);
}

/*
 * Detaches the volume in this process, because erad is not running.  Returns an exit code.  *result
 * receives an object as in erad's answer to detach.
 */
static int detach_without_erad(const char *name, struct json_object **result)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;
	char uuid[UUID_TEXT_SIZE], other[ERAD_NAME_MAX + 1] = "";
	const char *same;
	uint64_t us;
	int lock, r;

	lock = lock_out_erad(&err);
	if (lock < 0)
		return fail(&err);
	r = eratab_read(ERAD_TAB, &tab, &err);
	if (!r) {
		r = eratab_find(&tab, name, &e, &err);
		if (!r)
			r = detach_offline(e, &us, uuid, &err);
		/*
		 * Release the lock first: reading the metadata of other volumes may take long, and
		 * no erad can start as long as the lock is held.
		 */
		close(lock);
		same = r ? NULL : eratab_same_uuid(&tab, name, uuid, read_uuid);
		if (same)
			snprintf(other, sizeof(other), "%s", same);
		eratab_free(&tab);
	} else {
		close(lock);
	}
	if (r)
		return fail(&err);
	*result = json_object_new_object();
	json_object_object_add(*result, "volume", json_object_new_string(name));
	json_object_object_add(*result, "uuid", *uuid ? json_object_new_string(uuid) : NULL);
	json_object_object_add(*result, "same_uuid", *other ? json_object_new_string(other) : NULL);
	json_object_object_add(*result, "not_removed", NULL);
	json_object_object_add(*result, "stood_still_seconds", json_object_new_double(us / 1e6));
	return EXIT_SUCCESS;
}

static int run_detach(const struct command *cmd, int argc, char **argv)
{
	struct json_object *result;
	int c, r, code = EXIT_SUCCESS;
	bool json = false;
	struct err err;
	char *origin;

	while ((c = command_getopt(cmd, argc, argv)) != -1)
		json |= c == 'J';
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	/* If lvm cannot be asked, detach anyway: LVM may have been removed. */
	if (lvm_check_locks(&err) == -EOPNOTSUPP)
		return fail(&err);
	origin = eratab_origin(ERAD_TAB, argv[optind]);
	r = client_call(client_request("detach", argv[optind]), NULL, NULL, &result, &err);
	/* If erad has just died, its standby answers soon. */
	for (int tries = 0; r == -ENOTCONN && tries < STANDBY_TRIES && find_standby(NULL) > 0; tries++) {
		usleep(STANDBY_PAUSE_MS * 1000);
		r = client_call(client_request("detach", argv[optind]), NULL, NULL, &result, &err);
	}
	if (r == -ENOTCONN)
		code = detach_without_erad(argv[optind], &result);
	else if (r)
		code = fail(&err);
	if (!code) {
		volume_forget_note(result);
		volume_complain_left(result);
		if (json) {
			print_json(result);
		} else {
			print_detached(result);
			initramfs_note(argv[optind]);
		}
		json_object_put(result);
		fflush(stdout);
		if (origin)
			check_lvm(argv[optind], origin);
	}
	free(origin);
	return code;
}

const struct command cmd_detach = {
	.name = "detach",
	.args = "NAME [--json]",
	.summary = "undo attach, while the logical volumes are in use",
	.text =
	"Moves the logical volumes back to the physical volume, removes /dev/mapper/NAME\n"
	"and attach's line in LVM's configuration, and forgets the volume. Also works\n"
	"without erad: writes that wait for erad then go on, and none fails. If detach is\n"
	"interrupted, erad completes the detach at its next start.",
	.options = "J",
	.run = run_detach,
};
