// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds LVM's description of a volume group on a physical volume: see pv_text.h. */
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

#include "common/pv_text.h"

#define PAGE		4096u
#define CHUNK		(64u << 10)	/* limit for one read; a multiple of PAGE */
#define AREAS		2u		/* LVM makes at most two metadata areas on a physical volume */
#define LIMIT		(1ull << 60)	/* limit for offsets and sizes, so that sums of a few do not overflow */
#define LVM_CRC		0xf597a6cfu	/* initial value of LVM's checksums */
#define LOCN_IGNORED	1u		/* LVM does not use this metadata area at present */

/* As in LVM's lib/format_text/layout.h. */
struct disk_locn {
	__le64 offset;			/* in bytes from the start of the physical volume; 0: the end of a list */
	__le64 size;
};

struct raw_locn {
	__le64 offset;			/* in bytes from the start of the metadata area */
	__le64 size;
	__le32 checksum;
	__le32 flags;
};

struct mda_header {
	__le32 checksum;		/* checksum of the rest of the sector */
	char magic[16];
	__le32 version;
	__le64 start;			/* position of this header in bytes from the start of the physical volume */
	__le64 size;			/* size of the metadata area with this header */
	struct raw_locn text;		/* the current text */
	uint8_t rest[PV_SECTOR - 64];
} __attribute__((packed));

_Static_assert(sizeof(struct mda_header) == PV_SECTOR, "layout on disk");

static uint32_t checksum(uint32_t crc, const void *buf, size_t len)
{
	/* LVM does not invert the value before and after, as isa-l does. */
	return ~crc32_gzip_refl(~crc, buf, len);
}

/*
 * Reads bytes at any position.  Calls r->read() only for whole pages, because the reader of a device
 * uses O_DIRECT.
 */
static int read_bytes(const struct fs_reader *r, uint64_t at, void *out, size_t len)
{
	uint8_t *buf = aligned_alloc(PAGE, CHUNK);
	int ret = buf ? 0 : -ENOMEM;

	while (len && !ret) {
		const size_t skip = at % PAGE;
		const size_t part = len < CHUNK - skip ? len : CHUNK - skip;

		ret = r->read(r->ctx, at - skip, buf, (skip + part + PAGE - 1) / PAGE * PAGE);
		if (!ret)
			memcpy(out, buf + skip, part);
		out = (char *)out + part;
		at += part;
		len -= part;
	}
	free(buf);
	return ret;
}

/*
 * Reads the text of one metadata area.  base: start of the physical volume on the device.  offset:
 * start of the area on the physical volume.
 */
static int read_area(const struct fs_reader *r, uint64_t base, uint64_t offset, struct pv_text *out)
{
	static const char magic[] = " LVM2 x[5A%r0N*>";
	uint64_t area, from, len, first;
	struct mda_header h;
	uint32_t crc;
	int ret;

	ret = read_bytes(r, base + offset, &h, sizeof(h));
	if (ret)
		return ret;
	area = le64toh(h.size);
	from = le64toh(h.text.offset);
	len = le64toh(h.text.size);
	if (checksum(LVM_CRC, &h.magic, sizeof(h) - sizeof(h.checksum)) != le32toh(h.checksum) ||
	    memcmp(h.magic, magic, sizeof(h.magic)) || le32toh(h.version) != 1 || le64toh(h.start) != offset)
		return -EBADMSG;
	if (!from || !len || le32toh(h.text.flags) & LOCN_IGNORED)
		return -ENODATA;
	if (area > LIMIT || from < sizeof(h) || from >= area || len > area - sizeof(h))
		return -EBADMSG;
	if (len > PV_TEXT_MAX)
		return -EFBIG;
	out->text = malloc(len + 1);
	if (!out->text)
		return -ENOMEM;
	first = len < area - from ? len : area - from;
	ret = read_bytes(r, base + offset + from, out->text, first);
	if (!ret && first < len)
		ret = read_bytes(r, base + offset + sizeof(h), out->text + first, len - first);
	crc = ret ? 0 : checksum(LVM_CRC, out->text, len);
	if (!ret && crc != le32toh(h.text.checksum))
		ret = -EBADMSG;
	if (ret) {
		free(out->text);
		out->text = NULL;
		return ret;
	}
	out->text[len] = 0;
	out->len = strlen(out->text);
	return 0;
}

/*
 * Finds the metadata areas in the header of the physical volume: after the UUID and the size comes a
 * list of data areas, and then the list of metadata areas.  Both lists end with the offset 0.  at,
 * end: the part of the sector after the size.  Returns the number of metadata areas.
 */
static unsigned int find_areas(const uint8_t *at, const uint8_t *end, uint64_t offset[AREAS])
{
	unsigned int lists = 0, nr = 0;
	struct disk_locn l;

	for (; (size_t)(end - at) >= sizeof(l) && nr < AREAS && lists < 2; at += sizeof(l)) {
		memcpy(&l, at, sizeof(l));
		if (!l.offset)
			lists++;
		else if (lists == 1 && le64toh(l.offset) <= LIMIT)
			offset[nr++] = le64toh(l.offset);
	}
	return nr;
}

int pv_text_read(const struct fs_reader *r, uint64_t base, struct pv_text *out)
{
	const size_t uuid_size = PV_UUID_SIZE - 1;
	uint8_t start[PV_LABEL_AREA];
	uint64_t offset[AREAS];
	size_t header, sector_end, lists;
	unsigned int nr;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = read_bytes(r, base, start, sizeof(start));
	if (ret)
		return ret;
	header = pv_label_find(start, sizeof(start));
	if (!header)
		return -ENODATA;
	memcpy(out->uuid, start + header, uuid_size);
	sector_end = header / PV_SECTOR * PV_SECTOR + PV_SECTOR;
	lists = header + uuid_size + sizeof(uint64_t);
	nr = lists < sector_end ? find_areas(start + lists, start + sector_end, offset) : 0;
	ret = -ENODATA;
	for (unsigned int i = 0; i < nr; i++) {
		ret = read_area(r, base, offset[i], out);
		if (!ret)
			break;
	}
	return ret;
}
