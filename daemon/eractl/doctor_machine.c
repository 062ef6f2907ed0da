// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of `eractl doctor` on the machine: kernel, module, erad, group, BPF file system,
 * exporter.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/client.h"
#include "common/protocol.h"
#include "eractl/eractl.h"
#include "eractl/doctor_machine.h"
#include "erad_maps.h"
#include "erad_uapi.h"

#define MODULE		"dm-erad"
#define LOADED		"/sys/module/dm_erad"
#define ENABLED		"/etc/systemd/system/"
#define SIGNATURE	"~Module signature appended~\n"
#define ASK_MS		5000
/* Restarts erad.  Its standby serves the volumes until the new erad is ready: see erad(8). */
#define RESTART		"systemctl kill --kill-who=main -s KILL erad.service"
#define EXPORTER_PORT	9813

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* Reads the first line of a small file.  Returns false if there is no file or no line. */
static bool first_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got;

	if (!f)
		return false;
	got = fgets(line, size, f);
	if (got)
		line[strcspn(line, "\n")] = 0;
	fclose(f);
	return got;
}

static void look_at_kernel(struct findings *f, const char *release)
{
	unsigned int major = 0, minor = 0;

	sscanf(release, "%u.%u", &major, &minor);
	if (major > 6 || (major == 6 && minor >= 1))
		finding_add(f, FINDING_OK, "kernel", NULL, NULL, "Linux %s", release);
	else
		finding_add(f, FINDING_PROBLEM, "kernel", NULL, "apt install linux-image-amd64",
			    "Linux %s runs, erad needs 6.1 or later", release);
}

/*
 * Finds the path of the installed module in the list that depmod has made.  Returns false if the
 * list does not contain the module.
 */
static bool find_module(const char *release, char *path, size_t size)
{
	char list[256], line[1024];
	bool found = false;
	FILE *f;

	snprintf(list, sizeof(list), "/lib/modules/%s/modules.dep", release);
	f = fopen(list, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		char *end = strchr(line, ':');

		if (!end)
			continue;
		*end = 0;
		if (!strstr(line, "/" MODULE ".ko"))
			continue;
		snprintf(path, size, "/lib/modules/%s/%s", release, line);
		found = exists(path);
	}
	fclose(f);
	return found;
}

/* The properties of the file of an installed module.  A compressed file cannot be read. */
struct module_file {
	bool readable, is_signed;
	char version[32];
};

static void read_module(const char *path, struct module_file *m)
{
	static const char key[] = "\0version=";
	const size_t tail = strlen(SIGNATURE), name = strlen(path);
	FILE *f = fopen(path, "re");
	struct stat st;
	char *p, *at;

	*m = (struct module_file){ };
	if (!f)
		return;
	if (name > 3 && !strcmp(path + name - 3, ".ko") && !fstat(fileno(f), &st) && (size_t)st.st_size > tail) {
		p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fileno(f), 0);
		if (p != MAP_FAILED) {
			m->readable = true;
			m->is_signed = !memcmp(p + st.st_size - tail, SIGNATURE, tail);
			at = memmem(p, st.st_size, key, sizeof(key) - 1);
			if (at)
				snprintf(m->version, sizeof(m->version), "%.*s",
					 (int)(p + st.st_size - at - sizeof(key) + 1), at + sizeof(key) - 1);
			munmap(p, st.st_size);
		}
	}
	fclose(f);
}

/* Returns whether the kernel loads only signed modules whose key the kernel trusts. */
static bool wants_signature(void)
{
	char line[128];

	if (first_line("/sys/module/module/parameters/sig_enforce", line, sizeof(line)) && *line == 'Y')
		return true;
	return first_line("/sys/kernel/security/lockdown", line, sizeof(line)) && !strstr(line, "[none]");
}

static void look_at_installed(struct findings *f, const char *release, bool loaded, const char *version)
{
	char path[1400], headers[256], command[256];
	struct module_file m;

	snprintf(headers, sizeof(headers), "/lib/modules/%s/build/Makefile", release);
	if (!exists(headers)) {
		snprintf(command, sizeof(command), "apt install linux-headers-%s", release);
		finding_add(f, find_module(release, path, sizeof(path)) ? FINDING_NOTE : FINDING_PROBLEM, "headers", NULL,
			    command, "the headers of Linux %s are not installed, so DKMS cannot build the module", release);
	} else {
		finding_add(f, FINDING_OK, "headers", NULL, NULL, "/lib/modules/%s/build", release);
	}
	if (!find_module(release, path, sizeof(path))) {
		snprintf(command, sizeof(command), "dkms autoinstall -k %s", release);
		finding_add(f, FINDING_PROBLEM, "module", NULL, command, loaded ?
			    MODULE " is loaded, but not installed for Linux %s; the next boot does not load it" :
			    MODULE " is not installed for Linux %s", release);
		return;
	}
	read_module(path, &m);
	if (m.readable && !m.is_signed && wants_signature())
		finding_add(f, FINDING_PROBLEM, "module", NULL, "mokutil --import /var/lib/dkms/mok.pub && dkms install --force erad/"
			    ERAD_VERSION, "%s is not signed, and this kernel loads signed modules only", path);
	else if (!loaded && m.is_signed && wants_signature())
		finding_add(f, FINDING_NOTE, "module", NULL, "mokutil --import /var/lib/dkms/mok.pub",
			    "%s is signed; the kernel loads it only after the key has been enrolled", path);
	else
		finding_add(f, FINDING_OK, "module", NULL, NULL, "%s, %s", path, m.is_signed ? "signed" :
			    "this kernel does not ask for a signature");
	if (loaded && *version && *m.version && strcmp(version, m.version))
		finding_add(f, FINDING_NOTE, "module", NULL, NULL,
			    "version %s is loaded, version %s is installed; the next boot loads %s", version, m.version,
			    m.version);
}

static void look_at_module(struct findings *f, const char *release)
{
	const bool loaded = exists(LOADED);
	char version[32] = "";

	first_line(LOADED "/version", version, sizeof(version));
	look_at_installed(f, release, loaded, version);
	if (!loaded)
		finding_add(f, FINDING_PROBLEM, "module", NULL, "modprobe " MODULE, MODULE " is not loaded");
	else
		finding_add(f, FINDING_OK, "module", NULL, NULL, "version %s is loaded", version);
}

/*
 * Returns whether the loaded module has another protocol version than ERAD_ABI, which an erad of
 * this eractl's version expects.  If so, sets *abi to the version of the module.  Returns false if
 * the module cannot be asked: none is loaded, or the caller is not root.
 */
static bool module_differs(unsigned int *abi)
{
	struct erad_version v = { .h.size = sizeof(v) };
	int fd = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);
	bool differs;

	if (fd < 0)
		return false;
	differs = !ioctl(fd, ERAD_IOC_VERSION, &v) && v.abi != ERAD_ABI;
	close(fd);
	*abi = v.abi;
	return differs;
}

/*
 * Sets *runs to whether erad answers, and *may_start to whether an erad that is started now works
 * with the loaded module.
 */
static void look_at_daemon(struct findings *f, bool *runs, bool *may_start)
{
	struct json_object *result;
	const char *version;
	unsigned int abi;
	struct err err;
	int r;

	*may_start = !module_differs(&abi);
	r = client_ask(ERAD_SOCKET, client_request("ping", NULL), ASK_MS, &result, &err);
	*runs = !r;
	if (!*may_start)
		finding_add(f, FINDING_PROBLEM, "erad", NULL, "reboot",
			    "the loaded module has protocol version %u, the erad of version " ERAD_VERSION " expects %u; do not restart erad before the reboot, because first writes would wait until the reboot; before the reboot, 'modinfo -F version " MODULE "' must print " ERAD_VERSION " or later",
			    abi, ERAD_ABI);
	if (r == -EREMOTEIO || r == -EACCES) {
		finding_add(f, FINDING_NOTE, "erad", NULL, NULL, "its version is not known, because only root may ask for it: %s", err.msg);
	} else if (r == -ETIMEDOUT) {
		finding_add(f, FINDING_PROBLEM, "erad", NULL, "journalctl -u erad", "%s", err.msg);
	} else if (r) {
		if (*may_start)
			finding_add(f, FINDING_PROBLEM, "erad", NULL, "systemctl start erad", "%s", err.msg);
	} else {
		version = json_text(result, "version");
		if (version && strcmp(version, ERAD_VERSION))
			finding_add(f, *may_start ? FINDING_PROBLEM : FINDING_NOTE, "erad", NULL,
				    *may_start ? RESTART : NULL,
				    "version %s runs, this eractl is of version " ERAD_VERSION, version);
		else
			finding_add(f, FINDING_OK, "erad", NULL, NULL, "version " ERAD_VERSION " runs");
		json_object_put(result);
	}
	if (exists("/run/systemd/system") && !exists(ENABLED "sysinit.target.wants/erad.service"))
		finding_add(f, FINDING_PROBLEM, "erad", NULL, "systemctl enable erad", "erad is not started at boot");
}

/* Looks for the group in /etc/group only, as erad does. */
static bool group_exists(void)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *g;
	bool found = false;

	if (!file)
		return false;
	while (!found && (g = fgetgrent(file)))
		found = !strcmp(g->gr_name, ERAD_MAPS_GROUP);
	fclose(file);
	return found;
}

static void look_at_group(struct findings *f, bool runs, bool may_start)
{
	/* A running erad looks for the group every 2 seconds, so erad need not be restarted. */
	if (!group_exists())
		finding_add(f, FINDING_PROBLEM, "group", NULL, "systemd-sysusers",
			    "there is no group " ERAD_MAPS_GROUP ", so only root may ask erad for the status, and erad-exporter may not");
	else if (runs && !exists(ERAD_STATUS_SOCKET))
		finding_add(f, FINDING_PROBLEM, "group", NULL, may_start ? RESTART : "reboot",
			    "the group " ERAD_MAPS_GROUP " exists, but " ERAD_STATUS_SOCKET " does not; if the group is older than 2 seconds, erad could not make the socket, or the socket was removed");
	else
		finding_add(f, FINDING_OK, "group", NULL, NULL, "the members of " ERAD_MAPS_GROUP " may ask for the status");
}

static void look_at_bpf(struct findings *f)
{
	struct statfs fs;

	if (!statfs("/sys/fs/bpf", &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		finding_add(f, FINDING_OK, "bpf", NULL, NULL, "/sys/fs/bpf is mounted");
	else
		finding_add(f, FINDING_PROBLEM, "bpf", NULL, "mount -t bpf bpf /sys/fs/bpf",
			    "no BPF file system is mounted on /sys/fs/bpf, so others cannot see the mirror");
}

static bool exporter_answers(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(EXPORTER_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && !connect(fd, (const struct sockaddr *)&to, sizeof(to));

	if (fd >= 0)
		close(fd);
	return answers;
}

static void look_at_exporter(struct findings *f)
{
	static const char socket_unit[] = "erad-exporter.socket";
	char path[128];

	if (exporter_answers()) {
		finding_add(f, FINDING_OK, "exporter", NULL, NULL, "something listens at 127.0.0.1:%d", EXPORTER_PORT);
		return;
	}
	snprintf(path, sizeof(path), ENABLED "sockets.target.wants/%s", socket_unit);
	if (!exists(path)) {
		finding_add(f, FINDING_NOTE, "exporter", NULL, "systemctl enable --now erad-exporter.socket",
			    "erad-exporter is not enabled, so Prometheus gets no metrics");
		return;
	}
	snprintf(path, sizeof(path), ENABLED "%s.d", socket_unit);
	if (exists(path))
		finding_add(f, FINDING_NOTE, "exporter", NULL, "systemctl status erad-exporter.socket",
			    "nothing listens at 127.0.0.1:%d; another address may be set in %s", EXPORTER_PORT, path);
	else
		finding_add(f, FINDING_PROBLEM, "exporter", NULL, "systemctl start erad-exporter.socket",
			    "erad-exporter is enabled, but nothing listens at 127.0.0.1:%d", EXPORTER_PORT);
}

void doctor_machine(struct findings *f)
{
	struct utsname u;
	bool runs, may_start;

	uname(&u);
	look_at_kernel(f, u.release);
	look_at_module(f, u.release);
	look_at_daemon(f, &runs, &may_start);
	look_at_group(f, runs, may_start);
	look_at_bpf(f);
	look_at_exporter(f);
}
