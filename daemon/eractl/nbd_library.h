/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of libnbd that eractl calls.
 *
 * eractl is not linked with libnbd, because the loader would load it at each start of eractl, with
 * 15 further libraries such as gnutls and libxml2.  This would more than double the time of a short
 * command.  libnbd is loaded when an NBD server is used.
 *
 * To call a further function of libnbd, add it to the list.  A direct call is an error of the linker.
 */
#ifndef ERACTL_NBD_LIBRARY_H
#define ERACTL_NBD_LIBRARY_H

#include <libnbd.h>

#include "common/err.h"

#define NBD_FUNCTIONS(F) \
	F(create) F(close) F(get_error) F(get_errno) F(set_uri_allow_local_file) \
	F(aio_connect_uri) F(aio_connect_systemd_socket_activation) F(aio_disconnect) F(aio_get_fd) F(aio_is_ready) F(aio_is_dead) F(aio_is_closed) F(poll) \
	F(get_size) F(get_block_size) F(is_read_only) F(can_zero) F(can_flush) F(can_fua) \
	F(aio_pread) F(aio_pwrite) F(aio_zero) F(aio_flush)

/* libnbd.create is nbd_create(), and so on.  The pointers have the types that libnbd.h declares. */
struct nbd_library {
#define NBD_FUNCTION(name) typeof(&nbd_##name) name;
	NBD_FUNCTIONS(NBD_FUNCTION)
#undef NBD_FUNCTION
};

/* The pointers are NULL before nbd_library_load() has succeeded. */
extern struct nbd_library libnbd;

/* Loads libnbd, unless it is loaded.  ENOENT: libnbd is not there, or is too old. */
int nbd_library_load(struct err *err);

#endif /* ERACTL_NBD_LIBRARY_H */
