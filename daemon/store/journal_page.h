/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The format of a journal page, for the files that write and read the journal. */
#ifndef ERAD_JOURNAL_PAGE_H
#define ERAD_JOURNAL_PAGE_H

#include <stdint.h>

#include "erad_format.h"
#include "store/crc32c.h"

#define VARINT_MAX	10	/* longest encoded number in bytes */

static inline uint32_t journal_page_csum(const struct erad_disk_journal *page)
{
	return crc32c(0, (const char *)page + sizeof(page->csum),
		      sizeof(*page) - sizeof(page->csum));
}

static inline uint32_t journal_group_csum(const struct erad_disk_journal *group, unsigned int count)
{
	uint32_t crc = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		crc = crc32c(crc, group[i].payload, sizeof(group[i].payload));
	return crc;
}

#endif /* ERAD_JOURNAL_PAGE_H */
