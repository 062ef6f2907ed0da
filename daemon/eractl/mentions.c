// SPDX-License-Identifier: GPL-2.0-or-later
/* Warns of configuration files that name the origin of a volume, or the volume: see mentions.h. */
#include <blkid/blkid.h>
#include <ctype.h>
#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/octal.h"
#include "common/protocol.h"
#include "common/shell.h"
#include "eractl/eractl.h"
#include "eractl/mentions.h"

#define LVM_CONF	"/etc/lvm/lvm.conf"
#define LVM_DEVICES	"/etc/lvm/devices/system.devices"
#define LVM_TYPE	"LVM2_member"

/* The names that a device has in configuration files, besides its paths. */
enum tag { UUID, LABEL, PARTUUID, PARTLABEL, NR_TAGS };

static const struct {
	const char *name;	/* key of the tag in fstab, such as UUID */
	const char *directory;	/* directory of the links that udev makes */
	const char *blkid;	/* name of the value in libblkid */
} tags[NR_TAGS] = {
	[UUID] = { "UUID", "/dev/disk/by-uuid/", "UUID" },
	[LABEL] = { "LABEL", "/dev/disk/by-label/", "LABEL" },
	[PARTUUID] = { "PARTUUID", "/dev/disk/by-partuuid/", "PART_ENTRY_UUID" },
	[PARTLABEL] = { "PARTLABEL", "/dev/disk/by-partlabel/", "PART_ENTRY_NAME" },
};

struct mentions {
	const char *volume, *origin, *given;
	char path[sizeof("/dev/mapper/") + ERAD_NAME_MAX];	/* of the volume */
	/* The volume was forgotten.  A line that still names the volume must name the origin instead. */
	bool forgotten;
	char kernel_path[80];
	dev_t dev;
	/* Values of the tags of the origin; NULL: the origin has no such tag. */
	char *value[NR_TAGS];
	bool is_pv;		/* the origin is a physical volume of LVM */
	size_t found;
};

static void mention_origin(struct mentions *m)
{
	const char *value;
	blkid_probe pr = blkid_new_probe_from_filename(m->origin);

	if (!pr)
		return;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
	if (blkid_do_safeprobe(pr) >= 0) {
		for (size_t i = 0; i < NR_TAGS; i++)
			if (!blkid_probe_lookup_value(pr, tags[i].blkid, &value, NULL))
				m->value[i] = strdup(value);
		m->is_pv = !blkid_probe_lookup_value(pr, "TYPE", &value, NULL) && !strcmp(value, LVM_TYPE);
	}
	blkid_free_probe(pr);
}

/*
 * Returns whether text is the value, either unchanged or with the escapes that udev uses in the
 * name of a link.
 */
static bool is_value(const char *value, const char *text)
{
	char escaped[1024];

	if (!value)
		return false;
	if (!strcasecmp(value, text))
		return true;
	return !blkid_encode_string(value, escaped, sizeof(escaped)) && !strcmp(escaped, text);
}

/*
 * Returns whether text, such as UUID="…" or a path, names the origin.  If the volume was forgotten,
 * returns whether text is the path of the volume.
 */
static bool is_old(const struct mentions *m, const char *text)
{
	char *unquoted = strdup(text);
	size_t from, to;
	bool is = false;

	for (from = to = 0; unquoted && text[from]; from++)
		if (text[from] != '"' && text[from] != '\'')
			unquoted[to++] = text[from];
	if (!unquoted)
		return false;
	unquoted[to] = 0;
	if (m->forgotten) {
		is = !strcmp(unquoted, m->path);
		free(unquoted);
		return is;
	}
	for (size_t i = 0; i < NR_TAGS && !is; i++) {
		const size_t name = strlen(tags[i].name), directory = strlen(tags[i].directory);

		if (!strncmp(unquoted, tags[i].name, name) && unquoted[name] == '=')
			is = is_value(m->value[i], unquoted + name + 1);
		else if (!strncmp(unquoted, tags[i].directory, directory))
			is = is_value(m->value[i], unquoted + directory);
	}
	/*
	 * The loop above compares the values of links by UUID and label, because these links lead
	 * to the volume while the volume is open.  Any other path must lead to the origin.
	 */
	if (!is && *unquoted == '/')
		is = blockdev_at(unquoted) == m->dev;
	free(unquoted);
	return is;
}

/* Returns the path that a line must name in place of the path that is reported. */
static const char *new_path(const struct mentions *m)
{
	return m->forgotten ? m->origin : m->path;
}

__attribute__((format(printf, 4, 5)))
static void warn(struct mentions *m, const char *file, size_t line, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	complain(m->forgotten ? "volume %s: line %zu of %s names the volume, which does not exist any more; write there:" :
		 "volume %s: line %zu of %s names the origin; write there:", m->volume, line, file);
	for (char *rest = text, *part; (part = strsep(&rest, "\t"));) {
		print_printable(stderr, part);
		putc(rest ? '\t' : '\n', stderr);
	}
	free(text);
	m->found++;
}

/* Searches a file whose lines have fields.  field: index of the field that names a device. */
static void look_at_fields(struct mentions *m, const char *file, unsigned int field)
{
	FILE *f = fopen(file, "re");
	size_t size = 0, nr = 0;
	char *line = NULL;

	while (f && getline(&line, &size, f) >= 0) {
		char *at = line, *device;
		size_t len;

		nr++;
		line[strcspn(line, "\n")] = 0;
		at += strspn(at, " \t");
		if (*at == '#')
			continue;
		for (unsigned int i = 0; i < field; i++) {
			at += strcspn(at, " \t");
			at += strspn(at, " \t");
		}
		len = strcspn(at, " \t");
		device = strndup(at, len);
		if (device && *device && octal_unescape(device) && is_old(m, device))
			warn(m, file, nr, "%.*s%s%s", (int)(at - line), line, new_path(m), at + len);
		free(device);
	}
	free(line);
	if (f)
		fclose(f);
}

static void look_at_unit(struct mentions *m, const char *file)
{
	static const char key[] = "What";
	FILE *f = fopen(file, "re");
	size_t size = 0, nr = 0;
	char *line = NULL;

	while (f && getline(&line, &size, f) >= 0) {
		char *at = line + strspn(line, " \t");

		nr++;
		line[strcspn(line, "\n")] = 0;
		if (strncmp(at, key, strlen(key)))
			continue;
		at += strlen(key);
		at += strspn(at, " \t");
		if (*at++ != '=')
			continue;
		at += strspn(at, " \t");
		for (size_t len = strlen(at); len && isspace((unsigned char)at[len - 1]); len--)
			at[len - 1] = 0;
		if (is_old(m, at))
			warn(m, file, nr, "What=%s", new_path(m));
	}
	free(line);
	if (f)
		fclose(f);
}

/* Searches the units of mounts and swap, except units that systemd has made from fstab. */
static void look_at_units(struct mentions *m)
{
	static const char *const directories[] = {
		"/etc/systemd/system", "/run/systemd/system", "/run/systemd/transient",
		"/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
	};
	static const char *const names[] = { "*.mount", "*.swap", "*.mount.d/*.conf", "*.swap.d/*.conf" };
	char pattern[100];
	glob_t g;

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
			snprintf(pattern, sizeof(pattern), "%s/%s", directories[i], names[n]);
			if (glob(pattern, 0, NULL, &g))
				continue;
			for (size_t p = 0; p < g.gl_pathc; p++)
				look_at_unit(m, g.gl_pathv[p]);
			globfree(&g);
		}
	}
}

static void look_at_mounts(struct mentions *m)
{
	look_at_fields(m, "/etc/fstab", 0);
	look_at_fields(m, "/etc/crypttab", 1);
	look_at_units(m);
}

/* Returns where the line contains path as a whole path, or NULL. */
static const char *find_path(const char *line, const char *path)
{
	const size_t len = path ? strlen(path) : 0;

	for (const char *at = line; len && (at = strstr(at, path)); at += len)
		if (!isalnum((unsigned char)at[len]) && !strchr("_-./", at[len] ? at[len] : ' '))
			return at;
	return NULL;
}

/*
 * Searches LVM's filters for the origin.  Reports a line that accepts the origin, because the line
 * should accept the volume instead.  Sets *rejected to true if a global filter rejects the origin.
 */
static void look_at_lvm_conf(struct mentions *m, bool *rejected)
{
	const char *const paths[] = { m->origin, m->given, m->kernel_path };
	FILE *f = fopen(LVM_CONF, "re");
	size_t size = 0, nr = 0;
	char *line = NULL;

	while (f && getline(&line, &size, f) >= 0) {
		const char *start = line + strspn(line, " \t"), *at = NULL;
		size_t i;

		nr++;
		line[strcspn(line, "\n")] = 0;
		if (*start == '#')
			continue;
		for (i = 0; i < sizeof(paths) / sizeof(*paths) && !at; i++)
			at = find_path(start, paths[i]);
		if (!at)
			continue;
		if (at - start > 2 && (at[-1] == '^' ? at[-3] : at[-2]) == 'r') {
			*rejected |= !strncmp(start, "global_filter", strlen("global_filter"));
			continue;
		}
		warn(m, LVM_CONF, nr, "%.*s%s%s", (int)(at - line), line, m->path, at + strlen(paths[i - 1]));
	}
	free(line);
	if (f)
		fclose(f);
}

static void look_at_lvm(struct mentions *m)
{
	bool rejected = false;
	char *origin;

	look_at_lvm_conf(m, &rejected);
	if (!m->is_pv)
		return;
	if (!access(LVM_DEVICES, F_OK)) {
		complain("volume %s: a physical volume of LVM is on the origin; LVM must use the volume in its place:", m->volume);
		origin = shell_word(m->origin);
		if (origin)
			fprintf(stderr, "lvmdevices --deldev %s\nlvmdevices --adddev /dev/mapper/%s\n", origin, m->volume);
		free(origin);
		m->found++;
	} else if (!rejected) {
		complain("volume %s: a physical volume of LVM is on the origin; LVM must not see it there; write in the section 'devices' of "
			 LVM_CONF ":", m->volume);
		fputs("global_filter = [ \"r|^", stderr);
		print_printable(stderr, m->origin);
		fputs("$|\" ]\n", stderr);
		m->found++;
	}
}

size_t mentions_warn(const char *volume, const char *origin, const char *given)
{
	struct mentions m = { .volume = volume, .origin = origin, .given = given, .dev = blockdev_at(origin) };
	char name[64];

	if (!m.dev)
		return 0;
	snprintf(m.path, sizeof(m.path), "/dev/mapper/%s", volume);
	if (!blockdev_kernel_name(m.dev, name, sizeof(name)))
		snprintf(m.kernel_path, sizeof(m.kernel_path), "/dev/%s", name);
	mention_origin(&m);
	look_at_mounts(&m);
	look_at_lvm(&m);
	for (size_t i = 0; i < NR_TAGS; i++)
		free(m.value[i]);
	return m.found;
}

void mentions_warn_forgotten(const char *volume, const char *origin)
{
	struct mentions m = { .volume = volume, .origin = origin, .forgotten = true };

	snprintf(m.path, sizeof(m.path), "/dev/mapper/%s", volume);
	look_at_mounts(&m);
}
