/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Computes SHA-256 of data that comes in pieces. */
#ifndef ERAD_SHA256_H
#define ERAD_SHA256_H

#include <stddef.h>

#define SHA256_TEXT	65	/* size of the hash as hexadecimal text, including the final 0 */

struct sha256 {
	void *context;		/* context of libgcrypt */
};

/*
 * Returns 0, ENOMEM, or ENOSYS if libgcrypt has no SHA-256.  The caller calls sha256_end() only if
 * this returns 0.
 */
int sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);

/* Writes the hash of all added bytes to text, and frees the memory of sha256_begin(). */
void sha256_end(struct sha256 *s, char text[SHA256_TEXT]);

#endif /* ERAD_SHA256_H */
