// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of `eractl doctor` on each volume of /etc/eratab: its line, its origin, other users of
 * the origin, its state.
 */
#include <blkid/blkid.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/dev_links.h"
#include "common/dm_tables.h"
#include "common/identity.h"
#include "common/image.h"
#include "common/lvm_filter.h"
#include "common/mapper_file.h"
#include "common/protocol.h"
#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/doctor_volumes.h"
#include "eractl/initramfs.h"
#include "eractl/volumes.h"

#define ASK_MS	5000

/* Reports the lines after line i that name the same origin or the same metadata. */
static void look_for_doubles(struct findings *f, const struct eratab *tab, size_t i)
{
	const struct eratab_entry *a = tab->line[i].entry, *b;
	char command[2 * ERAD_NAME_MAX + 64];
	dev_t dev = blockdev_at(a->origin);

	for (size_t j = i + 1; j < tab->nr; j++) {
		b = tab->line[j].entry;
		if (!b)
			continue;
		snprintf(command, sizeof(command), "eractl forget %s, or eractl forget %s", a->name, b->name);
		if (!strcmp(a->origin, b->origin) || (dev && dev == blockdev_at(b->origin)))
			finding_add(f, FINDING_PROBLEM, "eratab", a->name, command,
				    "volume %s has the same origin, so writes through one are not recorded for the other; keep one of them",
				    b->name);
		if (!strcmp(a->metadata, b->metadata))
			finding_add(f, FINDING_PROBLEM, "eratab", a->name, command,
				    "volume %s has the same metadata, %s; keep one of them", b->name, a->metadata);
	}
}

/* Returns whether the path may lead to another device after the next boot. */
static bool is_unstable(const char *path)
{
	return !fnmatch("/dev/[shv]d[a-z]*", path, FNM_PATHNAME) || !fnmatch("/dev/dm-[0-9]*", path, FNM_PATHNAME) ||
	       !fnmatch("/dev/nvme[0-9]*", path, FNM_PATHNAME) || !fnmatch("/dev/loop[0-9]*", path, FNM_PATHNAME);
}

static void look_at_origin(struct findings *f, const struct eratab_entry *e, dev_t dev)
{
	struct identity i;
	char *command;

	if (!dev) {
		finding_add(f, FINDING_PROBLEM, "origin", e->name, "lsblk", "%s is not there, or is not a block device",
			    e->origin);
	} else if (is_unstable(e->origin)) {
		command = finding_command("udevadm info --query=symlink", e->origin);
		finding_add(f, FINDING_NOTE, "origin", e->name, command,
			    "%s may name another device after the next boot; write a link of /dev/disk into " ERAD_TAB, e->origin);
		free(command);
	} else {
		identity_of(dev, 0, &i);
		if (identity_known(&i))
			finding_add(f, FINDING_OK, "origin", e->name, NULL, "%s", e->origin);
		else
			finding_add(f, FINDING_NOTE, "origin", e->name, NULL,
				    "%s has no serial number, WWN or UUID; if this path leads to another device later, an open notices this by the content only",
				    e->origin);
	}
}

/*
 * The tags, for example the UUID, by which fstab may name the volume.  If the volume is open, the
 * tags are read from the volume and not from the origin, because the page cache may contain old
 * pages of the origin.
 */
struct tags {
	blkid_probe probe;
	const char *uuid, *label, *type;
};

static void read_tags(const struct eratab_entry *e, struct tags *t)
{
	char mapped[sizeof("/dev/mapper/") + ERAD_NAME_MAX];

	snprintf(mapped, sizeof(mapped), "/dev/mapper/%s", e->name);
	*t = (struct tags){ .probe = blkid_new_probe_from_filename(blockdev_at(mapped) ? mapped : e->origin) };
	if (!t->probe)
		return;
	blkid_probe_enable_superblocks(t->probe, 1);
	blkid_probe_set_superblocks_flags(t->probe, BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_TYPE);
	if (blkid_do_safeprobe(t->probe))
		return;
	blkid_probe_lookup_value(t->probe, "UUID", &t->uuid, NULL);
	blkid_probe_lookup_value(t->probe, "LABEL", &t->label, NULL);
	blkid_probe_lookup_value(t->probe, "TYPE", &t->type, NULL);
}

/* Returns whether spec is KEY=value.  The value may be in quotes. */
static bool tag_is(const char *spec, const char *key, const char *value)
{
	const size_t n = strlen(key);
	char quoted[300];

	if (!value || strncmp(spec, key, n))
		return false;
	snprintf(quoted, sizeof(quoted), "\"%s\"", value);
	return !strcmp(spec + n, value) || !strcmp(spec + n, quoted);
}

static bool names_tag(const char *spec, const struct tags *t)
{
	return tag_is(spec, "UUID=", t->uuid) || tag_is(spec, "LABEL=", t->label) ||
	       (t->uuid && !strncmp(spec, "/dev/disk/by-uuid/", 18) && !strcmp(spec + 18, t->uuid)) ||
	       (t->label && !strncmp(spec, "/dev/disk/by-label/", 19) && !strcmp(spec + 19, t->label));
}

static void look_at_fstab(struct findings *f, const struct eratab_entry *e, dev_t dev, const struct tags *t)
{
	FILE *fstab = setmntent("/etc/fstab", "re");
	char mapped[sizeof("/dev/mapper/") + ERAD_NAME_MAX], command[] = "editor /etc/fstab";
	struct mntent *m;

	if (!fstab)
		return;
	snprintf(mapped, sizeof(mapped), "/dev/mapper/%s", e->name);
	while ((m = getmntent(fstab))) {
		/*
		 * A mount of /dev/mapper/NAME opens a noauto volume: see erad-generator.  A mount of a
		 * tag does not, because the link of the tag exists only while the volume is open.
		 */
		if (e->noauto && names_tag(m->mnt_fsname, t) && !hasmntopt(m, "noauto"))
			finding_add(f, FINDING_PROBLEM, "fstab", e->name, command,
				    "%s is mounted at boot by %s, for which the boot does not open a volume with the option noauto; write %s in its place, or remove noauto from " ERAD_TAB,
				    m->mnt_dir, m->mnt_fsname, mapped);
		else if (names_tag(m->mnt_fsname, t))
			finding_add(f, FINDING_NOTE, "fstab", e->name, command,
				    "%s of %s is on the origin as well as on the volume; write %s in its place",
				    m->mnt_fsname, m->mnt_dir, mapped);
		else if (dev && blockdev_at(m->mnt_fsname) == dev)
			finding_add(f, FINDING_PROBLEM, "fstab", e->name, command,
				    "%s is mounted from the origin, %s, so its writes go past erad; write %s in its place",
				    m->mnt_dir, m->mnt_fsname, mapped);
	}
	endmntent(fstab);
}

static void look_at_crypttab(struct findings *f, const struct eratab_entry *e, dev_t dev, const struct tags *t)
{
	FILE *crypttab = fopen("/etc/crypttab", "re");
	char line[1024], name[256], source[512];

	if (!crypttab)
		return;
	while (fgets(line, sizeof(line), crypttab)) {
		if (sscanf(line, "%255s %511s", name, source) != 2 || *name == '#')
			continue;
		if (names_tag(source, t))
			finding_add(f, FINDING_NOTE, "crypttab", e->name, "editor /etc/crypttab",
				    "%s of %s is on the origin as well as on the volume; write /dev/mapper/%s in its place",
				    source, name, e->name);
		else if (dev && blockdev_at(source) == dev)
			finding_add(f, FINDING_PROBLEM, "crypttab", e->name, "editor /etc/crypttab",
				    "%s is on the origin, %s, so its writes go past erad; write /dev/mapper/%s in its place",
				    name, source, e->name);
	}
	fclose(crypttab);
}

/* Reports devices on top of the origin, other than erad's own devices. */
static void look_at_holders(struct findings *f, const struct eratab_entry *e, dev_t dev, const struct tags *t)
{
	char uuid[160], name[160], command[ERAD_NAME_MAX + 32];
	struct dev_links holder;
	struct err err;
	int attached, r;

	attached = lvm_filter_has(LVM_FILTER_FILE, e->origin, &err);
	if (attached < 0) {
		finding_add(f, FINDING_PROBLEM, "lvm", e->name, NULL, "cannot tell whether the volume is attached to a physical volume: %s",
			    err.msg);
		return;
	}

	dev_links_open(&holder, dev, DEV_HOLDERS);
	while ((r = dev_links_next(&holder)) > 0) {
		if (blockdev_attribute(holder.dev, "dm/uuid", uuid, sizeof(uuid)))
			*uuid = 0;
		if (blockdev_attribute(holder.dev, "dm/name", name, sizeof(name)))
			*name = 0;
		if (image_uuid_on_origin(uuid) || !strcmp(name, e->name))
			continue;
		if (e->detaching)
			continue;
		if (attached) {
			snprintf(command, sizeof(command), "eractl detach %s", e->name);
			finding_add(f, FINDING_PROBLEM, "lvm", e->name, command,
				    "LVM uses the origin itself for /dev/%s, so writes go past erad; detach the volume, and attach it again",
				    holder.name);
			continue;
		}
		snprintf(command, sizeof(command), "lsblk /dev/%.32s", holder.name);
		if (!strncmp(uuid, "LVM-", 4))
			finding_add(f, FINDING_PROBLEM, "lvm", e->name, "vgchange -an, then set global_filter in /etc/lvm/lvm.conf",
				    "LVM uses the origin itself for /dev/%s, so writes go past erad; LVM must not see %s, only the volume",
				    holder.name, e->origin);
		else
			finding_add(f, FINDING_PROBLEM, "origin", e->name, command,
				    "/dev/%s uses the origin itself, so writes go past erad", holder.name);
	}
	dev_links_close(&holder);
	if (r < 0 && r != -ENODEV)
		finding_add(f, FINDING_PROBLEM, "origin", e->name, NULL, "cannot find out which devices use the origin itself: cannot read %s: %s",
			    holder.path, strerror(-r));
	if (attached)
		finding_add(f, FINDING_OK, "lvm", e->name, NULL, LVM_FILTER_FILE " has LVM use the volume, and not %s", e->origin);
	else if (t->type && !strcmp(t->type, "LVM2_member"))
		finding_add(f, FINDING_NOTE, "lvm", e->name, "lvmconfig devices/global_filter",
			    "the origin is a physical volume; LVM must not see %s, else LVM may activate its volume group before erad opens the volume",
			    e->origin);
	if (attached || (t->type && !strcmp(t->type, "LVM2_member")))
		initramfs_check(f, e->name);
}

static void look_at_mounts(struct findings *f, const struct eratab_entry *e, dev_t dev)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char mapped[sizeof("mount /dev/mapper/") + ERAD_NAME_MAX];
	struct mntent *m;

	snprintf(mapped, sizeof(mapped), "mount /dev/mapper/%s", e->name);

	while (mounts && (m = getmntent(mounts))) {
		char *unmount, *mount, *command = NULL;

		if (*m->mnt_fsname != '/' || blockdev_at(m->mnt_fsname) != dev)
			continue;
		unmount = finding_command("umount", m->mnt_dir);
		mount = finding_command(mapped, m->mnt_dir);
		if (unmount && mount && asprintf(&command, "%s && %s", unmount, mount) < 0)
			command = NULL;
		finding_add(f, FINDING_PROBLEM, "origin", e->name, command,
			    "the origin itself is mounted on %s, so writes go past erad", m->mnt_dir);
		free(command);
		free(mount);
		free(unmount);
	}
	if (mounts)
		endmntent(mounts);
}

/* Reports a regular file that is in the place of the volume's device node. */
static void look_at_node(struct findings *f, const struct eratab_entry *e)
{
	char command[2 * ERAD_NAME_MAX + 64], size[SIZE_EXACT];
	uint64_t bytes;

	if (!mapper_file_exists(e->name, &bytes))
		return;
	if (dm_tables_find(e->name))
		snprintf(command, sizeof(command), "mv /dev/mapper/%s /var/tmp/ && dmsetup mknodes %s", e->name, e->name);
	else
		snprintf(command, sizeof(command), "mv /dev/mapper/%s /var/tmp/", e->name);
	finding_add(f, FINDING_PROBLEM, "volume", e->name, command,
		    "/dev/mapper/%s is a regular file of %s in memory, and not the volume: a program wrote to this path while there was no device; the next boot removes the file",
		    e->name, size_exact(size, bytes));
}

/* Reports the state of a volume.  status: the answer of erad, or NULL. */
static void doctor_state(struct findings *f, const struct eratab_entry *e, struct json_object *status)
{
	struct json_object *volumes = json_object_object_get(status, "volumes");
	const size_t nr = volumes ? json_object_array_length(volumes) : 0;
	char command[ERAD_NAME_MAX + 32];

	if (e->detaching) {
		snprintf(command, sizeof(command), "eractl detach %s", e->name);
		finding_add(f, FINDING_PROBLEM, "volume", e->name, command,
			    "is being attached or detached, or an attach or a detach was interrupted; 'eractl detach' completes the detach");
	}
	for (size_t i = 0; i < nr; i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = json_text(v, "volume"), *state = json_text(v, "state"), *error = json_text(v, "error");
		const char *standby = json_text(v, "standby");

		if (!name || !state || strcmp(name, e->name))
			continue;
		if (e->detaching)
			continue;
		snprintf(command, sizeof(command), "eractl %s %s", strcmp(state, "closed") ? "status" : "open", name);
		if (!strcmp(state, "closed"))
			finding_add(f, e->noauto ? FINDING_NOTE : FINDING_PROBLEM, "volume", name, command,
				    "is closed, so writes to its origin are not recorded%s%s", error ? ": " : e->refuse_gap ?
				    "; if open refuses the volume because of gap=refuse, find out what wrote to the origin, and open the volume with --accept-gap: then every block counts as written" : "",
				    error ? error : "");
		else if (strcmp(state, "active") || error)
			finding_add(f, FINDING_PROBLEM, "volume", name, command, "is %s%s%s", state, error ? ": " : "",
				    error ? error : "");
		else
			finding_add(f, FINDING_OK, "volume", name, NULL, "is active");
		if (standby && !strcmp(standby, "serves"))
			finding_add(f, FINDING_PROBLEM, "erad", name, "systemctl start erad",
				    "erad has died, and its standby serves the volume");
	}
}

/* Reports the state of a volume's image, if there is one. */
static void look_at_image(struct findings *f, const struct eratab_entry *e)
{
	char command[ERAD_NAME_MAX + 32];
	struct image image;

	image_look(e->name, dm_tables_find(e->name), &image);
	snprintf(command, sizeof(command), "eractl image drop %s", e->name);
	switch (image.state) {
	case IMAGE_NONE:
		break;
	case IMAGE_VALID:
		finding_add(f, FINDING_OK, "image", e->name, NULL, "/dev/mapper/%s" IMAGE_SUFFIX " is valid", e->name);
		break;
	case IMAGE_INVALID:
		finding_add(f, FINDING_PROBLEM, "image", e->name, command,
			    "/dev/mapper/%s" IMAGE_SUFFIX " is invalid, because its copy-on-write store is full or failed; the volume goes on",
			    e->name);
		break;
	case IMAGE_INTERRUPTED:
		finding_add(f, FINDING_PROBLEM, "image", e->name, command,
			    "a part of an image is there, because a create or a drop was interrupted");
	}
}

void doctor_volumes(struct findings *f, const struct eratab *tab)
{
	static char *const all[] = { NULL };
	struct json_object *status = NULL;
	size_t nr = 0;

	if (client_ask(ERAD_SOCKET, client_request_volumes("status", all), ASK_MS, &status, NULL))
		status = NULL;
	for (size_t i = 0; i < tab->nr; i++) {
		const struct eratab_entry *e = tab->line[i].entry;
		struct tags tags;
		dev_t dev;

		if (tab->line[i].error)
			finding_add(f, FINDING_PROBLEM, "eratab", *tab->line[i].name ? tab->line[i].name : NULL,
				    "editor " ERAD_TAB, "%s", tab->line[i].error);
		if (!e)
			continue;
		nr++;
		dev = blockdev_at(e->origin);
		look_for_doubles(f, tab, i);
		look_at_origin(f, e, dev);
		read_tags(e, &tags);
		look_at_fstab(f, e, dev, &tags);
		look_at_crypttab(f, e, dev, &tags);
		if (dev) {
			look_at_holders(f, e, dev, &tags);
			look_at_mounts(f, e, dev);
		}
		if (tags.probe)
			blkid_free_probe(tags.probe);
		look_at_node(f, e);
		look_at_image(f, e);
		doctor_state(f, e, status);
	}
	json_object_put(status);
	if (!nr)
		finding_add(f, FINDING_NOTE, "eratab", NULL, "eractl create NAME DEVICE", ERAD_TAB " has no volume");
}
