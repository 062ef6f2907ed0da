// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks the lvm program which devices LVM uses: see lvm.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/jsonl.h"
#include "common/lvm_filter.h"
#include "common/lvs.h"
#include "eractl/lvm.h"

/* Search for lvm here, because the PATH of the user or of cron may lack these directories. */
#define LVM_PATH	"/usr/sbin:/sbin:/usr/bin:/bin"

/* Copies the end of the file to text.  If the beginning is cut, text begins with the next line. */
static void take_end(int fd, char *text, size_t size)
{
	const off_t length = lseek(fd, 0, SEEK_END);
	const off_t from = length >= (off_t)size ? length - (off_t)size + 1 : 0;
	const ssize_t n = pread(fd, text, size - 1, from);
	const char *line;

	text[n > 0 ? n : 0] = 0;
	line = from ? strchr(text, '\n') : NULL;
	if (line && line[1])
		memmove(text, line + 1, strlen(line + 1) + 1);
}

/*
 * Waits until the pipe has output or is closed, at most until the time `until` of jsonl_now_ms(); 0: as
 * long as it takes.  Returns false if the time is over.
 */
static bool wait_for_output(int fd, long long until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		const long long left = until - jsonl_now_ms();

		n = poll(&p, 1, !until ? -1 : left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

/*
 * Runs lvm as lvm_run_holding() does.  held -1: there is no such file.  ETIMEDOUT: lvm has not ended
 * within so many seconds; 0: no limit.
 */
static int run_within(unsigned int seconds, const char *const argv[], int held, struct lvm_said *said)
{
	const long long until = seconds ? jsonl_now_ms() + seconds * 1000ll : 0;
	int fds[2], errors, status, devnull;
	bool late = false;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	*said->out = *said->errors = 0;
	/* A pipe for the errors, too, could fill up while this process reads the other pipe. */
	errors = memfd_create("errors of lvm", MFD_CLOEXEC);
	if (errors < 0)
		return -1;
	if (pipe2(fds, O_CLOEXEC)) {
		close(errors);
		return -1;
	}
	pid = fork();
	if (!pid) {
		devnull = open("/dev/null", O_RDWR);
		dup2(held >= 0 ? held : devnull, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(errors, STDERR_FILENO);
		setenv("LVM_SUPPRESS_FD_WARNINGS", "1", 1);
		setenv("LC_ALL", "C", 1);
		setenv("PATH", LVM_PATH, 1);
		execvp("lvm", (char *const *)argv);
		dprintf(STDERR_FILENO, "cannot run lvm, looked for in " LVM_PATH ": %m");
		_exit(127);
	}
	close(fds[1]);
	while (pid > 0) {
		char rest[256];
		const size_t room = sizeof(said->out) - 1 - len;

		late = !wait_for_output(fds[0], until);
		if (late)
			break;
		n = room ? read(fds[0], said->out + len, room) : read(fds[0], rest, sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (room)
			len += n;
	}
	said->out[len] = 0;
	close(fds[0]);
	status = -1;
	/* A process that waits for a device does not end before the device answers, so do not wait. */
	if (late)
		kill(pid, SIGKILL);
	while (pid > 0 && !late && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	take_end(errors, said->errors, sizeof(said->errors));
	close(errors);
	if (late)
		return -ETIMEDOUT;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int lvm_run_holding(const char *const argv[], int held, struct lvm_said *said)
{
	return run_within(0, argv, held, said);
}

int lvm_run(const char *const argv[], struct lvm_said *said)
{
	return lvm_run_holding(argv, -1, said);
}

const char *lvm_complaint(struct lvm_said *said)
{
	if (*one_line(said->errors))
		return said->errors;
	return *one_line(said->out) ? said->out : "it printed nothing";
}

int lvm_path(const char *path, char *device, size_t size, struct err *err)
{
	char name[NAME_MAX + 1], node[PATH_MAX];
	const dev_t dev = blockdev_at(path);

	if (!dev)
		return access(path, F_OK) ? err_set(err, -errno, "cannot find %.200s: %m", path) :
					    err_set(err, -ENOTBLK, "%.200s is not a block device", path);
	/* Keep a link that LVM knows, because the user may have chosen this link on purpose. */
	if (!strncmp(path, "/dev/disk/", 10) || !strncmp(path, "/dev/mapper/", 12)) {
		snprintf(node, sizeof(node), "%s", path);
	} else {
		if (blockdev_kernel_name(dev, name, sizeof(name)))
			*name = 0;
		snprintf(node, sizeof(node), "/dev/%s", name);
	}
	if (blockdev_at(node) != dev)
		return err_set(err, -ENODEV, "%.200s is a block device without a node in /dev, which LVM would need", path);
	if (snprintf(device, size, "%s", node) >= (int)size)
		return err_set(err, -ENAMETOOLONG, "the path %.200s is too long", node);
	return 0;
}

/*
 * Returns whether pvs refuses the device because LVM must not use it.  The texts are from LVM's
 * lib/device/dev-type.c.
 */
static bool rejected(const char *said)
{
	static const char *const reasons[] = {
		"device is rejected by filter config", "device is not in devices file", "device is not in devices list",
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strstr(said, reasons[i]))
			return true;
	return false;
}

/* Makes an error with the errors of lvm. */
static int lvm_error(struct lvm_said *said, const char *asked, struct err *err)
{
	return err_set(err, -EIO, "'lvm %.150s' failed: %s", asked, lvm_complaint(said));
}

int lvm_uses(const char *device, unsigned int seconds, bool *uses, struct err *err)
{
	char asked[PATH_MAX + 8];
	struct lvm_said said;
	int code;

	code = run_within(seconds, (const char *const[]){ "lvm", "pvs", "--noheadings", device, NULL }, -1, &said);
	if (code == -ETIMEDOUT)
		return err_set(err, code, "'lvm pvs %.150s' has not ended within %u seconds; check whether a device hangs, and run this command again when it works",
			       device, seconds);
	*uses = !code;
	if (*uses || rejected(said.errors))
		return 0;
	snprintf(asked, sizeof(asked), "pvs %s", device);
	return lvm_error(&said, asked, err);
}

/*
 * Takes the answer from the output, in which warnings may precede the answer.  The answer is
 * "LVM2_VG_NAME=NAME/LVM2_VG_UUID=UUID".  Both are empty if there is no volume group.  Returns
 * false if the output contains no such answer.
 */
static bool take_vg(const char *said, struct lvm_vg *vg)
{
	static const char key[] = "LVM2_VG_NAME=";
	const char *answer = strstr(said, key);
	char uuid[64];
	size_t n = 0;

	*vg = (struct lvm_vg){ 0 };
	if (!answer)
		return false;
	if (answer[strlen(key)] == '/')
		return true;
	if (sscanf(answer, "LVM2_VG_NAME=%127[^/ \n]/LVM2_VG_UUID=%63s", vg->name, uuid) != 2)
		return false;
	for (const char *c = uuid; *c && n < sizeof(vg->uuid) - 1; c++)
		if (*c != '-')
			vg->uuid[n++] = *c;
	return n == sizeof(vg->uuid) - 1;
}

int lvm_vg_of(const char *device, struct lvm_vg *vg, struct err *err)
{
	static const char all[] = "devices{filter=[\"a|.*|\"] global_filter=[\"a|.*|\"] use_devicesfile=0}";
	char asked[PATH_MAX + 8];
	struct lvm_said said;
	int code;

	code = lvm_run((const char *const[]){ "lvm", "pvs", "--noheadings", "--nameprefixes", "--unquoted", "--config", all, "--separator", "/",
					      "-o", "vg_name,vg_uuid", device, NULL }, &said);
	if (!code && take_vg(said.out, vg))
		return 0;
	snprintf(asked, sizeof(asked), "pvs %s", device);
	return lvm_error(&said, asked, err);
}

/*
 * Runs lvmconfig, with a key in argv.  Sets *has to whether LVM's configuration contains a value
 * for the key.  If so, said->out is "KEY=VALUE".  EIO: lvmconfig has failed for another reason.
 */
static int configured(const char *const argv[], struct lvm_said *said, bool *has, struct err *err)
{
	*has = !lvm_run(argv, said);
	if (*has)
		one_line(said->out);
	return *has || strstr(said->errors, "not found") ? 0 : lvm_error(said, "lvmconfig", err);
}

int lvm_check_filter(const char *pv, const char *name, struct err *err)
{
	static const char *const ask_file[] = { "lvm", "lvmconfig", "--type", "full", "devices/use_devicesfile", NULL };
	static const char *const ask_filter[] = { "lvm", "lvmconfig", "devices/global_filter", NULL };
	static const char devices[] = "/etc/lvm/devices/system.devices";
	struct lvm_said said;
	bool has;
	int r;

	r = configured(ask_file, &said, &has, err);
	if (r)
		return r;
	if (has && strstr(said.out, "use_devicesfile=1") && !access(devices, F_OK))
		return err_set(err, -EEXIST,
			       "LVM uses %s and no filter: run 'lvmdevices --deldev %.100s', attach without --write-lvm-filter, and run 'lvmdevices --adddev /dev/mapper/%s'",
			       devices, pv, name);
	r = configured(ask_filter, &said, &has, err);
	if (r)
		return r;
	r = has ? lvm_filter_ours(LVM_FILTER_FILE, err) : 1;
	if (r < 0)
		return r;
	if (!r)
		return err_set(err, -EEXIST,
			       "LVM has a filter already, %s, which a line in " LVM_FILTER_FILE " would replace; reject %.100s there, and attach without --write-lvm-filter",
			       said.out, pv);
	return 0;
}

/* Returns whether two paths lead to the same directory.  The directory itself need not exist yet. */
static bool same_directory(const char *a, const char *b)
{
	char copy_a[PATH_MAX], copy_b[PATH_MAX], real_a[PATH_MAX], real_b[PATH_MAX];

	if (!strcmp(a, b))
		return true;
	snprintf(copy_a, sizeof(copy_a), "%s", a);
	snprintf(copy_b, sizeof(copy_b), "%s", b);
	if (!realpath(dirname(copy_a), real_a) || !realpath(dirname(copy_b), real_b))
		return false;
	return !strcmp(real_a, real_b) && !strcmp(strrchr(a, '/'), strrchr(b, '/'));
}

int lvm_check_locks(struct err *err)
{
	static const char *const ask[] = { "lvm", "lvmconfig", "--type", "full", "global/locking_dir", NULL };
	struct lvm_said said;
	char *dir, *end;
	bool has;
	int r;

	r = configured(ask, &said, &has, err);
	if (r || !has)
		return r;
	/* locking_dir="/run/lock/lvm" */
	dir = strstr(said.out, "=\"/");
	dir = dir ? dir + strlen("=\"") : NULL;
	end = dir ? strchr(dir, '"') : NULL;
	if (!end)
		return lvm_error(&said, "lvmconfig", err);
	*end = 0;
	/* A slash at the end does not name another directory. */
	while (end > dir + 1 && end[-1] == '/')
		*--end = 0;
	if (same_directory(dir, LVM_LOCK_DIR))
		return 0;
	return err_set(err, -EOPNOTSUPP,
		       "LVM's configuration sets global/locking_dir=\"%.200s\", expected \"" LVM_LOCK_DIR "\": commands of LVM could change the logical volumes while they are moved; set global/locking_dir to \"" LVM_LOCK_DIR "\" and try again",
		       dir);
}
