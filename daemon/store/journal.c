// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the journal ring: sorts runs of blocks, encodes them, and appends groups of pages. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "store/crc32c.h"
#include "store/journal.h"
#include "store/journal_page.h"
#include "store/super.h"

#define PAYLOAD		sizeof(((struct erad_disk_journal *)0)->payload)

/*
 * A batch always fits into one group.  The proof: block numbers, and so also the gaps between runs,
 * are below 2^52 and take at most 8 bytes.  The lengths of ERAD_MAX_RANGES ranges of less than 2^32
 * blocks add up to less than 2^42, so a length takes at most 7 bytes.  If the next run does not fit
 * into a page, the end of the page stays unused.
 */
#define RUN_BYTES	(8 + 7)

_Static_assert(SUPER_MAX_SECTORS / 8 <= 1ULL << 52, "gaps take at most 8 bytes");
_Static_assert(ERAD_MAX_RANGES <= 1 << 10, "lengths take at most 7 bytes");
_Static_assert(ERAD_MAX_RANGES * RUN_BYTES + ERAD_GROUP_MAX * (RUN_BYTES - 1) <=
	       ERAD_GROUP_MAX * PAYLOAD, "a batch fits into a group");

void era_times_add(struct era_times *t, const struct erad_disk_journal *page)
{
	t->era = le64toh(page->time);
	if (page->flags & htole32(ERAD_J_CHECKPOINT))
		t->checkpoint = t->era;
}

static void sift_down(struct run *runs, unsigned int i, unsigned int nr)
{
	const struct run moved = runs[i];
	unsigned int child;

	for (; (child = 2 * i + 1) < nr; i = child) {
		if (child + 1 < nr && runs[child + 1].first > runs[child].first)
			child++;
		if (runs[child].first <= moved.first)
			break;
		runs[i] = runs[child];
	}
	runs[i] = moved;
}

/* Sorts with a heap sort, because qsort() may allocate. */
static void sort_runs(struct run *runs, unsigned int nr)
{
	unsigned int i;

	for (i = nr / 2; i-- > 0;)
		sift_down(runs, i, nr);
	for (i = nr; i-- > 1;) {
		struct run top = runs[0];

		runs[0] = runs[i];
		runs[i] = top;
		sift_down(runs, 0, i);
	}
}

unsigned int journal_runs(struct run *runs, const struct erad_range *r, unsigned int nr)
{
	unsigned int i, last = 0;

	for (i = 0; i < nr; i++)
		runs[i] = (struct run){ r[i].first, r[i].len };
	if (nr < 2)
		return nr;
	sort_runs(runs, nr);
	for (i = 1; i < nr; i++) {
		const uint64_t end = runs[last].first + runs[last].len;

		if (runs[i].first > end)
			runs[++last] = runs[i];
		else if (runs[i].first + runs[i].len > end)
			runs[last].len = runs[i].first + runs[i].len - runs[last].first;
	}
	return last + 1;
}

static unsigned int put_varint(uint8_t *p, uint64_t v)
{
	unsigned int n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = v | 0x80;
	p[n++] = v;
	return n;
}

unsigned int journal_encode(struct erad_disk_journal *group, const struct run *runs,
			    unsigned int nr)
{
	struct erad_disk_journal *page = group;
	unsigned int i, n, bytes = 0, nr_runs = 0;
	uint8_t run[2 * VARINT_MAX];
	uint64_t prev = 0;

	memset(page, 0, sizeof(*page));
	for (i = 0; i < nr; i++) {
		n = put_varint(run, runs[i].first - prev);
		n += put_varint(run + n, runs[i].len);
		if (n > PAYLOAD - bytes) {
			page++;
			memset(page, 0, sizeof(*page));
			bytes = 0;
			nr_runs = 0;
			n = put_varint(run, runs[i].first);
			n += put_varint(run + n, runs[i].len);
		}
		memcpy(page->payload + bytes, run, n);
		bytes += n;
		page->bytes = htole16(bytes);
		page->nr_runs = htole16(++nr_runs);
		prev = runs[i].first + runs[i].len;
	}
	return page - group + 1;
}

/* A function that reads or writes pages of the ring that follow each other on the disk. */
typedef int ring_fn(struct engine *e, void *buf, uint64_t off, uint64_t len);

static int read_ring_part(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	return e->ops->read(e, buf, off, len);
}

static int write_ring_part(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	return e->ops->write(e, buf, off, len);
}

static int write_ring_part_durably(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	return engine_write_durable(e, buf, off, len);
}

/*
 * Reads or writes pages with consecutive sequence numbers.  If the range wraps around the end of
 * the ring, uses two parts.
 */
static int ring_io(struct journal *j, ring_fn *part, void *buf, uint64_t seq, unsigned int count)
{
	char *p = buf;

	while (count) {
		const uint64_t place = seq % j->pages;
		const uint64_t off = (j->start + place) * ERAD_PAGE;
		const uint64_t n = count < j->pages - place ? count : j->pages - place;
		int ret;

		ret = part(j->e, p, off, n * ERAD_PAGE);
		if (ret)
			return ret;
		p += n * ERAD_PAGE;
		seq += n;
		count -= n;
	}
	return 0;
}

void journal_number(const struct journal *j, struct erad_disk_journal *group, unsigned int count,
		    uint64_t seq, uint32_t era, enum erad_journal_type type)
{
	const uint32_t group_csum = journal_group_csum(group, count);
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct erad_disk_journal *page = &group[i];

		page->group = htole32(group_csum);
		memcpy(page->uuid, j->uuid, sizeof(page->uuid));
		page->seq = htole64(seq + i);
		page->durable = htole64(seq);
		page->era = htole32(era);
		page->type = htole16(type);
		page->index = i;
		page->count = count;
		page->csum = htole32(journal_page_csum(page));
	}
}

int journal_write(struct journal *j, struct erad_disk_journal *group, unsigned int count,
		  uint64_t seq, bool durable)
{
	return ring_io(j, durable ? write_ring_part_durably : write_ring_part, group, seq, count);
}

int journal_rewrite(struct journal *j, uint64_t seq, unsigned int count, void *buf)
{
	int ret = ring_io(j, read_ring_part, buf, seq, count);

	if (ret)
		return ret;
	/*
	 * The first durable write may allocate memory in the kernel.  This must happen while the
	 * metadata is opened, and not later, when writes wait and memory may be short.  So make a
	 * durable write here even if it is not needed.  A disk may refuse FUA with any error, so
	 * try an ordinary write after any error.
	 */
	ret = ring_io(j, write_ring_part_durably, buf, seq, count);
	return ret ? ring_io(j, write_ring_part, buf, seq, count) : 0;
}
