// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Walks the tree of cgroups: see cgroups.h.  The id of a cgroup is the inode number of its
 * directory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "exporter/cgroups.h"

#define CGROUPS_MAX	4096u
#define DEPTH_MAX	16u
#define PATH_TEXT	1024u

struct walk {
	struct json_object *found;
	unsigned int nr;
	char path[PATH_TEXT];	/* path of the directory, below the root */
};

/* Visits the directory fd and all directories below it.  Closes fd. */
static void walk_directory(struct walk *w, int fd, unsigned int depth)
{
	const size_t len = strlen(w->path);
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	char id[24];

	if (!dir) {
		close(fd);
		return;
	}
	while (w->nr < CGROUPS_MAX && (e = readdir(dir))) {
		int sub;

		if (e->d_type != DT_DIR || *e->d_name == '.' ||
		    snprintf(w->path + len, sizeof(w->path) - len, "/%s", e->d_name) >= (int)(sizeof(w->path) - len))
			continue;
		snprintf(id, sizeof(id), "%" PRIu64, (uint64_t)e->d_ino);
		json_object_object_add(w->found, id, jsonl_text(w->path));
		w->nr++;
		sub = depth < DEPTH_MAX ? openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (sub >= 0)
			walk_directory(w, sub, depth + 1);
	}
	w->path[len] = 0;
	closedir(dir);
}

struct json_object *cgroups_read(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct walk w = { .found = json_object_new_object() };
	struct statfs fs;
	struct stat st;
	char id[24];

	for (size_t i = 0; w.found && i < sizeof(roots) / sizeof(*roots); i++) {
		const int fd = statfs(roots[i], &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ? -1 :
			open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (!fstat(fd, &st)) {
			snprintf(id, sizeof(id), "%" PRIu64, (uint64_t)st.st_ino);
			json_object_object_add(w.found, id, json_object_new_string("/"));
		}
		walk_directory(&w, fd, 0);
		break;
	}
	return w.found;
}
