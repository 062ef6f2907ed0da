// SPDX-License-Identifier: GPL-2.0-or-later
/* Computes SHA-256 with libgcrypt: see sha256.h. */
#include <errno.h>
#include <gcrypt.h>
#include <stdio.h>

#include "common/sha256.h"

int sha256_begin(struct sha256 *s)
{
	gcry_md_hd_t handle;
	gcry_error_t e;

	/*
	 * The first call in a process initializes the library; later calls only return the version.
	 */
	if (!gcry_check_version(NULL))
		return -ENOSYS;
	e = gcry_md_open(&handle, GCRY_MD_SHA256, 0);
	if (e)
		return gcry_err_code(e) == GPG_ERR_ENOMEM ? -ENOMEM : -ENOSYS;
	s->context = handle;
	return 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	gcry_md_write(s->context, data, len);
}

void sha256_end(struct sha256 *s, char text[SHA256_TEXT])
{
	const unsigned char *hash = gcry_md_read(s->context, GCRY_MD_SHA256);

	for (int i = 0; i < (SHA256_TEXT - 1) / 2; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	gcry_md_close(s->context);
	s->context = NULL;
}
