// SPDX-License-Identifier: GPL-2.0-or-later
/* Pins the volumes' BPF maps: see pins.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/protocol.h"
#include "erad/base/group.h"
#include "erad/bpf/pins.h"
#include "erad_maps.h"

#define BPFFS	"/sys/fs/bpf"

struct path {
	char text[sizeof(ERAD_MAPS_DIR) + ERAD_NAME_MAX + 32];
};

/*
 * Ensures that no thread removes a directory that another thread creates.  Lock order: dir_lock,
 * then the locks that keep() of pins_sweep() takes.
 */
static pthread_mutex_t dir_lock = PTHREAD_MUTEX_INITIALIZER;
static gid_t group;		/* group of the pins; constant after pins_setup() */

static void exchange_chars(char *name, char from, char to)
{
	for (; *name; name++)
		if (*name == from)
			*name = to;
}

static struct path path_of(const char *name, const char *pin)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%s/%s%s%s", ERAD_MAPS_DIR, name, pin ? "/" : "",
		 pin ? pin : "");
	exchange_chars(p.text + sizeof(ERAD_MAPS_DIR), '.', ':');
	return p;
}

void pins_setup(void)
{
	group = group_id();
}

static int grant_access(const char *path, mode_t mode)
{
	return chown(path, 0, group) || chmod(path, mode) ? -errno : 0;
}

static int make_dir_for_group(const char *path)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	return grant_access(path, 0750);
}

int pins_make_dir(const char *name, struct err *err)
{
	struct path dir = path_of(name, NULL);
	struct statfs fs;
	int r;

	if (statfs(BPFFS, &fs) || fs.f_type != BPF_FS_MAGIC)
		return err_set(err, -ENODEV, "no bpffs is mounted on " BPFFS);
	pthread_mutex_lock(&dir_lock);
	r = make_dir_for_group(ERAD_MAPS_DIR);
	if (!r)
		r = make_dir_for_group(dir.text);
	pthread_mutex_unlock(&dir_lock);
	return r ? err_set(err, r, "cannot make %s: %s", dir.text, strerror(-r)) : 0;
}

bool pins_there(const char *name, const char *pin)
{
	struct path at = path_of(name, pin);

	return !access(at.text, F_OK);
}

int pins_put(const char *name, const char *pin, int fd, struct err *err)
{
	struct path at = path_of(name, pin), new = path_of(name, "new");
	int r;

	r = bpf_obj_pin(fd, new.text) ? -errno : 0;
	if (r == -EEXIST) {
		/* Remove a temporary pin, which may be left from an erad that was killed. */
		unlink(new.text);
		r = bpf_obj_pin(fd, new.text) ? -errno : 0;
	}
	if (!r)
		r = grant_access(new.text, 0440);
	if (!r && rename(new.text, at.text))
		r = -errno;
	if (!r)
		return 0;
	unlink(new.text);
	return err_set(err, r, "cannot pin %s: %s", at.text, strerror(-r));
}

int pins_make(const char *pin, const struct bpf_object *obj, const struct bpf_map *like,
	      uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		.map_flags = bpf_map__map_flags(like),
		.btf_fd = bpf_object__btf_fd(obj),
		.btf_key_type_id = bpf_map__btf_key_type_id(like),
		.btf_value_type_id = bpf_map__btf_value_type_id(like));
	char name[BPF_OBJ_NAME_LEN];
	int fd;

	snprintf(name, sizeof(name), "erad_%s", pin);
	fd = bpf_map_create(bpf_map__type(like), name, bpf_map__key_size(like),
			    bpf_map__value_size(like), entries, &opts);
	return fd < 0 ? -errno : fd;
}

/*
 * Returns an fd of the map that is pinned at path, if the map has the type and size of `like`.
 * Else returns a negative errno.
 */
static int open_pinned_map(const char *path, const struct bpf_map *like)
{
	struct bpf_map_info i = { 0 };
	uint32_t len = sizeof(i);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	if (!bpf_obj_get_info_by_fd(fd, &i, &len) && i.type == bpf_map__type(like) &&
	    i.key_size == bpf_map__key_size(like) && i.value_size == bpf_map__value_size(like) &&
	    i.max_entries == bpf_map__max_entries(like) && i.map_flags == bpf_map__map_flags(like))
		return fd;
	close(fd);
	return -EINVAL;
}

int pins_lasting(const char *name, const char *pin, const struct bpf_object *obj,
		 const struct bpf_map *like, int *fd, void *value, struct err *err)
{
	struct path at = path_of(name, pin);
	const uint32_t key = 0;
	int new, r;

	/*
	 * If the pin of the open map is gone, pin the map again.  Somebody may have unmounted
	 * bpffs.
	 */
	if (*fd >= 0)
		return pins_there(name, pin) ? 0 : pins_put(name, pin, *fd, err);
	new = open_pinned_map(at.text, like);
	if (new >= 0 && (!value || !bpf_map_lookup_elem(new, &key, value))) {
		*fd = new;
		return 0;
	}
	if (new >= 0)
		close(new);
	new = pins_make(pin, obj, like, bpf_map__max_entries(like));
	if (new < 0)
		return err_set(err, new, "cannot make a BPF map: %s", strerror(-new));
	r = pins_put(name, pin, new, err);
	if (r)
		close(new);
	else
		*fd = new;
	return r;
}

void pins_remove(const char *name, const char *pin)
{
	struct path at = path_of(name, pin);

	if (pin)
		unlink(at.text);
	else
		rmdir(at.text);
}

/* Removes the directory of a volume, with all pins in it. */
static void remove_dir(const char *name)
{
	struct path path = path_of(name, NULL);
	DIR *dir = opendir(path.text);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (*e->d_name != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	rmdir(path.text);
}

void pins_sweep(bool (*keep)(const char *name))
{
	DIR *dir = opendir(ERAD_MAPS_DIR);
	struct dirent *e;

	if (!dir)
		return;
	pthread_mutex_lock(&dir_lock);
	while ((e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		exchange_chars(e->d_name, ':', '.');
		if (!keep(e->d_name))
			remove_dir(e->d_name);
	}
	pthread_mutex_unlock(&dir_lock);
	closedir(dir);
}
