// SPDX-License-Identifier: GPL-2.0-or-later
/* Creates and serves images with the programs of QEMU: see nbd_image.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/files.h"
#include "eractl/nbd_image.h"

#define SCHEME		"qcow2:"

const char *nbd_image_path(const char *target)
{
	return strncmp(target, SCHEME, strlen(SCHEME)) ? NULL : target + strlen(SCHEME);
}

static int find_size(const char *device, uint64_t *size, struct err *err)
{
	const int fd = open(device, O_RDONLY | O_CLOEXEC);
	const off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	const int error = errno;

	if (fd >= 0)
		close(fd);
	*size = end;
	return end < 0 ? err_set(err, -error, "%s: cannot find out its size: %s", device, strerror(error)) : 0;
}

/* Runs qemu-img, which makes the file `new`.  Its own message goes to standard error. */
static int run_qemu_img(char *new, const char *path, uint64_t size, struct err *err)
{
	char bytes[24];
	char *argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", new, bytes, NULL };
	int status = 0, error;
	pid_t pid;

	snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	error = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (error == ENOENT)
		return err_set(err, -ENOENT, "%s: cannot create the image: qemu-img is missing; install the package qemu-utils", path);
	if (error)
		return err_set(err, -error, "%s: cannot run qemu-img: %s", path, strerror(error));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? err_set(err, -EIO, "%s: qemu-img cannot create the image: see its message above", path) : 0;
}

/* Durably renames the file `new` to `path`.  Replaces no file. */
static int publish(int fd, const char *new, const char *path, struct err *err)
{
	int r = fsync(fd) ? -errno : file_rename_new(new, path);

	if (r == -EEXIST)
		return err_set(err, r, "%s: another program has created the image meanwhile; run the command again", path);
	if (!r)
		r = file_sync_name(path);
	return r ? err_set(err, r, "%s: cannot create the image: %s", path, strerror(-r)) : 0;
}

int nbd_image_create(const char *target, const char *device, struct err *err)
{
	const char *path = nbd_image_path(target);
	char *new;
	uint64_t size;
	int fd, r = find_size(device, &size, err);

	if (r)
		return r;
	if (asprintf(&new, "%s.XXXXXX", path) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	/* qemu-img keeps the mode of the file, 0600, which is as for the copies in a directory. */
	fd = mkostemp(new, O_CLOEXEC);
	if (fd < 0) {
		r = err_set(err, -errno, "%s: cannot create the image: %s", path, strerror(errno));
		goto out;
	}
	r = run_qemu_img(new, path, size, err);
	if (!r)
		r = publish(fd, new, path, err);
	if (r)
		unlink(new);
	close(fd);
out:
	free(new);
	return r;
}

void nbd_image_command(const char *target, char *argv[NBD_IMAGE_ARGUMENTS])
{
	/* backup looks for zeros itself. */
	char *const command[NBD_IMAGE_ARGUMENTS] = {
		"setpriv", "--pdeathsig", "TERM", "qemu-nbd", "--format=qcow2", "--discard=unmap", "--detect-zeroes=off", "--", (char *)nbd_image_path(target), NULL,
	};

	memcpy(argv, command, sizeof(command));
}

void nbd_image_remove_socket(int fd)
{
	static const char directory[] = "/libnbd", file[] = "/sock";
	struct sockaddr_un a = { 0 };
	socklen_t len = sizeof(a) - 1;
	char *slash, *parent;

	if (getpeername(fd, (struct sockaddr *)&a, &len) || a.sun_family != AF_UNIX)
		return;
	/* Remove only what libnbd has made: the file "sock" in the directory "libnbdXXXXXX". */
	slash = strrchr(a.sun_path, '/');
	if (!slash || strcmp(slash, file))
		return;
	*slash = 0;
	parent = strrchr(a.sun_path, '/');
	if (!parent || strncmp(parent, directory, strlen(directory)))
		return;
	*slash = '/';
	unlink(a.sun_path);
	*slash = 0;
	rmdir(a.sun_path);
}
