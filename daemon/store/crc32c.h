/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of the metadata format. */
#ifndef ERAD_CRC32C_H
#define ERAD_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#include <isa-l/crc.h>

/*
 * Returns the standard CRC-32C of buf, or of some bytes followed by buf.  crc: the CRC-32C of the
 * bytes before buf, or 0.  The CRC-32C of "123456789" is 0xE3069283.  The inversions are here,
 * because the library's function does not invert.
 */
static inline uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
	return ~crc32_iscsi((unsigned char *)buf, (int)len, ~crc);
}

#endif /* ERAD_CRC32C_H */
