// SPDX-License-Identifier: GPL-2.0-or-later
/* Examines all of the metadata, and writes nothing: see store_check() in store.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/state.h"
#include "store/super.h"

#define CHUNK_PAGES	256u	/* pages of the array that are read at a time: 1 MiB */

struct check {
	struct store *s;
	void (*complain)(void *ctx, const char *what);
	void *ctx;
	int faults;
};

static void report_fault(struct check *c, const char *msg)
{
	c->complain(c->ctx, msg);
	if (c->faults < INT_MAX)
		c->faults++;
}

/* Reports one fault.  index: number of the sector in the array. */
static void report_sector_fault(struct check *c, uint64_t index, const char *what, uint64_t got,
				const char *expected, uint64_t limit)
{
	const struct store *s = c->s;
	uint64_t one = 1;
	char msg[ERR_MAX];

	snprintf(msg, sizeof(msg), "%s: era array sector %" PRIu64 " (page %" PRIu64
		 " of the metadata): %s is %" PRIu64 ", expected %s%" PRIu64, s->e->name, index,
		 array_place(&s->array, ARRAY_MAIN, index / ARRAY_PAGE_SECTORS, &one), what, got, expected, limit);
	report_fault(c, msg);
}

static void check_sector(struct check *c, const struct erad_disk_eras *e, uint64_t index)
{
	const struct array *a = &c->s->array;
	const uint64_t first = index * ERAD_ERAS_PER_SECTOR;
	unsigned int i;

	if (!array_sector_valid(a, e, index)) {
		if (le32toh(e->csum) != array_sector_csum(e))
			report_sector_fault(c, index, "the checksum", le32toh(e->csum), "",
					    array_sector_csum(e));
		else if (le64toh(e->index) != index)
			report_sector_fault(c, index, "its number", le64toh(e->index), "", index);
		else
			report_sector_fault(c, index, "the volume's tag", le32toh(e->tag), "", a->tag);
		return;
	}
	for (i = 0; i < ERAD_ERAS_PER_SECTOR; i++) {
		const uint32_t era = le32toh(e->era[i]);

		if (era > c->s->era) {
			report_sector_fault(c, index, first + i < a->nr_blocks ? "the era of a block" :
					    "an entry beyond the device", era, "at most ", c->s->era);
			return;
		}
	}
}

/*
 * Checks the content of all these pages.  Reads them with one call.  If this call fails with EIO,
 * reads each page alone, and reports the pages that cannot be read.
 */
static int check_pages(struct check *c, struct erad_disk_eras *buf, uint64_t page, uint64_t nr,
		       struct err *err)
{
	struct err why = { "" };
	uint64_t i;
	int ret;

	ret = array_read(&c->s->array, ARRAY_MAIN, buf, page, nr, &why);
	if (ret == -EIO && nr == 1) {
		report_fault(c, why.msg);
		return 0;
	}
	if (ret == -EIO) {
		for (i = 0, ret = 0; i < nr && !ret; i++)
			ret = check_pages(c, buf, page + i, 1, err);
		return ret;
	}
	if (ret)
		return err_set(err, ret, "%s", why.msg);
	for (i = 0; i < nr * ARRAY_PAGE_SECTORS; i++)
		check_sector(c, &buf[i], page * ARRAY_PAGE_SECTORS + i);
	return 0;
}

static int check_array(struct check *c, struct err *err)
{
	struct array *a = &c->s->array;
	struct erad_disk_eras *buf;
	uint64_t page, nr;
	int ret = 0;

	buf = aligned_alloc(ERAD_PAGE, CHUNK_PAGES * ERAD_PAGE);
	if (!buf)
		return err_set(err, -ENOMEM, "%s: out of memory", c->s->e->name);
	for (page = 0; page < a->pages && !ret; page += nr) {
		nr = a->pages - page;
		if (nr > CHUNK_PAGES)
			nr = CHUNK_PAGES;
		if (array_hole(a, ARRAY_MAIN, page, nr))
			continue;
		ret = check_pages(c, buf, page, nr, err);
	}
	free(buf);
	return ret;
}

/*
 * Reports a superblock that is not valid although the other superblock is valid.  Every create,
 * open and close writes both superblocks, so a superblock of zeros is also damaged.
 */
static void check_supers(struct check *c)
{
	const unsigned int damaged = super_damaged(c->s->e);
	const bool a = damaged & 1;
	char msg[ERR_MAX];

	if (!damaged)
		return;
	snprintf(msg, sizeof(msg), "%s: superblock %s (page %u of the metadata) is damaged, expected a valid checksum: this check has used superblock %s, which may be the older one; 'eractl repair' writes superblock %s anew",
		 c->s->e->name, a ? "A" : "B", a ? ERAD_SUPER_A : ERAD_SUPER_B, a ? "B" : "A", a ? "A" : "B");
	report_fault(c, msg);
}

int store_check(struct engine *e, void (*complain)(void *ctx, const char *what), void *ctx,
		struct store_info *info, struct err *err)
{
	struct check c = { .complain = complain, .ctx = ctx };
	struct err why = { "" };
	char msg[ERR_MAX];
	int ret;

	/*
	 * A torn group at the end of the journal is not a fault, because the next write replaces
	 * the torn pages.
	 */
	ret = store_open(e, STORE_READ, &c.s, &why);
	if (ret == -EUCLEAN || ret == -EIO) {
		complain(ctx, why.msg);
		return 1;
	}
	if (ret)
		return err_set(err, ret, "%s", why.msg);
	if (info)
		store_info(c.s, info);
	check_supers(&c);
	if (c.s->degrade.damaged) {
		snprintf(msg, sizeof(msg), "%s: page %u is damaged, expected a degrade record or zeros: all blocks count as written",
			 c.s->e->name, ERAD_DEGRADE);
		report_fault(&c, msg);
	}
	ret = check_array(&c, err);
	store_close(c.s, false, NULL);
	return ret ? ret : c.faults;
}
