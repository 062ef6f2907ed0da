// SPDX-License-Identifier: GPL-2.0-or-later
/* What eractl says about the initramfs: see initramfs.h. */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/lvm_filter.h"
#include "eractl/initramfs.h"

#define PROGRAM	"/usr/sbin/update-initramfs"
#define IMAGES	"/boot/initrd.img-"

void initramfs_note(const char *volume)
{
	if (access(PROGRAM, X_OK))
		return;
	printf("%s: run '" INITRAMFS_UPDATE "' before the next boot, because the initramfs contains a copy of LVM's configuration\n",
	       volume);
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Finds the file of LVM's configuration that was changed last.  Returns NULL if there is none. */
static const char *find_configuration(struct timespec *changed)
{
	static const char *const files[] = { "/etc/lvm/lvm.conf", LVM_FILTER_FILE };
	const char *newest = NULL;
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (stat(files[i], &st) || (newest && is_older(&st.st_mtim, changed)))
			continue;
		newest = files[i];
		*changed = st.st_mtim;
	}
	return newest;
}

/*
 * Returns whether a kernel of this release is installed.  The image of a kernel that is not installed
 * is a left-over.
 */
static bool is_installed(const char *release)
{
	char path[300];

	snprintf(path, sizeof(path), "/lib/modules/%s", release);
	return !access(path, F_OK);
}

void initramfs_check(struct findings *f, const char *volume)
{
	struct timespec changed;
	const char *file = find_configuration(&changed);
	glob_t images;
	struct stat st;

	if (!file || access(PROGRAM, X_OK) || glob(IMAGES "*", 0, NULL, &images))
		return;
	for (size_t i = 0; i < images.gl_pathc; i++) {
		const char *path = images.gl_pathv[i];

		if (!is_installed(path + strlen(IMAGES)) || stat(path, &st) || !is_older(&st.st_mtim, &changed))
			continue;
		finding_add(f, FINDING_PROBLEM, "lvm", volume, INITRAMFS_UPDATE,
			    "%s is older than %s, so it may contain a copy of LVM's configuration that allows the origin; then the next boot may activate the volume group on the origin, and erad cannot open the volume",
			    path, file);
	}
	globfree(&images);
}
