// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads libnbd: see nbd_library.h. */
#include <dlfcn.h>
#include <errno.h>

#include "eractl/nbd_library.h"

/*
 * The file of libnbd, and the Debian package that contains this file.  The package erad recommends
 * PACKAGE.
 */
#define FILE_NAME	"libnbd.so.0"
#define PACKAGE		"libnbd0"

struct nbd_library libnbd;

int nbd_library_load(struct err *err)
{
	struct nbd_library found = { };
	void *library;

	if (libnbd.create)
		return 0;
	library = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(err, -ENOENT, "cannot load libnbd, which connects to NBD servers: %s; install the package " PACKAGE, dlerror());
#define NBD_FUNCTION(name) \
	found.name = dlsym(library, "nbd_" #name); \
	if (!found.name) \
		goto missing;
	NBD_FUNCTIONS(NBD_FUNCTION)
#undef NBD_FUNCTION
	libnbd = found;
	return 0;
missing:
	err_set(err, -ENOENT, "libnbd is too old, or is another library: %s; install a newer package " PACKAGE, dlerror());
	dlclose(library);
	return -ENOENT;
}
