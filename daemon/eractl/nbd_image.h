/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The target "qcow2:FILE" of backup: an image that qemu-nbd(8) serves.  eractl starts and ends
 * qemu-nbd.
 *
 * If eractl is killed, qemu-nbd ends when it has noticed the end of the connection.  Until then,
 * it keeps the image locked, and another backup fails.
 */
#ifndef ERACTL_NBD_IMAGE_H
#define ERACTL_NBD_IMAGE_H

#include <stdbool.h>

#include "common/err.h"

/* Returns the path FILE of the target "qcow2:FILE", or NULL if the target has another form. */
const char *nbd_image_path(const char *target);

/*
 * Creates an empty image with the size of the device.  ENOENT: qemu-img is not installed.  After a
 * failure, or if eractl is killed, there is no file at FILE.  A kill may leave an empty image
 * FILE.XXXXXX with random letters.
 */
int nbd_image_create(const char *target, const char *device, struct err *err);

/* Arguments of the command that serves the image.  The last one is NULL. */
#define NBD_IMAGE_ARGUMENTS	11
void nbd_image_command(const char *target, char *argv[NBD_IMAGE_ARGUMENTS]);

/*
 * Removes the path of the socket through which libnbd is connected to qemu-nbd, and its temporary
 * directory.  fd: the connection, which stays.  libnbd removes them only at the end of the
 * connection, so if eractl were killed before, they would stay.
 */
void nbd_image_remove_socket(int fd);

#endif /* ERACTL_NBD_IMAGE_H */
