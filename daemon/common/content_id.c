// SPDX-License-Identifier: GPL-2.0-or-later
/* Recognizes what is at the start of a device, and its UUID: see content_id.h. */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc64.h>

#include "common/content_id.h"
#include "common/files.h"

#define PAGE		4096u
/* Number of bytes that are read: up to the end of the superblock of btrfs. */
#define HEAD_READ	((64u << 10) + PAGE)

/*
 * The first row that matches decides.  Rows with a short magic, and rows of what often stays behind
 * when a device is formatted anew, come last.
 */
static const struct {
	enum content_kind kind;
	uint32_t magic_at, magic_len;
	const char *magic;
	uint32_t id_at, id_len;
} rows[] = {
	{ CONTENT_LUKS, 0, 6, "LUKS\xba\xbe", 168, 40 },
	{ CONTENT_XFS, 0, 4, "XFSB", 32, 16 },
	{ CONTENT_BTRFS, (64 << 10) + 64, 8, "_BHRfS_M", (64 << 10) + 32, 16 },
	{ CONTENT_EXT, 1024 + 56, 2, "\x53\xef", 1024 + 104, 16 },
	{ CONTENT_F2FS, 1024, 4, "\x10\x20\xf5\xf2", 1024 + 108, 16 },
	{ CONTENT_PV, 0, 8, "LABELONE", 32, 32 },
	{ CONTENT_PV, 512, 8, "LABELONE", 512 + 32, 32 },
	{ CONTENT_PV, 1024, 8, "LABELONE", 1024 + 32, 32 },
	{ CONTENT_PV, 1536, 8, "LABELONE", 1536 + 32, 32 },
	{ CONTENT_MD, 4096, 4, "\xfc\x4e\x2b\xa9", 4096 + 16, 16 },
	{ CONTENT_MD, 0, 4, "\xfc\x4e\x2b\xa9", 16, 16 },
	{ CONTENT_SWAP, 4096 - 10, 10, "SWAPSPACE2", 1024 + 12, 16 },
	{ CONTENT_GPT, 512, 8, "EFI PART", 512 + 56, 16 },
	{ CONTENT_GPT, 4096, 8, "EFI PART", 4096 + 56, 16 },
	{ CONTENT_EXFAT, 3, 8, "EXFAT   ", 100, 4 },
	{ CONTENT_NTFS, 3, 8, "NTFS    ", 72, 8 },
	{ CONTENT_FAT, 82, 5, "FAT32", 67, 4 },
	{ CONTENT_FAT, 54, 3, "FAT", 39, 4 },
	{ CONTENT_MBR, 510, 2, "\x55\xaa", 440, 4 },
};

static const char *const kind_text[NR_CONTENT_KINDS] = {
	[CONTENT_LUKS] = "LUKS", [CONTENT_XFS] = "xfs", [CONTENT_BTRFS] = "btrfs", [CONTENT_EXT] = "ext4",
	[CONTENT_F2FS] = "f2fs", [CONTENT_PV] = "LVM", [CONTENT_MD] = "md", [CONTENT_SWAP] = "swap",
	[CONTENT_GPT] = "a GPT", [CONTENT_EXFAT] = "exfat", [CONTENT_NTFS] = "NTFS", [CONTENT_FAT] = "FAT",
	[CONTENT_MBR] = "an MBR",
};

/*
 * Returns whether the superblock of ext2 to ext4 has a known revision and block size.  Its magic has
 * only 2 bytes, which other content may have by chance.
 */
static bool ext_plausible(const uint8_t *head)
{
	static const uint8_t zero[3];
	const uint8_t *revision = head + 1024 + 76, *log_block = head + 1024 + 24;

	return revision[0] <= 1 && !memcmp(revision + 1, zero, 3) && log_block[0] <= 6 && !memcmp(log_block + 1, zero, 3);
}

static void recognize(const uint8_t *head, struct content_id *out)
{
	__le64 hash;

	out->kind = htole32(CONTENT_NONE);
	for (size_t n = 0; n < sizeof(rows) / sizeof(*rows); n++) {
		const uint8_t *id = head + rows[n].id_at;

		if (memcmp(head + rows[n].magic_at, rows[n].magic, rows[n].magic_len) ||
		    (rows[n].kind == CONTENT_EXT && !ext_plausible(head)))
			continue;
		out->kind = htole32(rows[n].kind);
		if (rows[n].id_len <= sizeof(out->id)) {
			memcpy(out->id, id, rows[n].id_len);
		} else {
			hash = htole64(crc64_ecma_refl(0, id, rows[n].id_len));
			memcpy(out->id, id, 8);
			memcpy(out->id + 8, &hash, 8);
		}
		return;
	}
}

int content_id_read(int fd, struct content_id *out)
{
	uint8_t *head = aligned_alloc(PAGE, HEAD_READ);
	size_t done;
	int r;

	memset(out, 0, sizeof(*out));
	if (!head)
		return -ENOMEM;
	memset(head, 0, HEAD_READ);
	/* A smaller device has fewer bytes. */
	r = file_read_at(fd, head, HEAD_READ, 0, &done);
	if (!r)
		recognize(head, out);
	free(head);
	return r;
}

bool content_id_differs(const struct content_id *a, const struct content_id *b)
{
	return a->kind && b->kind && memcmp(a, b, sizeof(*a));
}

const char *content_id_text(const struct content_id *c, char buf[CONTENT_ID_TEXT])
{
	const uint32_t kind = le32toh(c->kind);
	const char *name = kind < NR_CONTENT_KINDS ? kind_text[kind] : NULL;
	char id[9];

	/* Some are little-endian numbers, and are shown with the highest byte first. */
	for (unsigned int i = 0; i < 4; i++)
		snprintf(id + 2 * i, 3, "%02x", c->id[kind == CONTENT_NTFS ? 7 - i : kind >= CONTENT_GPT ? 3 - i : i]);
	/* The UUIDs of LUKS and LVM are texts. */
	for (unsigned int i = 0; i < 8 && (kind == CONTENT_LUKS || kind == CONTENT_PV); i++)
		id[i] = isalnum(c->id[i]) ? (char)c->id[i] : '?';
	if (name)
		snprintf(buf, CONTENT_ID_TEXT, "%s with UUID %s…", name, id);
	else
		snprintf(buf, CONTENT_ID_TEXT, "%s", kind == CONTENT_NONE ? "no known content" : "unknown content");
	return buf;
}
