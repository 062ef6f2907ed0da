// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the search for file systems in logical volumes: the readers of LVM's metadata on a
 * physical volume, and the readers of superblocks.
 *
 * An input is a struct how, the text of LVM, a 0 byte, and further bytes, which are put at byte
 * CONTENT of the device, or behind it. The metadata area gets the right checksums, unless `how`
 * forbids this. Any sequence of bytes is an input.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/lv_places.h"
#include "common/pv_layout.h"
#include "fuzz.h"
#include "pv_image.h"

#define SIZE	(1u << 20)
#define AREA	(60u << 10)
#define CONTENT	(128u << 10)

struct how {
	uint8_t from[2];	/* where the text begins in the metadata area; little-endian */
	uint8_t patch;		/* sector that gets `value`: 0: none, 1: label, 2: area header */
	uint8_t at;		/* place of `value` in this sector, in units of 4 bytes */
	uint8_t value[8];
	uint8_t wrong;		/* 1: the checksum of the text is wrong */
	uint8_t page;		/* place of the further bytes, in pages of 4096 bytes from CONTENT on */
};

static uint8_t device[SIZE];
static uint64_t bytes_read, places;

static int read_device(void *ctx, uint64_t offset, void *buf, size_t len)
{
	(void)ctx;
	expect(len && offset % 512 == 0 && len % 512 == 0 && len <= FS_HEAD);
	if (offset >= SIZE || len > SIZE - offset)
		return -ENODATA;
	bytes_read += len;
	memcpy(buf, device + offset, len);
	return 0;
}

static bool add_place(void *ctx, enum fs_place what, uint64_t offset, uint64_t len)
{
	(void)ctx;
	(void)offset;
	expect(what == FS_SUPER || what == FS_LOG);
	expect(len && len <= FS_HEAD);
	places++;
	return true;
}

static void make_device(const struct how *how, const uint8_t *data, size_t size)
{
	const size_t text = strnlen((const char *)data, size), len = text < AREA - 512 ? text : AREA - 512;
	const uint64_t from = 512 + (how->from[0] | how->from[1] << 8) % (AREA - 512);
	uint8_t *sector = device + (how->patch == 1 ? 512 : PV_IMAGE_AREA);
	const unsigned int at = how->at % (512 / 4 - 1) * 4;
	size_t content;

	memset(device, 0, sizeof(device));
	pv_image_make(device, AREA, from, (const char *)data, len);
	if (how->patch == 1 || how->patch == 2)
		memcpy(sector + at, how->value, sizeof(how->value));
	device[PV_IMAGE_AREA + 56] ^= how->wrong;
	pv_image_seal(device);
	content = CONTENT + how->page % 32 * 4096;
	if (text < size)
		memcpy(device + content, data + text + 1, size - text - 1 < SIZE - content ? size - text - 1 : SIZE - content);
}

/*
 * Checks the limits of the layout, and that a range that pv_layout_map() returns is contiguous on
 * the device.
 */
static void check_layout(const struct pv_layout *l)
{
	expect(l->nr_lvs <= PV_LVS && l->nr_segments <= PV_SEGMENTS);
	for (uint32_t i = 0; i < l->nr_lvs; i++) {
		const struct pv_lv *lv = &l->lv[i];
		uint64_t at, next, len = pv_layout_map(l, lv, 0, FS_HEAD, &at);

		expect(lv->nr && lv->nr <= PV_LV_SEGMENTS && lv->first + lv->nr <= l->nr_segments);
		expect(len && len <= FS_HEAD && len % 512 == 0);
		expect(pv_layout_map(l, lv, len - 512, 512, &next) == 512 && next == at + len - 512);
		expect(pv_layout_map(l, lv, 0, 512, &next) == 512 && next == at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fs_reader r = { .read = read_device, .add = add_place };
	static struct pv_layout layout;
	struct how how;
	char *text;
	int ret;

	if (size < sizeof(how))
		return 0;
	memcpy(&how, data, sizeof(how));
	data += sizeof(how);
	size -= sizeof(how);
	/*
	 * Copy the text to memory of its own size, so that the sanitizer notices a read beyond the
	 * end.
	 */
	text = malloc(size ? size : 1);
	expect(text);
	memcpy(text, data, size);
	ret = pv_layout_parse(text, strnlen(text, size), PV_IMAGE_UUID, &layout);
	free(text);
	expect(!ret || ((ret == -EBADMSG || ret == -ENODATA) && !layout.nr_lvs));
	check_layout(&layout);

	make_device(&how, data, size);
	bytes_read = places = 0;
	lv_places(&r, &(uint64_t){ 0 }, 1);
	expect(bytes_read <= 2 * (AREA + FS_HEAD) + PV_LVS * 2 * FS_HEAD * 2);
	expect(places <= PV_LVS * 100);
	if (!how.patch && (ret || how.wrong))
		expect(!places);
	else if (!how.patch && size && strnlen((const char *)data, size) <= AREA - 512 && strnlen((const char *)data, size))
		expect(!layout.nr_lvs == !places);
	return 0;
}
