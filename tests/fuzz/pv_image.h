/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the start of a physical volume of LVM in memory: label, header, one metadata area, and the
 * text of the volume group.  For unit tests and fuzz targets.
 */
#ifndef ERAD_TEST_PV_IMAGE_H
#define ERAD_TEST_PV_IMAGE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PV_IMAGE_UUID	"0123456789abcdefghijABCDEFGHIJKL"
/* in the form of LVM's text */
#define PV_IMAGE_ID	"012345-6789-abcd-efgh-ijAB-CDEF-GHIJKL"
#define PV_IMAGE_AREA	4096u		/* where the metadata area begins */

/* Returns LVM's checksum of the bytes. crc: the initial value. */
static inline uint32_t pv_image_crc(uint32_t crc, const void *buf, size_t len)
{
	for (const uint8_t *p = buf; len--; p++) {
		crc ^= *p;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

static inline void pv_image_put(uint8_t *at, uint64_t v, size_t size)
{
	for (; size--; v >>= 8)
		*at++ = v;
}

/* Makes the checksum of the header of the metadata area right. */
static inline void pv_image_seal(uint8_t *image)
{
	uint8_t *h = image + PV_IMAGE_AREA;

	pv_image_put(h, pv_image_crc(0xf597a6cf, h + 4, 508), 4);
}

/*
 * Fills in the image. image: at least PV_IMAGE_AREA + area bytes, of zeros. area: size of the
 * metadata area. from: where the text begins in the area, which is a ring from byte 512 on. len: at
 * most area - 512.
 */
static inline void pv_image_make(uint8_t *image, uint64_t area, uint64_t from, const char *text, uint32_t len)
{
	uint8_t *label = image + 512, *h = image + PV_IMAGE_AREA;

	memcpy(label, "LABELONE", 8);
	label[8] = 1;
	label[20] = 32;
	memcpy(label + 24, "LVM2 001", 8);
	memcpy(label + 32, PV_IMAGE_UUID, 32);
	pv_image_put(label + 72, 1 << 20, 8);		/* one data area */
	pv_image_put(label + 104, PV_IMAGE_AREA, 8);	/* after a 0 entry, one metadata area */
	pv_image_put(label + 112, area, 8);
	memcpy(h + 4, " LVM2 x[5A%r0N*>", 16);
	pv_image_put(h + 20, 1, 4);
	pv_image_put(h + 24, PV_IMAGE_AREA, 8);
	pv_image_put(h + 32, area, 8);
	pv_image_put(h + 40, from, 8);
	pv_image_put(h + 48, len, 8);
	pv_image_put(h + 56, pv_image_crc(0xf597a6cf, text, len), 4);
	for (uint32_t i = 0; i < len; i++)
		h[from + i < area ? from + i : from + i - area + 512] = text[i];
	pv_image_seal(image);
}

#endif /* ERAD_TEST_PV_IMAGE_H */
