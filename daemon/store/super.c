// SPDX-License-Identifier: GPL-2.0-or-later
/* Validates, reads and writes the two superblock copies: see super.h. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/size.h"
#include "store/crc32c.h"
#include "store/super.h"

#define NR_COPIES	2
#define FLAGS		(ERAD_SB_CLEAN | ERAD_SB_SNAP_LASTS | ERAD_SB_SEALED)

static const char *const copy_name[NR_COPIES] = { "A", "B" };

uint64_t super_nr_blocks(uint64_t nr_sectors, uint32_t block_sectors)
{
	return nr_sectors / block_sectors + !!(nr_sectors % block_sectors);
}

uint64_t super_array_pages(uint64_t nr_blocks)
{
	return nr_blocks / ERAD_ERAS_PER_PAGE + !!(nr_blocks % ERAD_ERAS_PER_PAGE);
}

uint64_t super_array_span(uint64_t array_pages, uint32_t array_chunk)
{
	if (!array_chunk)
		return array_pages;
	return array_pages + (array_pages + array_chunk - 1) / array_chunk * array_chunk;
}

int super_check_device(uint64_t nr_sectors, uint32_t block_sectors, struct err *err)
{
	if (nr_sectors == 0 || nr_sectors > SUPER_MAX_SECTORS)
		return err_set(err, -EINVAL,
			       "the device has %" PRIu64 " sectors, expected 1 to %" PRIu64,
			       nr_sectors, (uint64_t)SUPER_MAX_SECTORS);
	if (block_sectors == 0 || block_sectors % 8)
		return err_set(err, -EINVAL,
			       "the block size is %" PRIu32 " sectors, expected a multiple of 8",
			       block_sectors);
	return 0;
}

int super_check_writable(const struct engine *e, const struct erad_disk_super *sb, uint64_t head,
			 unsigned int steps, struct err *err)
{
	const uint64_t seq = le64toh(sb->seq), max = SUPER_LAST_SEQ - steps;

	if (sb->ro_compat)
		return err_set(err, -EOPNOTSUPP,
			       "%s: it can only be read, because it has unknown features (ro_compat %#"
			       PRIx64 ")", e->name, le64toh(sb->ro_compat));
	if (seq <= max && head <= max && le64toh(sb->degrade_serial) <= max &&
	    le64toh(sb->history_seq) <= max)
		return 0;
	return err_set(err, -EOVERFLOW,
		       "%s: it can only be read, because one of its counters is close to its limit: superblock %" PRIu64
		       ", journal page %" PRIu64 ", expected at most %" PRIu64
		       "; make new metadata from it with 'eractl dump' and 'eractl restore'",
		       e->name, seq, head, max);
}

void super_set_size(struct erad_disk_super *sb, uint64_t nr_sectors)
{
	const uint64_t nr_blocks = super_nr_blocks(nr_sectors, le32toh(sb->block_sectors));

	sb->nr_sectors = htole64(nr_sectors);
	sb->nr_blocks = htole64(nr_blocks);
	sb->array_pages = htole64(super_array_pages(nr_blocks));
}

int super_check_floor(const struct erad_disk_super *sb, const char *name, uint32_t newest,
		      struct err *err)
{
	if (le32toh(sb->floor_era) <= newest)
		return 0;
	return err_set(err, -EUCLEAN, "%s: the journal ends in era %" PRIu32
		       ", expected era %" PRIu32 " or later, because the superblock says that all blocks count as written in that era",
		       name, newest, le32toh(sb->floor_era));
}

/*
 * Use the size of the device now or at the snapshot, whichever is larger.  The device may have been
 * larger when the snapshot was taken.
 */
uint64_t super_pages(const struct erad_disk_super *sb)
{
	uint64_t pages = le64toh(sb->array_pages), snap;

	if (sb->snap_era) {
		snap = super_array_pages(super_nr_blocks(le64toh(sb->snap_nr_sectors),
							 le32toh(sb->block_sectors)));
		if (snap > pages)
			pages = snap;
	}
	return le64toh(sb->array_start) + super_array_span(pages, le32toh(sb->array_chunk));
}

void super_init(struct erad_disk_super *sb, const uint8_t uuid[16], uint64_t nr_sectors,
		uint32_t block_sectors, uint64_t journal_pages, uint32_t array_chunk)
{
	memset(sb, 0, sizeof(*sb));
	sb->version = htole32(ERAD_FORMAT_VERSION);
	sb->incompat = htole64(ERAD_INCOMPAT_HISTORY);
	memcpy(sb->magic, ERAD_SUPER_MAGIC, sizeof(sb->magic));
	memcpy(sb->uuid, uuid, sizeof(sb->uuid));
	sb->block_sectors = htole32(block_sectors);
	super_set_size(sb, nr_sectors);
	sb->journal_start = htole64(ERAD_JOURNAL_START);
	sb->journal_pages = htole64(journal_pages);
	sb->array_start = htole64(ERAD_JOURNAL_START + journal_pages);
	sb->array_chunk = htole32(array_chunk);
	sb->flags = htole32(ERAD_SB_CLEAN);
}

static uint32_t super_csum(const struct erad_disk_super *sb)
{
	return crc32c(0, (const char *)sb + sizeof(sb->csum), sizeof(*sb) - sizeof(sb->csum));
}

static int wrong_field(struct err *err, const char *what, uint64_t got, uint64_t expected)
{
	return err_set(err, -EUCLEAN, "%s is %" PRIu64 ", expected %" PRIu64, what, got, expected);
}

static int refuse_above(struct err *err, const char *what, uint64_t got, uint64_t max)
{
	return err_set(err, -EUCLEAN, "%s is %" PRIu64 ", expected at most %" PRIu64,
		       what, got, max);
}

/*
 * Checks every field of a copy whose checksum is valid.  Each check relies on the checks before it.
 */
static int check_fields(const struct erad_disk_super *sb, unsigned int copy, uint64_t size,
			struct err *err)
{
	const uint64_t nr_sectors = le64toh(sb->nr_sectors);
	const uint32_t block_sectors = le32toh(sb->block_sectors);
	const uint64_t journal_pages = le64toh(sb->journal_pages);
	const bool history = sb->incompat & htole64(ERAD_INCOMPAT_HISTORY);
	const uint64_t journal_start = history ? ERAD_JOURNAL_START : ERAD_JOURNAL_START_OLD;
	const uint64_t array_start = journal_start + journal_pages;
	const uint64_t seq = le64toh(sb->seq);
	char has[SIZE_EXACT], needed[SIZE_EXACT];
	uint64_t nr_blocks, array_pages;

	if (le32toh(sb->version) != ERAD_FORMAT_VERSION)
		return err_set(err, -EOPNOTSUPP, "the format version is %" PRIu32 ", expected %u",
			       le32toh(sb->version), ERAD_FORMAT_VERSION);
	if (sb->incompat & ~htole64(ERAD_INCOMPAT_HISTORY))
		return err_set(err, -EOPNOTSUPP,
			       "it uses features that this version does not support (incompat %#" PRIx64 ")",
			       le64toh(sb->incompat & ~htole64(ERAD_INCOMPAT_HISTORY)));
	if (seq > SUPER_MAX_SEQ)
		return refuse_above(err, "seq", seq, SUPER_MAX_SEQ);
	if ((seq & 1) != copy)
		return err_set(err, -EUCLEAN, "got seq %" PRIu64 ", which only copy %s can have", seq,
			       copy_name[seq & 1]);
	if (super_check_device(nr_sectors, block_sectors, err))
		return -EUCLEAN;
	nr_blocks = super_nr_blocks(nr_sectors, block_sectors);
	if (le64toh(sb->nr_blocks) != nr_blocks)
		return wrong_field(err, "nr_blocks", le64toh(sb->nr_blocks), nr_blocks);
	if (le64toh(sb->journal_start) != journal_start)
		return wrong_field(err, "journal_start", le64toh(sb->journal_start), journal_start);
	if (journal_pages < ERAD_JOURNAL_MIN || journal_pages > ERAD_JOURNAL_MAX)
		return err_set(err, -EUCLEAN,
			       "journal_pages is %" PRIu64 ", expected %u to %u",
			       journal_pages, ERAD_JOURNAL_MIN, ERAD_JOURNAL_MAX);
	if (le64toh(sb->array_start) != array_start)
		return wrong_field(err, "array_start", le64toh(sb->array_start), array_start);
	array_pages = super_array_pages(nr_blocks);
	if (le64toh(sb->array_pages) != array_pages)
		return wrong_field(err, "array_pages", le64toh(sb->array_pages), array_pages);
	if (le32toh(sb->array_chunk) > ERAD_CHUNK_MAX)
		return refuse_above(err, "array_chunk", le32toh(sb->array_chunk), ERAD_CHUNK_MAX);
	if (le32toh(sb->floor_era) == UINT32_MAX)
		return refuse_above(err, "floor_era", UINT32_MAX, UINT32_MAX - 1);
	if (le64toh(sb->degrade_serial) > SUPER_MAX_SEQ)
		return refuse_above(err, "degrade_serial", le64toh(sb->degrade_serial), SUPER_MAX_SEQ);
	if (le32toh(sb->snap_floor_era) > le32toh(sb->snap_era))
		return refuse_above(err, "snap_floor_era", le32toh(sb->snap_floor_era),
				    le32toh(sb->snap_era));
	if (sb->snap_era) {
		if (le32toh(sb->snap_era) > le32toh(sb->era))
			return refuse_above(err, "snap_era", le32toh(sb->snap_era), le32toh(sb->era));
		if (super_check_device(le64toh(sb->snap_nr_sectors), block_sectors, err))
			return -EUCLEAN;
		if (!sb->array_chunk)
			return err_set(err, -EUCLEAN,
				       "array_chunk is 0, expected room for the snapshot");
	}
	if (size / ERAD_PAGE < super_pages(sb))
		return err_set(err, -EUCLEAN, "the metadata has %s, expected at least %s", size_exact(has, size),
			       size_exact(needed, super_pages(sb) * ERAD_PAGE));
	if (le64toh(sb->journal_tail) > SUPER_MAX_SEQ)
		return refuse_above(err, "journal_tail", le64toh(sb->journal_tail), SUPER_MAX_SEQ);
	if (le32toh(sb->era) == UINT32_MAX)
		return refuse_above(err, "era", UINT32_MAX, UINT32_MAX - 1);
	if (le64toh(sb->history_seq) > SUPER_MAX_SEQ)
		return refuse_above(err, "history_seq", le64toh(sb->history_seq), SUPER_MAX_SEQ);
	if (le32toh(sb->flags) & ~FLAGS)
		return err_set(err, -EUCLEAN, "flags are %#" PRIx32 ", expected none but %#x",
			       le32toh(sb->flags), FLAGS);
	return 0;
}

/*
 * Returns whether both superblocks belong to the same volume.  Does not compare the size, because a
 * resize changes it in one copy after the other.  Does not compare the start of the ring, because
 * old metadata gets its history in one copy after the other.
 */
static bool same_volume(const struct erad_disk_super *a, const struct erad_disk_super *b)
{
	return !memcmp(a->uuid, b->uuid, sizeof(a->uuid)) &&
	       a->block_sectors == b->block_sectors && a->array_start == b->array_start &&
	       a->array_chunk == b->array_chunk;
}

static bool is_zero(const char *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

static int pick_copy(struct engine *e, const char *pages, const int *read_err,
		     struct erad_disk_super *sb, struct err *err)
{
	const struct erad_disk_super *best = NULL;
	bool ours = false, zero = true;
	unsigned int i;
	int ret;

	for (i = 0; i < NR_COPIES; i++) {
		const struct erad_disk_super *c = (const void *)(pages + (size_t)i * ERAD_PAGE);

		if (read_err[i])
			continue;
		zero = zero && is_zero((const char *)c, ERAD_PAGE);
		if (memcmp(c->magic, ERAD_SUPER_MAGIC, sizeof(c->magic)))
			continue;
		ours = true;
		if (le32toh(c->csum) != super_csum(c))
			continue;
		ret = check_fields(c, i, e->size, err);
		if (ret)
			return err_prefix(err, ret, "%s: superblock %s", e->name, copy_name[i]);
		if (best && !same_volume(best, c))
			return err_set(err, -EUCLEAN,
				       "%s: superblocks A and B are of different volumes", e->name);
		if (!best || le64toh(c->seq) > le64toh(best->seq))
			best = c;
	}
	if (best) {
		*sb = *best;
		return 0;
	}
	for (i = 0; i < NR_COPIES; i++)
		if (read_err[i])
			return err_set(err, read_err[i], "%s: cannot read superblock %s: %s", e->name,
				       copy_name[i], strerror(-read_err[i]));
	if (ours)
		return err_set(err, -EUCLEAN,
			       "%s: neither superblock has a valid checksum, expected at least one", e->name);
	if (zero)
		return err_set(err, -ENODATA, "%s: got zeros, expected erad metadata", e->name);
	return err_set(err, -EINVAL, "%s: this is not erad metadata", e->name);
}

int super_read(struct engine *e, struct erad_disk_super *sb, struct err *err)
{
	int read_err[NR_COPIES];
	unsigned int i;
	char *pages;
	int ret;

	if (e->size < NR_COPIES * ERAD_PAGE)
		return err_set(err, -EINVAL,
			       "%s: it has %" PRIu64 " bytes, expected at least %u, the size of the two superblocks", e->name,
			       e->size, (unsigned int)(NR_COPIES * ERAD_PAGE));
	pages = aligned_alloc(ERAD_PAGE, NR_COPIES * ERAD_PAGE);
	if (!pages)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	for (i = 0; i < NR_COPIES; i++)
		read_err[i] = e->ops->read(e, pages + (size_t)i * ERAD_PAGE,
					   (uint64_t)i * ERAD_PAGE, ERAD_PAGE);
	ret = pick_copy(e, pages, read_err, sb, err);
	free(pages);
	return ret;
}

static bool has_magic(const struct erad_disk_super *sb)
{
	return !memcmp(sb->magic, ERAD_SUPER_MAGIC, sizeof(sb->magic));
}

/* Reads both copies.  ok[i] is false for a copy that cannot be read.  Returns 0 or ENOMEM. */
static int read_copies(struct engine *e, struct erad_disk_super copies[NR_COPIES], bool ok[NR_COPIES])
{
	char *page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	unsigned int i;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < NR_COPIES; i++) {
		ok[i] = !e->ops->read(e, page, (uint64_t)i * ERAD_PAGE, ERAD_PAGE);
		memcpy(&copies[i], page, sizeof(copies[i]));
	}
	free(page);
	return 0;
}

void super_peek(const char *path, struct erad_disk_super sb[2])
{
	int fd;

	memset(sb, 0, 2 * sizeof(*sb));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	for (unsigned int page = ERAD_SUPER_A; page <= ERAD_SUPER_B; page++)
		if (pread(fd, &sb[page], sizeof(*sb), (off_t)page * ERAD_PAGE) != sizeof(*sb))
			memset(&sb[page], 0, sizeof(*sb));
	close(fd);
}

bool super_peek_uuid(const char *path, uint8_t uuid[16])
{
	struct erad_disk_super sb[NR_COPIES];

	super_peek(path, sb);
	for (int i = 0; i < NR_COPIES; i++) {
		if (!has_magic(&sb[i]))
			continue;
		memcpy(uuid, sb[i].uuid, sizeof(sb[i].uuid));
		return true;
	}
	return false;
}

unsigned int super_damaged(struct engine *e)
{
	struct erad_disk_super copies[NR_COPIES];
	unsigned int i, damaged = 0;
	bool ok[NR_COPIES];

	if (read_copies(e, copies, ok))
		return 0;
	for (i = 0; i < NR_COPIES; i++)
		if (!ok[i] || !has_magic(&copies[i]) ||
		    le32toh(copies[i].csum) != super_csum(&copies[i]))
			damaged |= 1u << i;
	return damaged;
}

int super_salvage(struct engine *e, struct erad_disk_super *sb, struct err *err)
{
	struct erad_disk_super copies[NR_COPIES];
	bool ok[NR_COPIES];
	struct err why;
	unsigned int i;

	if (read_copies(e, copies, ok))
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	for (i = 0; i < NR_COPIES; i++)
		ok[i] = ok[i] && has_magic(&copies[i]) &&
			!check_fields(&copies[i], i, e->size, &why);
	if (!ok[0] && !ok[1])
		return err_set(err, -EUCLEAN,
			       "%s: neither superblock has the geometry of the device, so nothing can be repaired",
			       e->name);
	if (ok[0] && ok[1] && (!same_volume(&copies[0], &copies[1]) ||
			       copies[0].nr_sectors != copies[1].nr_sectors))
		return err_set(err, -EUCLEAN,
			       "%s: both superblocks are damaged and contradict each other, so nothing can be repaired",
			       e->name);
	*sb = copies[ok[0] ? 0 : 1];
	if (ok[0] && ok[1] && le32toh(copies[1].era) > le32toh(sb->era))
		sb->era = copies[1].era;
	return 0;
}

int super_write(struct engine *e, struct erad_disk_super *sb, void *page)
{
	sb->csum = htole32(super_csum(sb));
	memset(page, 0, ERAD_PAGE);
	memcpy(page, sb, sizeof(*sb));
	return e->ops->write(e, page, (le64toh(sb->seq) & 1) * ERAD_PAGE, ERAD_PAGE);
}
