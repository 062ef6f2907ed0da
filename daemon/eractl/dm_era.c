// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads dm-era's metadata: see dm_era.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/dm_era.h"
#include "eractl/dm_era_format.h"
#include "store/bitset.h"

#define MAX_SECTORS	((uint64_t)1 << 55)	/* size of the largest device */
/*
 * Limit of the levels of a tree.  Nodes are at least a third full, so 5 levels are enough for the
 * largest metadata.
 */
#define DEPTH_MAX	16u
/* Number of buffers: for a path in each of two trees, and for a block of an array. */
#define PAGES		(2 * DEPTH_MAX + 1)
#define END		UINT64_MAX		/* a number greater than all keys */

struct dm_era {
	struct engine *e;
	uint64_t nr;			/* size of the metadata in blocks */
	bool snapshot;
	struct dm_era_disk_super *live;	/* block 0, as dm_era_open() has read it */
	/* Superblock of the trees that are read.  Its block has the number `at`. */
	struct dm_era_disk_super *sb;
	uint64_t at;
	uint8_t *pages;			/* PAGES buffers; the first `held` are in use */
	unsigned int held;
	struct bitset seen;		/* blocks that dm_era_read() has read so far */
	const struct era_sink *sink;
	void *ctx;
	struct err *err;
};

/* A walk through a btree. */
struct tree {
	struct dm_era *d;
	char what[32];			/* name of the tree in messages */
	uint32_t value_size;
	/* Called for each value.  block: the block of the node that contains the value. */
	int (*value)(struct tree *t, uint64_t block, uint64_t key, const void *value);
};

/*
 * A walk through the btree of an array.  The values of this btree are the numbers of the array's
 * blocks.
 */
struct array {
	struct tree tree;
	uint32_t value_size, per_block;
	uint64_t values;		/* how many values the array must have */
	uint64_t next;			/* index of the next block of the array */
	int (*content)(struct array *a, uint64_t block, const struct dm_era_disk_array *content,
		       uint64_t first, uint64_t nr);
	uint64_t bits;			/* for a writeset: the number of its bits that count */
	/*
	 * The current run: consecutive blocks of the same era, which are passed to the sink
	 * together.
	 */
	uint64_t run_first, run_len;
	uint32_t run_era;
};

/* Returns EUCLEAN.  block: the damaged block.  what: the tree to which the block belongs. */
static int damaged(struct dm_era *d, uint64_t block, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int damaged(struct dm_era *d, uint64_t block, const char *what, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(d->err, -EUCLEAN, "%s: block %" PRIu64 " (%s): %s", d->e->name, block, what,
		       why);
}

/* ---- blocks ---- */

static int read_block_at(struct dm_era *d, uint64_t block, void *page)
{
	int ret = d->e->ops->read(d->e, page, block * DM_ERA_BLOCK, DM_ERA_BLOCK);

	if (ret)
		return err_set(d->err, ret, "%s: cannot read block %" PRIu64 ": %s", d->e->name,
			       block, strerror(-ret));
	return 0;
}

static int check_block(struct dm_era *d, uint64_t block, const char *what, const void *page,
		       uint32_t kind, uint64_t blocknr)
{
	uint32_t got = le32toh(*(const __le32 *)page), right = dm_era_csum(page, kind);

	if (got != right)
		return damaged(d, block, what, "its checksum is %08" PRIx32 ", expected %08" PRIx32,
			       got, right);
	if (blocknr != block)
		return damaged(d, block, what, "its header has block number %" PRIu64, blocknr);
	return 0;
}

/*
 * Reads a block into *page, which is valid until put_block().  from: the block in which the number
 * of this block was found.
 */
static int get_block(struct dm_era *d, uint64_t block, uint64_t from, const char *what,
		     void **page)
{
	int ret;

	if (block == 0 || block >= d->nr)
		return damaged(d, from, what, "it names block %" PRIu64 ", expected 1 to %" PRIu64,
			       block, d->nr - 1);
	if (bitset_find(&d->seen, block, block + 1, true) == block)
		return damaged(d, from, what, "it names block %" PRIu64 ", which is in use elsewhere",
			       block);
	ret = bitset_set(&d->seen, block, 1);
	if (ret)
		return err_set(d->err, ret, "%s: out of memory", d->e->name);
	*page = d->pages + d->held * DM_ERA_BLOCK;
	ret = read_block_at(d, block, *page);
	if (!ret)
		d->held++;
	return ret;
}

static void put_block(struct dm_era *d)
{
	d->held--;
}

/* ---- btrees ---- */

static int check_node(struct tree *t, uint64_t block, const struct dm_era_disk_node *n)
{
	const uint32_t flags = le32toh(n->flags), nr = le32toh(n->nr), max = le32toh(n->max);
	const uint32_t size = flags == DM_ERA_INTERNAL ? 8 : t->value_size;
	int ret;

	ret = check_block(t->d, block, t->what, n, DM_ERA_NODE_XOR, le64toh(n->blocknr));
	if (ret)
		return ret;
	if (flags != DM_ERA_INTERNAL && flags != DM_ERA_LEAF)
		return damaged(t->d, block, t->what, "its flags are %" PRIu32 ", expected %u or %u",
			       flags, DM_ERA_INTERNAL, DM_ERA_LEAF);
	if (le32toh(n->value_size) != size)
		return damaged(t->d, block, t->what, "its values have %" PRIu32
			       " bytes, expected %" PRIu32, le32toh(n->value_size), size);
	if (max > sizeof(n->keys) / (8 + size))
		return damaged(t->d, block, t->what, "it has room for %" PRIu32
			       " entries, expected up to %zu", max, sizeof(n->keys) / (8 + size));
	if (nr > max || (!nr && flags == DM_ERA_INTERNAL))
		return damaged(t->d, block, t->what, "it has %" PRIu32 " entries, expected %s %" PRIu32,
			       nr, flags == DM_ERA_INTERNAL ? "1 to" : "up to", max);
	return 0;
}

/*
 * Walks through the subtree at `block`.  All keys of the subtree must be at least `from`, and less
 * than `end`.
 */
static int walk_tree(struct tree *t, uint64_t block, uint64_t parent, unsigned int depth, uint64_t from,
		uint64_t end)
{
	const struct dm_era_disk_node *n;
	uint32_t i, nr;
	void *page;
	int ret;

	if (depth == DEPTH_MAX)
		return damaged(t->d, parent, t->what, "it is %u levels below the root", depth - 1);
	ret = get_block(t->d, block, parent, t->what, &page);
	if (ret)
		return ret;
	n = page;
	ret = check_node(t, block, n);
	nr = ret ? 0 : le32toh(n->nr);
	for (i = 0; i < nr; i++) {
		const uint64_t key = le64toh(n->keys[i]);
		const uint64_t next = i + 1 < nr ? le64toh(n->keys[i + 1]) : end;
		const char *value = (const char *)&n->keys[le32toh(n->max)];
		__le64 child;

		if (key < from || key >= next || next > end) {
			ret = damaged(t->d, block, t->what, "key %" PRIu64 ", its entry %" PRIu32
				      ", is out of order", key, i);
			break;
		}
		if (n->flags == htole32(DM_ERA_LEAF)) {
			ret = t->value(t, block, key, value + i * t->value_size);
		} else {
			memcpy(&child, value + i * sizeof(child), sizeof(child));
			ret = walk_tree(t, le64toh(child), block, depth + 1, key, next);
		}
		if (ret)
			break;
	}
	put_block(t->d);
	return ret;
}

/* ---- arrays ---- */

static int check_era_array(struct array *a, uint64_t block, const struct dm_era_disk_array *content,
		       uint64_t nr)
{
	struct dm_era *d = a->tree.d;
	const uint32_t got = le32toh(content->nr), max = le32toh(content->max);
	int ret;

	ret = check_block(d, block, a->tree.what, content, DM_ERA_ARRAY_XOR,
			  le64toh(content->blocknr));
	if (ret)
		return ret;
	if (le32toh(content->value_size) != a->value_size || max != a->per_block)
		return damaged(d, block, a->tree.what, "it has room for %" PRIu32 " values of %"
			       PRIu32 " bytes, expected %" PRIu32 " of %" PRIu32, max,
			       le32toh(content->value_size), a->per_block, a->value_size);
	if (got < nr || got > max)
		return damaged(d, block, a->tree.what, "it has %" PRIu32 " values, expected %" PRIu64,
			       got, nr);
	return 0;
}

/*
 * Reads a block of an array.  When the kernel shrinks an array to the end of a block, it leaves one
 * block too many; this block is not read.
 */
static int read_array_block(struct tree *t, uint64_t parent, uint64_t index, const void *value)
{
	struct array *a = (struct array *)t;
	const uint64_t first = index * a->per_block;
	uint64_t nr = a->per_block;
	__le64 block;
	void *page;
	int ret;

	if (index != a->next)
		return damaged(t->d, parent, t->what, "it has block %" PRIu64
			       " of the array where %" PRIu64 " was expected", index, a->next);
	a->next++;
	if (first >= a->values)
		return 0;
	if (nr > a->values - first)
		nr = a->values - first;
	memcpy(&block, value, sizeof(block));
	ret = get_block(t->d, le64toh(block), parent, t->what, &page);
	if (ret)
		return ret;
	ret = check_era_array(a, le64toh(block), page, nr);
	if (!ret)
		ret = a->content(a, le64toh(block), page, first, nr);
	put_block(t->d);
	return ret;
}

static int pass_run(struct array *a)
{
	struct dm_era *d = a->tree.d;
	const uint64_t len = a->run_len;

	a->run_len = 0;
	if (!len || !a->run_era)
		return 0;
	return d->sink->blocks(d->ctx, a->run_first, len, a->run_era, d->err);
}

static int add_value(struct array *a, uint64_t first, uint64_t len, uint32_t era)
{
	int ret = 0;

	if (!a->run_len || first != a->run_first + a->run_len || era != a->run_era) {
		ret = pass_run(a);
		a->run_first = first;
		a->run_era = era;
	}
	a->run_len += len;
	return ret;
}

static int read_array(struct array *a, uint64_t root, uint64_t parent)
{
	int ret;

	a->tree.value_size = 8;
	a->tree.value = read_array_block;
	a->per_block = (DM_ERA_BLOCK - 24) / a->value_size;
	ret = walk_tree(&a->tree, root, parent, 0, 0, END);
	if (ret)
		return ret;
	if (a->next < (a->values + a->per_block - 1) / a->per_block)
		return damaged(a->tree.d, root, a->tree.what, "the array has %" PRIu64
			       " blocks, expected them to have %" PRIu64 " values", a->next,
			       a->values);
	return pass_run(a);
}

static int read_eras(struct array *a, uint64_t block, const struct dm_era_disk_array *content,
		     uint64_t first, uint64_t nr)
{
	const uint32_t current = le32toh(a->tree.d->sb->current_era);
	uint64_t i;
	int ret = 0;

	for (i = 0; !ret && i < nr; i++) {
		const uint32_t era = le32toh(content->era[i]);

		if (era > current)
			return damaged(a->tree.d, block, a->tree.what, "block %" PRIu64
				       " of the device is of era %" PRIu32
				       ", expected at most the current one, %" PRIu32,
				       first + i, era, current);
		ret = add_value(a, first + i, 1, era);
	}
	return ret;
}

static int read_bits(struct array *a, uint64_t block, const struct dm_era_disk_array *content,
		     uint64_t first, uint64_t nr)
{
	uint64_t words[DM_ERA_WORDS_PER_BLOCK] = { }, at, end, i;
	int ret = 0;

	(void)block;
	for (i = 0; i < nr; i++)
		words[i] = le64toh(content->bits[i]);
	end = nr * 64;
	first *= 64;
	if (first + end > a->bits)
		end = a->bits > first ? a->bits - first : 0;
	for (at = bits_find(words, 0, end, true); !ret && at < end; ) {
		const uint64_t set = at;

		at = bits_find(words, set, end, false);
		ret = add_value(a, first + set, at - set, a->run_era);
		at = bits_find(words, at, end, true);
	}
	return ret;
}

/* ---- reading all eras ---- */

/*
 * Reads a writeset.  Ignores bits beyond the end of the device, because the device may have been
 * larger in the era of the writeset.
 */
static int read_writeset(struct dm_era *d, uint64_t parent, uint32_t era,
			 const struct dm_era_disk_writeset *set)
{
	const uint64_t nr_bits = le32toh(set->nr_bits), nr_blocks = le32toh(d->sb->nr_blocks);
	struct array a = {
		.tree.d = d, .value_size = sizeof(__le64), .content = read_bits, .run_era = era,
		.values = (nr_bits + 63) / 64, .bits = nr_bits < nr_blocks ? nr_bits : nr_blocks,
	};

	snprintf(a.tree.what, sizeof(a.tree.what), "writeset of era %" PRIu32, era);
	return read_array(&a, le64toh(set->root), parent);
}

static int read_tree_writeset(struct tree *t, uint64_t block, uint64_t key, const void *value)
{
	const uint32_t current = le32toh(t->d->sb->current_era);
	struct dm_era_disk_writeset set;

	if (key < 1 || key > current)
		return damaged(t->d, block, t->what, "it has a writeset of era %" PRIu64
			       ", expected 1 to the current one, %" PRIu32, key, current);
	memcpy(&set, value, sizeof(set));
	return read_writeset(t->d, block, key, &set);
}

static int read_all_eras(struct dm_era *d)
{
	const struct dm_era_disk_super *sb = d->sb;
	struct array eras = {
		.tree = { .d = d, .what = "era array" },
		.value_size = sizeof(__le32), .content = read_eras,
		.values = le32toh(sb->nr_blocks),
	};
	struct tree sets = {
		.d = d, .what = "writesets", .value_size = sizeof(struct dm_era_disk_writeset),
		.value = read_tree_writeset,
	};
	int ret;

	ret = read_array(&eras, le64toh(sb->era_array_root), d->at);
	if (!ret)
		ret = walk_tree(&sets, le64toh(sb->writeset_tree_root), d->at, 0, 0, END);
	/*
	 * Skip the current writeset of a metadata snapshot.  The writeset was empty, because its
	 * era began when the snapshot was taken.  The snapshot does not protect the blocks of this
	 * writeset, so the blocks may have other content now.
	 */
	if (!ret && !d->snapshot && sb->current_writeset.root)
		ret = read_writeset(d, d->at, le32toh(sb->current_era), &sb->current_writeset);
	return ret;
}

/*
 * Returns EBUSY if the metadata has changed since dm_era_open(), because the eras may then be a
 * mixture of two states.
 */
static int check_metadata_unchanged(struct dm_era *d)
{
	struct dm_era_disk_super *again = (struct dm_era_disk_super *)d->pages;
	int ret;

	ret = read_block_at(d, 0, again);
	if (ret)
		return ret;
	if (!d->snapshot && memcmp(again, d->live, sizeof(*again)))
		return err_set(d->err, -EBUSY, "%s: dm-era has changed the metadata while it was read; remove the dm-era device, or give --metadata-snapshot",
			       d->e->name);
	if (!d->snapshot)
		return 0;
	/* If the metadata snapshot is now in another block, it is a newer snapshot. */
	if (again->metadata_snap == d->live->metadata_snap) {
		ret = read_block_at(d, d->at, again);
		if (ret || !memcmp(again, d->sb, sizeof(*again)))
			return ret;
	}
	return err_set(d->err, -EBUSY, "%s: the metadata snapshot was dropped while it was read; take it again",
		       d->e->name);
}

int dm_era_read(struct dm_era *d, const struct era_sink *sink, void *ctx, struct err *err)
{
	struct era_super super = {
		.has_uuid = !uuid_is_zero(d->sb->uuid),
		.block_sectors = le32toh(d->sb->data_block_size),
		.nr_blocks = le32toh(d->sb->nr_blocks),
		.era = le32toh(d->sb->current_era),
	};
	int ret;

	memcpy(super.uuid, d->sb->uuid, sizeof(super.uuid));
	super.nr_sectors = super.nr_blocks * super.block_sectors;
	d->sink = sink;
	d->ctx = ctx;
	d->err = err;
	if (bitset_set(&d->seen, d->at, 1))
		return err_set(err, -ENOMEM, "%s: out of memory", d->e->name);
	ret = sink->super(ctx, &super, err);
	if (!ret)
		ret = read_all_eras(d);
	bitset_destroy(&d->seen);
	if (ret == -EUCLEAN || !ret) {
		const int changed = check_metadata_unchanged(d);

		ret = changed ? changed : ret;
	}
	return ret;
}

/* ---- superblocks ---- */

static int check_era_super(struct dm_era *d, uint64_t at, const struct dm_era_disk_super *sb)
{
	static const char *const what = "superblock";
	const uint32_t size = le32toh(sb->data_block_size), nr = le32toh(sb->nr_blocks);
	int ret;

	ret = check_block(d, at, what, sb, DM_ERA_SUPER_XOR, le64toh(sb->blocknr));
	if (ret)
		return ret;
	if (sb->magic != htole64(DM_ERA_MAGIC))
		return damaged(d, at, what, "this is not dm-era's metadata");
	if (le32toh(sb->version) != DM_ERA_VERSION)
		return err_set(d->err, -EOPNOTSUPP, "%s: its format is of version %" PRIu32
			       ", expected %u", d->e->name, le32toh(sb->version), DM_ERA_VERSION);
	if (le32toh(sb->metadata_block_size) * ERAD_SECTOR != DM_ERA_BLOCK)
		return damaged(d, at, what, "metadata_block_size is %" PRIu32
			       " sectors, expected %u", le32toh(sb->metadata_block_size),
			       DM_ERA_BLOCK / ERAD_SECTOR);
	if (size == 0 || size % 8)
		return damaged(d, at, what, "data_block_size is %" PRIu32
			       " sectors, expected a multiple of 8", size);
	if (nr == 0 || nr > MAX_SECTORS / size)
		return damaged(d, at, what, "nr_blocks is %" PRIu32 ", expected 1 to %" PRIu64, nr,
			       MAX_SECTORS / size);
	if (sb->current_era == htole32(UINT32_MAX))
		return err_set(d->err, -EOVERFLOW, "%s: its current era is %u, expected at most %u; create the volume anew",
			       d->e->name, UINT32_MAX, UINT32_MAX - 1);
	return 0;
}

/* Reads the superblock in block 0.  EINVAL: this is not dm-era's metadata. */
static int read_live(struct dm_era *d)
{
	const char *bytes = (const char *)d->live;
	int ret;

	if (!d->nr)
		return err_set(d->err, -EINVAL, "%s: it has less than %u bytes, expected dm-era's metadata",
			       d->e->name, DM_ERA_BLOCK);
	ret = read_block_at(d, 0, d->live);
	if (ret)
		return ret;
	if (d->live->magic != htole64(DM_ERA_MAGIC))
		return err_set(d->err, -EINVAL, "%s: %s, expected dm-era's metadata", d->e->name,
			       bytes[0] || memcmp(bytes, bytes + 1, DM_ERA_BLOCK - 1) ?
			       "this is something else" : "got zeros");
	return check_era_super(d, 0, d->live);
}

static int read_snapshot(struct dm_era *d)
{
	int ret;

	d->at = le64toh(d->live->metadata_snap);
	if (!d->at)
		return err_set(d->err, -ENOENT, "%s: it has no metadata snapshot", d->e->name);
	if (d->at >= d->nr)
		return damaged(d, 0, "superblock", "metadata_snap is block %" PRIu64
			       ", expected up to %" PRIu64, d->at, d->nr - 1);
	ret = read_block_at(d, d->at, d->sb);
	return ret ? ret : check_era_super(d, d->at, d->sb);
}

int dm_era_open(struct engine *e, bool snapshot, struct dm_era **out, struct err *err)
{
	struct dm_era *d = calloc(1, sizeof(*d));
	int ret;

	*out = NULL;
	if (!d)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	d->e = e;
	d->err = err;
	d->snapshot = snapshot;
	d->nr = e->size / DM_ERA_BLOCK;
	bitset_init(&d->seen, d->nr);
	d->pages = aligned_alloc(DM_ERA_BLOCK, (PAGES + 2) * DM_ERA_BLOCK);
	if (!d->pages) {
		dm_era_close(d);
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	}
	d->live = (struct dm_era_disk_super *)(d->pages + PAGES * DM_ERA_BLOCK);
	d->sb = snapshot ? d->live + 1 : d->live;
	ret = read_live(d);
	if (!ret && snapshot)
		ret = read_snapshot(d);
	if (ret) {
		dm_era_close(d);
		return ret;
	}
	*out = d;
	return 0;
}

void dm_era_close(struct dm_era *d)
{
	if (!d)
		return;
	bitset_destroy(&d->seen);
	free(d->pages);
	free(d);
}
