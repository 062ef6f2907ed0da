// SPDX-License-Identifier: GPL-2.0-or-later
/* The state of a repair: see repair_state.h. */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/engine.h"
#include "store/repair_state.h"

void repair_init(struct repair *r)
{
	array_init(&r->array, r->e, &r->sb);
	r->journal = (struct journal){
		.e = r->e, .start = le64toh(r->sb.journal_start),
		.pages = le64toh(r->sb.journal_pages), .nr_blocks = r->array.nr_blocks,
	};
	memcpy(r->journal.uuid, r->sb.uuid, sizeof(r->journal.uuid));
	bitset_init(&r->bad, repair_sectors(r));
	bitset_init(&r->unreadable, r->array.pages);
	r->era = le32toh(r->sb.era);
}

void repair_say(struct repair *r, const char *fmt, ...)
{
	char what[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r->out->repairs++;
	r->say(r->ctx, what);
}

int repair_no_memory(struct repair *r, struct err *err)
{
	return err_set(err, -ENOMEM, "%s: out of memory", r->e->name);
}

uint64_t repair_sectors(const struct repair *r)
{
	return r->array.pages * ARRAY_PAGE_SECTORS;
}

void repair_fill_garbage(struct erad_disk_eras *page)
{
	memset(page, 0xff, ERAD_PAGE);
}
