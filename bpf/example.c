// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads example.bpf.c for a volume, and loads it again for each new writeset of the volume.  Prints
 * the counts on SIGINT or SIGTERM.
 *
 * usage: example NAME ORIGIN
 *
 * NAME is the volume's name as in /sys/fs/bpf/erad.  ORIGIN is a whole disk.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "erad_maps.h"
#include "example.skel.h"

static const char *name;
static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Opens a pinned map.  Returns an fd, which the caller closes, or a negative number. */
static int open_pin(const char *pin)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", ERAD_MAPS_DIR, name, pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		fprintf(stderr, "example: cannot open %s: %m\n", path);
	return fd;
}

static int read_info(int fd, struct erad_map_info *info)
{
	const __u32 key = 0;

	return bpf_map_lookup_elem(fd, &key, info);
}

/*
 * Loads the program for the current writeset, and attaches it.  After an error, prints the error
 * and returns NULL.
 */
static struct example *load_program(int info_fd, const struct erad_map_info *info, dev_t origin)
{
	int writeset_fd = open_pin("writeset");
	struct example *e = NULL;

	if (writeset_fd < 0)
		return NULL;
	e = example__open();
	if (!e)
		goto out;
	e->rodata->major = major(origin);
	e->rodata->minor = minor(origin);
	e->rodata->block_sectors = info->block_sectors;
	if (bpf_map__reuse_fd(e->maps.info, info_fd) ||
	    bpf_map__reuse_fd(e->maps.writeset, writeset_fd) ||
	    example__load(e) || example__attach(e)) {
		fprintf(stderr, "example: cannot load the program: %m\n");
		example__destroy(e);
		e = NULL;
	}
out:
	close(writeset_fd);
	return e;
}

int main(int argc, char **argv)
{
	unsigned long long writes = 0, others = 0, unknown = 0;
	struct erad_map_info info, now;
	struct example *e;
	struct stat st;
	int info_fd;

	if (argc != 3 || stat(argv[2], &st) || !S_ISBLK(st.st_mode)) {
		fprintf(stderr, "usage: example NAME ORIGIN\n");
		return 2;
	}
	name = argv[1];
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	info_fd = open_pin("info");
	if (info_fd < 0)
		return EXIT_FAILURE;
	while (!stopped) {
		if (read_info(info_fd, &info))
			return EXIT_FAILURE;
		if (!info.writeset_id) {
			fprintf(stderr, "example: the volume has no writeset\n");
			return EXIT_FAILURE;
		}
		e = load_program(info_fd, &info, st.st_rdev);
		if (!e)
			return EXIT_FAILURE;
		printf("counting in era %u\n", info.era);
		fflush(stdout);
		do {
			usleep(100000);
		} while (!stopped && !read_info(info_fd, &now) && now.writeset_id == info.writeset_id);
		writes += e->bss->writes;
		others += e->bss->not_in_writeset;
		unknown += e->bss->unknown;
		example__destroy(e);
	}
	printf("%llu writes, %llu to blocks not in the writeset, %llu unknown\n", writes, others, unknown);
	return EXIT_SUCCESS;
}
