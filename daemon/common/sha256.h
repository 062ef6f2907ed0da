/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256, in pieces. */
#ifndef ERAD_SHA256_H
#define ERAD_SHA256_H

#include <stddef.h>

#define SHA256_TEXT	65	/* bytes of the hash as hexadecimal digits, including the final 0 */

struct sha256 {
	void *context;		/* of libgcrypt */
};

/* Returns 0, ENOMEM, or ENOSYS if libgcrypt has no SHA-256.  The caller calls sha256_end() only after 0. */
int sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);

/* Writes the hash of all bytes that were added, and frees what sha256_begin() has allocated. */
void sha256_end(struct sha256 *s, char text[SHA256_TEXT]);

#endif /* ERAD_SHA256_H */
