// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks a path that a command is about to overwrite: see target_check.h. */
#include <blkid.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/eratab_use.h"
#include "common/protocol.h"
#include "common/uuid.h"
#include "eractl/target_check.h"
#include "store/engine.h"
#include "store/super.h"

/* Returns whether one of the two paths is a disk, and the other path a partition of this disk. */
static bool disk_and_partition(const char *a, const char *b)
{
	const dev_t first = blockdev_at(a), second = blockdev_at(b);
	dev_t disk_of_first, disk_of_second;

	if (!first || !second || first == second || blkid_devno_to_wholedisk(first, NULL, 0, &disk_of_first) ||
	    blkid_devno_to_wholedisk(second, NULL, 0, &disk_of_second))
		return false;
	return disk_of_first == second || disk_of_second == first;
}

/*
 * Returns EEXIST if the path, or a device that has a part in common with it, is the origin or the
 * metadata in line n.
 */
static int check_line(const struct eratab *tab, size_t n, const char *path, struct err *err)
{
	const struct eratab_entry *e = tab->line[n].entry;
	const char *use = e ? eratab_use(e, path) : NULL;

	if (e && !use && (disk_and_partition(path, e->origin) || disk_and_partition(path, e->metadata)))
		return err_set(err, -EEXIST, "%.200s has a part in common with the origin or the metadata of volume %s in line %zu of %s: name another device",
			       path, e->name, n + 1, tab->file);
	if (!use)
		return 0;
	if (!strcmp(use, "origin"))
		return err_set(err, -EEXIST,
			       "%.200s is the origin of volume %s in line %zu of %s, and erad would not record the writes: open the volume, and write to /dev/mapper/%s",
			       path, e->name, n + 1, tab->file, e->name);
	return err_set(err, -EEXIST, "%.200s is the metadata of volume %s in line %zu of %s: name another file or device", path,
		       e->name, n + 1, tab->file);
}

static int check_eratab(const char *path, struct err *err)
{
	struct eratab tab = { };
	int r;

	r = eratab_read(ERAD_TAB, &tab, err);
	for (size_t n = 0; n < tab.nr && !r; n++)
		r = check_line(&tab, n, path, err);
	eratab_free(&tab);
	return r;
}

int target_check_magic(const char *path, struct err *err)
{
	char text[UUID_TEXT_SIZE];
	uint8_t uuid[16];

	if (!super_peek_uuid(path, uuid))
		return 0;
	return err_set(err, -EEXIST,
		       "%s: it is metadata of erad with the UUID %s: name another file or device; if this metadata is not needed any more, remove the file, or write zeros to the first 8 KiB of the device",
		       path, uuid_text(uuid, text));
}

/*
 * Returns EBUSY if another process has the file or device open for writing as metadata.  Opens the
 * file or device only for reading: newer kernels refuse to open a mounted device for writing, and
 * the caller has a better message about a mounted device.
 */
static int check_lock(const char *path, struct err *err)
{
	struct engine *e;
	const int r = engine_open(path, ENGINE_READ, &e, err);

	engine_destroy(e);
	return r;
}

int target_check_data(const char *path, struct err *err)
{
	struct stat st;
	int r;

	r = check_eratab(path, err);
	/* Other kinds of files cannot be metadata, and the caller refuses them. */
	if (r || stat(path, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		return r;
	r = target_check_magic(path, err);
	return r ? r : check_lock(path, err);
}

int target_check_new(const char *path, struct err *err)
{
	char *copy = strdup(path), *dir = copy ? realpath(dirname(copy), NULL) : NULL;
	const bool in_dev = dir && (!strcmp(dir, "/dev") || !strncmp(dir, "/dev/", 5)) &&
		strcmp(dir, "/dev/shm") && strncmp(dir, "/dev/shm/", 9);

	free(copy);
	free(dir);
	if (!in_dev || !access(path, F_OK))
		return 0;
	return err_set(err, -ENODEV, "%s: there is no such device; a file in /dev would be in memory", path);
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool target_is_same(const char *a, const char *b)
{
	char *copy_a, *copy_b;
	bool same;

	if (!access(a, F_OK) || !access(b, F_OK))
		return blockdev_same_place(a, b);
	copy_a = strdup(a);
	copy_b = strdup(b);
	same = copy_a && copy_b && blockdev_same_place(dirname(copy_a), dirname(copy_b)) && !strcmp(last_name(a), last_name(b));
	free(copy_a);
	free(copy_b);
	return same;
}

int target_check_metadata(const char *path, struct err *err)
{
	struct eratab tab = { };
	int r;

	r = eratab_read(ERAD_TAB, &tab, err);
	for (size_t n = 0; n < tab.nr && !r; n++) {
		const struct eratab_entry *e = tab.line[n].entry;
		const char *use = e ? eratab_use(e, path) : NULL;

		if (use && !strcmp(use, "origin"))
			r = eratab_refuse(&tab, n, "metadata", path, use, err);
	}
	eratab_free(&tab);
	return r;
}
