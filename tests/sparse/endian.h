/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaces the C library's <endian.h> when sparse checks user space.  The C library's functions take
 * and return plain integers, so sparse would not distinguish them from __le32 and the other types
 * of <linux/types.h>.  These functions have these types.
 */
#ifndef ERAD_TESTS_ENDIAN_H
#define ERAD_TESTS_ENDIAN_H

#include_next <endian.h>

#include <linux/types.h>

#undef htole16
#undef htole32
#undef htole64
#undef htobe16
#undef htobe32
#undef htobe64
#undef le16toh
#undef le32toh
#undef le64toh
#undef be16toh
#undef be32toh
#undef be64toh

__le16 htole16(__u16 n);
__le32 htole32(__u32 n);
__le64 htole64(__u64 n);
__be16 htobe16(__u16 n);
__be32 htobe32(__u32 n);
__be64 htobe64(__u64 n);
__u16 le16toh(__le16 n);
__u32 le32toh(__le32 n);
__u64 le64toh(__le64 n);
__u16 be16toh(__be16 n);
__u32 be32toh(__be32 n);
__u64 be64toh(__be64 n);

#endif /* ERAD_TESTS_ENDIAN_H */
