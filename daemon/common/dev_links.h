/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists the neighbours of a block device: the devices that lie on the block device, or the devices
 * that the block device lies on.  sysfs has a directory with a link for each of them.
 *
 *	dev_links_open(&l, dev, DEV_HOLDERS);
 *	while ((r = dev_links_next(&l)) > 0)
 *		use l.dev and l.name;
 *	dev_links_close(&l);
 *	if (r < 0)
 *		-ENODEV: there is no such device; otherwise, l.path cannot be read, and the list is
 *		not complete
 */
#ifndef ERAD_DEV_LINKS_H
#define ERAD_DEV_LINKS_H

#include <dirent.h>
#include <limits.h>
#include <sys/types.h>

enum dev_links_kind {
	DEV_HOLDERS,	/* the devices that lie on the device, for example mapped devices */
	DEV_SLAVES,	/* the devices that the device lies on; a partition has none */
};

struct dev_links {
	DIR *dir;
	int error;		/* 0, or the negative errno of the first error */
	unsigned int dir_len;	/* length of the path of the directory, in bytes */
	dev_t dev;		/* the neighbour that was found last */
	/* The kernel's name of this neighbour, which is also the name of its node below /dev. */
	char name[NAME_MAX + 1];
	char path[NAME_MAX + 64];	/* of the directory; after an error, of what cannot be read */
};

/* The caller must call dev_links_close() in the end.  dev_links_next() reports the errors. */
void dev_links_open(struct dev_links *l, dev_t dev, enum dev_links_kind kind);

/*
 * Finds the next neighbour, in no particular order.  Leaves out a neighbour that has been removed
 * since the directory was read.  Returns 1, 0 if there are no more neighbours, or a negative errno,
 * which all later calls return again.  ENODEV: there is no block device `dev`, for example because
 * it has been removed, so it has no neighbours.
 */
int dev_links_next(struct dev_links *l);

void dev_links_close(struct dev_links *l);

#endif /* ERAD_DEV_LINKS_H */
