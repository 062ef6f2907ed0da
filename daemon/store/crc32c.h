/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one checksum of the metadata format. */
#ifndef ERAD_CRC32C_H
#define ERAD_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#include <isa-l/crc.h>

/*
 * The standard CRC-32C of what crc is the checksum of, followed by buf; crc 0
 * begins ("123456789" gives 0xE3069283).  The library inverts neither way.
 */
static inline uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
	return ~crc32_iscsi((unsigned char *)buf, (int)len, ~crc);
}

#endif /* ERAD_CRC32C_H */
