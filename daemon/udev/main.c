// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * erad-udev: prints for udev's rules whether a block device is the origin of a volume; see
 * 61-erad-origin.rules.  Prints ERAD_ORIGIN, the name of the volume, and ERAD_LINKS, the links of
 * the device that do not name its content.  Exits with 1 if the device is not the origin of a
 * volume.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/eratab.h"
#include "common/image.h"
#include "common/stdfds.h"

#define EXIT_USAGE	2

/* Size of the name of a device-mapper device, including the final 0. */
#define DM_NAME_SIZE	128

/*
 * Returns whether path names the device.  Compares names, because udev makes the links of the
 * device only after the rules.
 */
static bool is_named(const char *path, dev_t dev, const char *kernel_name, char *const *links)
{
	const char *name = path + strlen("/dev/");

	/* Ignore a path outside /dev, because it may lead to a file system that hangs. */
	if (strncmp(path, "/dev/", strlen("/dev/")))
		return false;
	name += strspn(name, "/");
	/*
	 * Ignore a link by UUID or label, because it leads to the volume while the volume is open.
	 */
	if (blockdev_link_names_content(name))
		return false;
	if (!strcmp(name, kernel_name))
		return true;
	for (; *links; links++)
		if (!strcmp(name, *links))
			return true;
	return blockdev_at(path) == dev;
}

/* Finds the volume whose origin in eratab is the device.  Returns true and its name, or false. */
static bool find_in_table(dev_t dev, const char *kernel_name, char *const *links, char name[DM_NAME_SIZE])
{
	struct eratab tab;
	struct err err;
	bool found = false;

	if (eratab_read(ERAD_TAB, &tab, &err)) {
		fprintf(stderr, "erad-udev: %s\n", err.msg);
		return false;
	}
	for (size_t i = 0; i < tab.nr && !found; i++) {
		const struct eratab_entry *e = tab.line[i].entry;

		if (!e || !is_named(e->origin, dev, kernel_name, links))
			continue;
		snprintf(name, DM_NAME_SIZE, "%s", e->name);
		found = true;
	}
	eratab_free(&tab);
	return found;
}

/* Finds the open volume whose origin is the device.  Returns true and its name, or false. */
static bool find_holder(dev_t dev, char name[DM_NAME_SIZE])
{
	struct dev_links holder;
	char uuid[DM_UUID_LEN];
	bool found = false;
	int r;

	dev_links_open(&holder, dev, DEV_HOLDERS);
	while (!found && (r = dev_links_next(&holder)) && r != -ENODEV) {
		if (r < 0) {
			fprintf(stderr, "erad-udev: cannot find out whether a volume lies on device %u:%u: cannot read %s: %s\n",
				major(dev), minor(dev), holder.path, strerror(-r));
			break;
		}
		if (blockdev_attribute(holder.dev, "dm/uuid", uuid, sizeof(uuid)) || !image_uuid_on_origin(uuid))
			continue;
		found = !blockdev_attribute(holder.dev, "dm/name", name, DM_NAME_SIZE);
		if (found)
			image_cut_name(name, uuid);
	}
	dev_links_close(&holder);
	return found;
}

int main(int argc, char **argv)
{
	/* For a partition: the volume that the rules have found for its disk. */
	const char *of_disk = getenv("ERAD_ORIGIN");
	unsigned int maj, min;
	char name[DM_NAME_SIZE];
	dev_t dev;

	stdfds_open();
	if (argc < 3 || sscanf(argv[1], "%u:%u", &maj, &min) != 2) {
		fputs("usage: erad-udev MAJOR:MINOR NAME [LINK]...\n"
		      "\n"
		      "Called by udev's rules: prints whether a block device is the origin of a volume.\n"
		      "NAME and the links are below /dev.\n", stderr);
		return EXIT_USAGE;
	}
	dev = makedev(maj, min);
	if (of_disk && *of_disk)
		snprintf(name, sizeof(name), "%s", of_disk);
	else if (!find_in_table(dev, argv[2], argv + 3, name) && !find_holder(dev, name))
		return EXIT_FAILURE;

	printf("ERAD_ORIGIN=%s\nERAD_LINKS=", name);
	for (int i = 3; i < argc; i++)
		if (!blockdev_link_names_content(argv[i]))
			printf("%s ", argv[i]);
	putchar('\n');
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
