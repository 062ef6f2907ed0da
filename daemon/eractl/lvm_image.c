// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes, finds and drops the image of a volume as a snapshot of LVM: see lvm_image.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/dm_tables.h"
#include "common/members.h"
#include "eractl/freeze.h"
#include "eractl/lvm.h"
#include "eractl/lvm_image.h"
#include "eractl/volumes.h"

/*
 * The device-mapper UUID of a logical volume: this prefix, and 32 characters each for the volume
 * group and the logical volume.  A device inside a logical volume has a suffix after that.
 */
#define LVM_UUID_PREFIX	"LVM-"
#define LVM_UUID_CHARS	(sizeof(LVM_UUID_PREFIX) - 1 + 64)

/* Sets path to the node of the logical volume, a path that LVM knows. */
static int find_node(const char *volume, const char *origin, char *path, size_t size, struct err *err)
{
	const dev_t dev = blockdev_at(origin);
	char uuid[DM_UUID_LEN], name[DM_NAME_LEN];

	if (!dev || blockdev_attribute(dev, "dm/uuid", uuid, sizeof(uuid)) || blockdev_attribute(dev, "dm/name", name, sizeof(name)) ||
	    strncmp(uuid, LVM_UUID_PREFIX, strlen(LVM_UUID_PREFIX)) || strlen(uuid) != LVM_UUID_CHARS)
		return err_set(err, -ENOTBLK, "volume %s: its origin %.200s is not a logical volume, so LVM cannot make a snapshot of it; if logical volumes lie on the volume, as after 'eractl attach', take a snapshot of one of them with 'lvcreate -s', and give it to 'eractl backup --device'",
			       volume, origin);
	snprintf(path, size, "/dev/mapper/%s", name);
	return 0;
}

/* Makes an error with the errors of lvm. */
static int lvm_failed(const char *volume, const char *what, struct lvm_said *said, struct err *err)
{
	return err_set(err, -EIO, "volume %s: %s failed: %s", volume, what, lvm_complaint(said));
}

/* Takes the value of the key from the output of lvs with --nameprefixes, which may be empty. */
static bool take(const char *said, const char *key, char *value, size_t size)
{
	const char *at = strstr(said, key);
	size_t n;

	if (!at)
		return false;
	at += strlen(key);
	n = strcspn(at, "'");
	if (at[n] != '\'' || n >= size)
		return false;
	memcpy(value, at, n);
	value[n] = 0;
	return true;
}

int lvm_image_look(const char *volume, const char *origin, struct lvm_image *out, struct err *err)
{
	char node[sizeof("/dev/mapper/") + DM_NAME_LEN], type[64];
	struct lvm_said said;
	int r;

	*out = (struct lvm_image){ 0 };
	r = find_node(volume, origin, node, sizeof(node), err);
	if (r)
		return r;
	if (lvm_run((const char *const[]){ "lvm", "lvs", "--noheadings", "--nameprefixes", "-o", "vg_name,lv_name,segtype", node, NULL },
		    &said) ||
	    !take(said.out, "LVM2_VG_NAME='", out->vg, sizeof(out->vg)) || !take(said.out, "LVM2_LV_NAME='", out->lv, sizeof(out->lv)) ||
	    !take(said.out, "LVM2_SEGTYPE='", type, sizeof(type)))
		return lvm_failed(volume, "lvs of its origin", &said, err);
	out->thin = !strcmp(type, "thin");
	snprintf(out->name, sizeof(out->name), "%s" LVM_IMAGE_SUFFIX, out->lv);
	snprintf(out->device, sizeof(out->device), "/dev/%s/%s", out->vg, out->name);
	return lvm_image_look_again(volume, out, err);
}

int lvm_image_look_again(const char *volume, struct lvm_image *image, struct err *err)
{
	char chosen[2 * sizeof(image->name)], found[sizeof(image->name)], tags[512];
	char *rest = tags, *tag;
	struct lvm_said said;

	snprintf(chosen, sizeof(chosen), "lv_name=\"%s\" && lv_tags={\"" LVM_IMAGE_TAG "\"}", image->name);
	if (lvm_run((const char *const[]){ "lvm", "lvs", "--noheadings", "--nameprefixes", "-o", "lv_name,lv_tags", "-S", chosen, image->vg, NULL },
		    &said))
		return lvm_failed(volume, "lvs of its volume group", &said, err);
	image->there = take(said.out, "LVM2_LV_NAME='", found, sizeof(found)) && !strcmp(found, image->name);
	*image->number = 0;
	if (!image->there || !take(said.out, "LVM2_LV_TAGS='", tags, sizeof(tags)))
		return 0;
	while ((tag = strsep(&rest, ",")))
		if (!strncmp(tag, LVM_IMAGE_BACKUP_TAG, strlen(LVM_IMAGE_BACKUP_TAG)))
			snprintf(image->number, sizeof(image->number), "%.*s", (int)sizeof(image->number) - 1,
				 tag + strlen(LVM_IMAGE_BACKUP_TAG));
	return 0;
}

int lvm_image_look_at(const char *volume, struct json_object **status, struct lvm_image *out, struct err *err)
{
	const char *origin;
	int r = volume_find_status(volume, status, err);

	if (r)
		return r;
	origin = json_text(*status, "origin");
	if (json_object_object_get(*status, "image"))
		r = err_set(err, -EEXIST, "volume %s: it has an image already; run 'eractl image drop %s' to drop it", volume, volume);
	else if (origin)
		r = lvm_image_look(volume, origin, out, err);
	else
		r = err_set(err, -EBADMSG, "volume %s: the answer of erad to status has no origin", volume);
	if (r)
		json_object_put(*status);
	return r;
}

int lvm_image_check_size(const char *volume, const struct lvm_image *image, uint64_t size, struct err *err)
{
	if (!size && !image->thin)
		return err_set(err, -EINVAL, "volume %s: --size is missing: a snapshot of %s/%s, which is not a thin volume, needs a size, as in 4G",
			       volume, image->vg, image->lv);
	if (size && image->thin)
		return err_set(err, -EINVAL, "volume %s: --size was given, but %s/%s is a thin volume, whose snapshot has no size of its own; leave out --size",
			       volume, image->vg, image->lv);
	return 0;
}

static int run_lvcreate(const char *volume, const struct lvm_image_choice *choice, const struct lvm_image *image, struct err *err)
{
	char of[2 * LVM_IMAGE_NAME], sectors[32], tag[sizeof(LVM_IMAGE_BACKUP_TAG) + IMAGE_NUMBER_SIZE];
	struct lvm_said said;
	const char *argv[20];
	size_t n = 0;

	snprintf(of, sizeof(of), "%s/%s", image->vg, image->lv);
	/* lvcreate expects a multiple of 512 bytes. */
	snprintf(sectors, sizeof(sectors), "%" PRIu64 "s", (choice->size + 511) / 512);
	snprintf(tag, sizeof(tag), LVM_IMAGE_BACKUP_TAG "%s", choice->number ? choice->number : "");
	argv[n++] = "lvm";
	argv[n++] = "lvcreate";
	argv[n++] = "-s";
	argv[n++] = "-y";
	argv[n++] = "-pr";
	argv[n++] = "-n";
	argv[n++] = image->name;
	argv[n++] = "--addtag";
	argv[n++] = LVM_IMAGE_TAG;
	if (choice->number) {
		argv[n++] = "--addtag";
		argv[n++] = tag;
	}
	if (image->thin) {
		/* LVM skips the activation of a thin snapshot, unless told otherwise. */
		argv[n++] = "-kn";
	} else {
		argv[n++] = "-L";
		argv[n++] = sectors;
	}
	argv[n++] = of;
	argv[n] = NULL;
	if (lvm_run_holding(argv, choice->held, &said))
		return lvm_failed(volume, "lvcreate -s", &said, err);
	if (!blockdev_at(image->device))
		return err_set(err, -ENODEV, "volume %s: lvcreate has made %s/%s, but there is no %s; run 'eractl image drop %s' to remove the snapshot",
			       volume, image->vg, image->name, image->device, volume);
	return 0;
}

/* Freezes the file system on the volume.  Returns 0 also if no file system is mounted. */
static int begin_freeze(struct freeze *f, const char *volume, struct json_object *status, struct err *err)
{
	const char *device = json_text(status, "device"), *metadata = json_text(status, "metadata");
	/* What lvcreate and erad write during the freeze. */
	const char *away[] = { "/etc/lvm", "/etc/lvm/archive", "/etc/lvm/backup", "/run", "/run/lock/lvm", metadata, NULL };
	int r;

	if (!device || !metadata)
		return err_set(err, -ENOTCONN, "volume %s: it is closed; open it first", volume);
	r = freeze_prepare(f, device, away, err);
	if (!r)
		r = freeze_begin(f, device, err);
	return r == -ENODEV ? 0 : r;
}

int lvm_image_make(const char *volume, struct json_object *status, const struct lvm_image_choice *choice,
		   struct lvm_image *image, struct json_object **made, long long *frozen_ms, struct err *err)
{
	struct freeze freeze = { .guardian = -1 };
	struct err why;
	bool made_it;
	int r, end;

	*frozen_ms = -1;
	r = begin_freeze(&freeze, volume, status, err);
	if (r)
		return r;
	r = client_call(client_request("checkpoint", volume), NULL, NULL, made, err);
	if (r) {
		*made = NULL;
	} else if (!freeze_alive(&freeze)) {
		r = err_set(err, -EIO, "volume %s: the process that keeps the file system frozen has ended before lvcreate began, so the file system would not be clean in the snapshot; no snapshot is made; try again",
			    volume);
	} else {
		r = run_lvcreate(volume, choice, image, err);
	}
	made_it = !r;
	end = freeze_end(&freeze, frozen_ms, &why);
	if (r && end) {
		err_suffix(err, "%s", why.msg);
	} else if (end) {
		/* ETIMEDOUT, EINVAL: the guardian or somebody else has thawed the file system before. */
		r = end == -ETIMEDOUT || end == -EINVAL ?
			err_set(err, end, "volume %s: the file system on it was thawed before lvcreate had ended, so it is not clean in the snapshot; try again",
				volume) :
			err_set(err, end, "volume %s: %s", volume, why.msg);
	} else if (!r && freeze.left) {
		r = err_set(err, -EBUSY, "volume %s: the file system on it was not thawed within 10 seconds, so no snapshot is made; check whether the file system is still frozen, thaw it with 'fsfreeze -u' and its mount point, and try again",
			    volume);
	}
	if (made_it && r && lvm_image_drop(volume, image, &why))
		err_suffix(err, "the snapshot is not removed (%s); run 'eractl image drop %s' to try again", why.msg, volume);
	if (r && *made) {
		json_object_put(*made);
		*made = NULL;
	}
	return r;
}

/*
 * Refuses the removal of the image if lvremove -f would remove other logical volumes with the image,
 * without a question.  A thin snapshot of the image stays, so its role thinorigin is no reason.
 */
static int check_dependents(const char *volume, const char *name, const struct lvm_image *image, struct err *err)
{
	/*
	 * LVM gives a logical volume the role thickorigin if it has classic snapshots, and
	 * extthinorigin if it is the external origin of a thin volume in another pool.  If there are
	 * several, LVM adds a second role, for example multithickorigin, which contains the first.
	 */
	static const char *const roles[] = { "thickorigin", "extthinorigin" };
	struct lvm_said said;
	char role[256];

	if (lvm_run((const char *const[]){ "lvm", "lvs", "--noheadings", "--nameprefixes", "-o", "lv_role", name, NULL }, &said) ||
	    !take(said.out, "LVM2_LV_ROLE='", role, sizeof(role)))
		return lvm_failed(volume, "lvs of its image", &said, err);
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (strstr(role, roles[i]))
			return err_set(err, -EBUSY,
				       "volume %s: other logical volumes depend on %s, and lvremove would remove them, too; remove them first ('lvs -o name,origin %s' lists them)",
				       volume, name, image->vg);
	return 0;
}

int lvm_image_drop(const char *volume, const struct lvm_image *image, struct err *err)
{
	char name[2 * LVM_IMAGE_NAME + sizeof(LVM_IMAGE_SUFFIX)], tag[64];
	struct lvm_said said;
	int r;

	snprintf(name, sizeof(name), "%s/%s", image->vg, image->name);
	r = check_dependents(volume, name, image, err);
	if (r)
		return r;
	/*
	 * Meanwhile, somebody may have replaced the snapshot of a backup by a snapshot with the same
	 * name.  lvremove compares the tag while it holds LVM's lock, and keeps the other snapshot.
	 */
	snprintf(tag, sizeof(tag), "lv_tags={\"" LVM_IMAGE_BACKUP_TAG "%s\"}", image->number);
	return lvm_run((const char *const[]){ "lvm", "lvremove", "-f", name, *image->number ? "-S" : NULL, tag, NULL }, &said) ?
		lvm_failed(volume, "lvremove of its image", &said, err) : 0;
}
