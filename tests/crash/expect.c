// SPDX-License-Identifier: GPL-2.0-or-later
/* Computes which blocks must be reported at a point of the log, and which blocks may be reported: see expect.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

struct write_mark {
	uint32_t lo, hi;
	uint64_t offset, length;
};

static const char *text(const struct entry *e, char buf[SECTOR])
{
	memcpy(buf, e->data, e->length);
	buf[e->length] = '\0';
	return buf;
}

static bool parse_write(const char *s, struct write_mark *w)
{
	return sscanf(s, "write:%" SCNu32 ":%" SCNu32 ":%" SCNu64 ":%" SCNu64, &w->lo, &w->hi,
		      &w->offset, &w->length) == 4 && w->lo >= 1 && w->lo <= w->hi &&
	       w->hi <= MAX_ERA && w->length;
}

static void need(struct expect *x, uint64_t offset, uint64_t length, uint32_t era)
{
	uint64_t b;

	for (b = offset / x->block; b * x->block < offset + length && b < x->nr_blocks; b++)
		if (x->need[b] < era)
			x->need[b] = era;
}

/* Sets x->may. A block may be reported in each era from LO to HI of the marks of its writes. */
static void find_may(struct expect *x, const struct log *log)
{
	char buf[SECTOR];
	struct write_mark w;
	uint64_t b, mask;
	size_t i;

	for (i = 0; i < log->nr; i++) {
		const struct entry *e = &log->entries[i];

		if (e->kind != ENTRY_MARK || !parse_write(text(e, buf), &w))
			continue;
		x->only_marked = true;
		mask = w.hi == 64 ? ~0ULL : (1ULL << w.hi) - 1;
		mask &= ~0ULL << (w.lo - 1);
		for (b = w.offset / x->block; b * x->block < w.offset + w.length; b++)
			if (b < x->nr_blocks)
				x->may[b] |= mask;
	}
}

void expect_init(struct expect *x, const struct log *log, uint64_t size, uint64_t block)
{
	memset(x, 0, sizeof(*x));
	x->block = block;
	x->nr_blocks = (size + block - 1) / block;
	x->need = calloc(x->nr_blocks, sizeof(*x->need));
	x->may = calloc(x->nr_blocks, sizeof(*x->may));
	if (!x->need || !x->may)
		abort();
	find_may(x, log);
}

void expect_free(struct expect *x)
{
	free(x->need);
	free(x->may);
}

bool expect_entry(struct expect *x, const struct entry *e)
{
	const uint64_t size = x->nr_blocks * x->block;
	char buf[SECTOR];
	struct write_mark w;
	uint32_t era;

	if (e->kind != ENTRY_MARK) {
		/*
		 * The write is in the log, so it was released, and its blocks were recorded. The
		 * entry does not say in which era, so any era is right.
		 */
		if (e->length && e->offset < size)
			need(x, e->offset, e->length, 1);
		return true;
	}
	text(e, buf);
	if (sscanf(buf, "request:%" SCNu32, &era) == 1) {
		if (era > x->requested)
			x->requested = era;
	} else if (sscanf(buf, "era:%" SCNu32, &era) == 1) {
		x->acked = era;
	} else if (parse_write(buf, &w)) {
		need(x, w.offset, w.length, w.lo);
		x->completed++;
	} else if (strncmp(buf, "file:", 5) && strncmp(buf, "unlink:", 7) &&
		   strcmp(buf, "dm-log-writes-end")) {
		fprintf(stderr, "the log has a mark that nobody makes: '%s'\n", buf);
		return false;
	}
	return x->requested <= MAX_ERA;
}

bool expect_files(struct file *files, const struct entry *e, bool *any)
{
	struct file f;
	char buf[SECTOR];
	unsigned int id;

	if (e->kind != ENTRY_MARK)
		return true;
	text(e, buf);
	if (sscanf(buf, "file:%" SCNu32 ":%u:%" SCNu64, &f.lo, &id, &f.length) == 3) {
		if (id >= MAX_FILES)
			return false;
		files[id] = f;
		*any = true;
	} else if (sscanf(buf, "unlink:%u", &id) == 1) {
		if (id >= MAX_FILES)
			return false;
		files[id].lo = 0;
	}
	return true;
}
