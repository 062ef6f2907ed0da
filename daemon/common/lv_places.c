// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the places of the file systems in logical volumes: see lv_places.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/lv_places.h"
#include "common/pv_layout.h"
#include "common/pv_text.h"

#define PAGE	4096u
/* The limit of the parts of journals.  An ext4 or xfs in one segment has at most three. */
#define LOGS	(4 * PV_LVS)

struct log {
	uint64_t at, len;		/* in bytes, on the device */
};

struct places {
	const struct fs_reader *device;
	uint64_t base;			/* start of the physical volume on the device */
	const struct pv_lv *lv;		/* the logical volume that is being read */
	struct pv_layout layout;
	unsigned int nr_logs;
	struct log log[LOGS];
};

/*
 * Reads from the logical volume.  Bytes that are not on this physical volume become zeros.
 * ENODATA: the first byte is not on this physical volume.
 */
static int lv_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
	const struct places *p = ctx;
	size_t done = 0;

	while (done < len) {
		uint64_t at, part = pv_layout_map(&p->layout, p->lv, offset + done, len - done, &at);
		int r = 0;

		if (!part && !done)
			return -ENODATA;
		if (part) {
			r = p->device->read(p->device->ctx, p->base + at, (char *)buf + done, part);
		} else {
			part = len - done < PAGE ? len - done : PAGE;
			memset((char *)buf + done, 0, part);
		}
		if (r)
			return r;
		done += part;
	}
	return 0;
}

/* Reports a superblock at once, and keeps a part of a journal for later. */
static void add_part(struct places *p, enum fs_place what, uint64_t at, uint64_t len)
{
	if (what == FS_SUPER)
		p->device->add(p->device->ctx, what, at, len);
	else if (p->nr_logs < LOGS)
		p->log[p->nr_logs++] = (struct log){ .at = at, .len = len };
}

static void lv_add(void *ctx, enum fs_place what, uint64_t offset, uint64_t len)
{
	struct places *p = ctx;

	if (what == FS_SUPER && !offset)
		len = LV_HEAD;
	while (len) {
		uint64_t at, part = pv_layout_map(&p->layout, p->lv, offset, len, &at);

		if (part)
			add_part(p, what, p->base + at, part);
		else
			part = len < PAGE ? len : PAGE;
		offset += part;
		len -= part;
	}
}

void lv_places(const struct fs_reader *r, uint64_t base)
{
	const struct fs_reader reader = { .read = lv_read, .add = lv_add };
	struct fs_reader lv = reader;
	struct places *p;
	struct pv_text t;

	if (pv_text_read(r, base, &t))
		return;
	p = calloc(1, sizeof(*p));
	lv.ctx = p;
	if (p && !pv_layout_parse(t.text, t.len, t.uuid, &p->layout)) {
		p->device = r;
		p->base = base;
		for (uint32_t i = 0; i < p->layout.nr_lvs; i++) {
			p->lv = &p->layout.lv[i];
			fs_places(&lv, 0);
		}
		for (unsigned int i = 0; i < p->nr_logs; i++)
			r->add(r->ctx, FS_LOG, p->log[i].at, p->log[i].len);
	}
	free(p);
	free(t.text);
}
