// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the label of a physical volume: see pv_label.h. */
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdint.h>
#include <string.h>

#include "common/files.h"
#include "common/pv_label.h"

#define READ_BYTES	4096u	/* a multiple of the sector of each device */

/* As in LVM's lib/label/label.h and lib/format_text/layout.h. */
struct label {
	char id[8];		/* "LABELONE" */
	__le64 sector;
	__le32 crc;
	__le32 offset;		/* start of the physical volume's header, in bytes from the label */
	char type[8];		/* "LVM2 001" */
};

_Static_assert(sizeof(struct label) == 32, "layout on disk");

/* Returns the position of the header in the sector, or 0 if the sector is no label of LVM. */
static uint32_t find_header(const char *sector)
{
	struct label l;
	uint32_t offset;

	memcpy(&l, sector, sizeof(l));
	offset = le32toh(l.offset);
	if (memcmp(l.id, "LABELONE", sizeof(l.id)) || memcmp(l.type, "LVM2 001", sizeof(l.type)) ||
	    offset < sizeof(l) || offset > PV_SECTOR - (PV_UUID_SIZE - 1))
		return 0;
	return offset;
}

size_t pv_label_find(const void *start, size_t len)
{
	for (size_t at = 0; at + PV_SECTOR <= len && at < PV_LABEL_AREA; at += PV_SECTOR) {
		const uint32_t header = find_header((const char *)start + at);

		if (header)
			return at + header;
	}
	return 0;
}

int pv_label_uuid(int fd, char uuid[PV_UUID_SIZE], struct err *err)
{
	/* With O_DIRECT, the buffer and the length must be multiples of the sector of the device. */
	char sectors[READ_BYTES] __attribute__((aligned(READ_BYTES)));
	size_t n, header;
	int r;

	r = file_read_at(fd, sectors, sizeof(sectors), 0, &n);
	if (r)
		return err_set(err, r, "cannot read the label of LVM: %s", strerror(-r));
	header = pv_label_find(sectors, n);
	if (!header)
		return err_set(err, -ENODATA, "there is no label of LVM");
	memcpy(uuid, sectors + header, PV_UUID_SIZE - 1);
	uuid[PV_UUID_SIZE - 1] = 0;
	return 0;
}
