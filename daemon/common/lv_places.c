// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the places of the file systems in logical volumes: see lv_places.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/lv_places.h"
#include "common/pv_layout.h"
#include "common/pv_text.h"

#define PAGE	4096u

struct pv {
	struct pv *next;
	uint64_t base;			/* start of the physical volume on the device */
	struct pv_layout layout;
	bool has_log[PV_LVS];		/* whether the file system in the logical volume has a journal */
};

struct places {
	const struct fs_reader *device;
	struct pv *pvs;
	enum fs_place wanted;		/* what is reported at present */
	struct pv *pv;			/* the physical volume that is being read */
	uint32_t lv;			/* number of the logical volume that is being read */
	bool full;			/* whether the caller has no space for further places */
};

static uint64_t map(const struct places *p, uint64_t offset, uint64_t len, uint64_t *at)
{
	return pv_layout_map(&p->pv->layout, &p->pv->layout.lv[p->lv], offset, len, at);
}

/*
 * Reads from the logical volume.  Bytes that are not on this physical volume become zeros.
 * ENODATA: the first byte is not on this physical volume.
 */
static int lv_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
	const struct places *p = ctx;
	size_t done = 0;

	while (done < len) {
		uint64_t at, part = map(p, offset + done, len - done, &at);
		int r = 0;

		if (!part && !done)
			return -ENODATA;
		if (part) {
			r = p->device->read(p->device->ctx, p->pv->base + at, (char *)buf + done, part);
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

/*
 * Reports a place if it is wanted at present.  A list of files counts as a journal.  While superblocks
 * are wanted, only notes that there is a journal, and returns false, so that fs_places() does not read
 * the journal.
 */
static bool lv_add(void *ctx, enum fs_place what, uint64_t offset, uint64_t len)
{
	struct places *p = ctx;
	const bool super = what == FS_SUPER;

	if (super != (p->wanted == FS_SUPER)) {
		p->pv->has_log[p->lv] |= !super;
		return super;
	}
	if (what == FS_SUPER && !offset)
		len = LV_HEAD;
	while (len && !p->full) {
		uint64_t at, part = map(p, offset, len, &at);

		if (part)
			p->full = !p->device->add(p->device->ctx, what, p->pv->base + at, part);
		else
			part = len < PAGE ? len : PAGE;
		offset += part;
		len -= part;
	}
	return !p->full;
}

/* Reports the superblocks, or the journals.  Takes one logical volume of each physical volume in turn. */
static void report(struct places *p, enum fs_place wanted)
{
	const struct fs_reader lv = { .read = lv_read, .add = lv_add, .ctx = p };

	p->wanted = wanted;
	for (p->lv = 0; p->lv < PV_LVS; p->lv++)
		for (p->pv = p->pvs; p->pv && !p->full; p->pv = p->pv->next)
			if (p->lv < p->pv->layout.nr_lvs && (wanted == FS_SUPER || p->pv->has_log[p->lv]))
				fs_places(&lv, 0);
}

/* Reads the layout of a physical volume.  Returns NULL if there is none, or if memory is missing. */
static struct pv *read_pv(const struct fs_reader *r, uint64_t base)
{
	struct pv_text t;
	struct pv *pv;

	if (pv_text_read(r, base, &t))
		return NULL;
	pv = calloc(1, sizeof(*pv));
	if (pv && pv_layout_parse(t.text, t.len, t.uuid, &pv->layout)) {
		free(pv);
		pv = NULL;
	}
	if (pv)
		pv->base = base;
	free(t.text);
	return pv;
}

void lv_places(const struct fs_reader *r, const uint64_t *base, unsigned int nr)
{
	struct places p = { .device = r };
	struct pv **end = &p.pvs;

	for (unsigned int i = 0; i < nr; i++) {
		*end = read_pv(r, base[i]);
		if (*end)
			end = &(*end)->next;
	}
	report(&p, FS_SUPER);
	report(&p, FS_LOG);
	while (p.pvs) {
		p.pv = p.pvs;
		p.pvs = p.pv->next;
		free(p.pv);
	}
}
