// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes a qcow2 file with a dirty bitmap and without data: see qcow2.h, and docs/interop/qcow2.txt
 * of QEMU.
 *
 * The clusters of the file are: header, refcount table, refcount block, L1 table, directory of
 * bitmaps, table of the bitmap, and the clusters of the bitmap in which a bit is set.  The L1 table
 * contains only zeros, so every byte is read from the backing file.  One refcount block is enough,
 * because the limits below keep the number of clusters under 32768.  All numbers are big-endian.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "eractl/qcow2.h"

#define CLUSTER_BITS	16u
#define CLUSTER		(1u << CLUSTER_BITS)
/* Number of bits in a cluster of the bitmap. */
#define CLUSTER_GRAINS	(8ull * CLUSTER)
/* Number of bytes of the volume that one entry of the L1 table covers. */
#define L1_COVERS	((uint64_t)CLUSTER / 8 * CLUSTER)
/* Largest L1 table that QEMU accepts, in bytes. */
#define L1_MAX		(32u << 20)
/* Largest bitmap that QEMU accepts, in bytes. */
#define BITMAP_MAX	(512u << 20)
/* Longest path of a backing file that QEMU accepts, in bytes. */
#define BACKING_MAX	1023u

#define EXT_FORMAT	0xe2792acau
#define EXT_BITMAPS	0x23852875u
#define AUTOCLEAR_BITMAPS 1u
#define BITMAP_DIRTY	1u				/* value of the type of a dirty bitmap */

/* Numbers of the first clusters of the file. */
enum { HEADER, REFTABLE, REFBLOCK, L1 };

struct header {
	__be32 magic, version;
	__be64 backing_offset;
	__be32 backing_size, cluster_bits;
	__be64 size;
	__be32 crypt, l1_size;
	__be64 l1_offset, reftable_offset;
	__be32 reftable_clusters, nb_snapshots;
	__be64 snapshots_offset, incompatible, compatible, autoclear;
	__be32 refcount_order, header_length;
	/* Header extensions. */
	__be32 format_type, format_length;
	char format[8];
	__be32 bitmaps_type, bitmaps_length;
	__be32 nb_bitmaps, reserved;
	__be64 directory_size, directory_offset;
	__be32 end_type, end_length;
	char backing[BACKING_MAX + 1];
};
_Static_assert(offsetof(struct header, format_type) == 104, "the header of version 3");

struct directory_entry {
	__be64 table_offset;
	__be32 table_size, flags;
	uint8_t type, granularity_bits;
	__be16 name_size;
	__be32 extra_size;
	char name[8];		/* the name, padded to a multiple of 8 bytes */
};
_Static_assert(sizeof(struct directory_entry) == 32, "the entry has no holes");

struct qcow2 {
	char *path, *backing;
	int fd;
	uint64_t size;
	unsigned int grain_bits;
	/*
	 * l1_entries: how many entries the L1 table has.  directory, table and next: which clusters
	 * are the directory of bitmaps, the bitmap's table, and the first free cluster.
	 */
	uint64_t l1_entries, directory, table, next;
	__be64 *entries;				/* the table of the bitmap */
	uint64_t nr_entries;
	/* Buffer for the cluster of the bitmap that is being filled. */
	uint8_t *bits;
	uint64_t current;				/* index of this cluster in the table */
	bool dirty;					/* a bit of this cluster is set */
};

static void destroy(struct qcow2 *q)
{
	if (q->fd >= 0)
		close(q->fd);
	free(q->bits);
	free(q->entries);
	free(q->backing);
	free(q->path);
	free(q);
}

void qcow2_drop(struct qcow2 *q)
{
	if (!q)
		return;
	if (q->fd >= 0)
		unlink(q->path);
	destroy(q);
}

static int write_at(struct qcow2 *q, const void *buf, size_t len, uint64_t offset, struct err *err)
{
	const int r = file_write_at(q->fd, buf, len, offset);

	return r ? err_set(err, r, "%s: cannot write it: %s", q->path, strerror(-r)) : 0;
}

/*
 * Returns the path as an absolute path, because QEMU looks for a relative path in the directory of
 * the qcow2 file.  The caller frees the result.
 */
static char *absolute(const char *path)
{
	char dir[PATH_MAX], *all;

	if (*path == '/')
		return strdup(path);
	if (!getcwd(dir, sizeof(dir)) || asprintf(&all, "%s/%s", dir, path) < 0)
		return NULL;
	return all;
}

static void lay_out(struct qcow2 *q, uint64_t unit)
{
	q->grain_bits = __builtin_ctzll(unit);
	if (q->grain_bits > 31)
		q->grain_bits = 31;
	while ((q->size >> q->grain_bits) / 8 >= BITMAP_MAX)
		q->grain_bits++;
	q->l1_entries = q->size / L1_COVERS + 1;
	q->directory = L1 + (q->l1_entries * 8 + CLUSTER - 1) / CLUSTER;
	q->table = q->directory + 1;
	q->next = q->table + 1;
	q->nr_entries = (q->size + (CLUSTER_GRAINS << q->grain_bits) - 1) / (CLUSTER_GRAINS << q->grain_bits);
}

int qcow2_create(const char *path, uint64_t size, uint64_t unit, const char *backing, struct qcow2 **out,
		 struct err *err)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	int r = 0;

	*out = NULL;
	if (!q)
		return err_set(err, -ENOMEM, "out of memory");
	q->fd = -1;
	q->size = size;
	lay_out(q, unit);
	q->path = strdup(path);
	q->backing = absolute(backing);
	q->entries = calloc(q->nr_entries + 1, sizeof(*q->entries));
	q->bits = calloc(1, CLUSTER);
	if (!q->path || !q->backing || !q->entries || !q->bits)
		r = err_set(err, -ENOMEM, "out of memory");
	else if (strlen(q->backing) > BACKING_MAX)
		r = err_set(err, -ENAMETOOLONG, "%s: the path has %zu bytes, but a qcow2 file has room for %u", q->backing,
			    strlen(q->backing), BACKING_MAX);
	else if (q->l1_entries * 8 > L1_MAX)
		r = err_set(err, -EFBIG, "%s: got a volume of %" PRIu64 " bytes, but QEMU opens a qcow2 file of less than %" PRIu64,
			    path, size, L1_MAX / 8 * L1_COVERS);
	if (!r) {
		q->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (q->fd < 0)
			r = err_set(err, -errno, "%s: %s%s", path, strerror(errno),
				    errno == EEXIST ? ": eractl does not overwrite it" : "");
	}
	if (r)
		destroy(q);
	else
		*out = q;
	return r;
}

static int flush_bits(struct qcow2 *q, struct err *err)
{
	int r;

	if (!q->dirty)
		return 0;
	q->entries[q->current] = htobe64(q->next * CLUSTER);
	r = write_at(q, q->bits, CLUSTER, q->next * CLUSTER, err);
	q->next++;
	memset(q->bits, 0, CLUSTER);
	q->dirty = false;
	return r;
}

int qcow2_mark(struct qcow2 *q, uint64_t offset, uint64_t length, struct err *err)
{
	const uint64_t end = (offset + length - 1) >> q->grain_bits;
	uint64_t grain = offset >> q->grain_bits;

	for (; grain <= end; grain++) {
		const uint64_t bit = grain % CLUSTER_GRAINS;

		if (grain / CLUSTER_GRAINS != q->current) {
			int r = flush_bits(q, err);

			if (r)
				return r;
			q->current = grain / CLUSTER_GRAINS;
		}
		q->bits[bit / 8] |= 1u << bit % 8;
		q->dirty = true;
	}
	return 0;
}

static int write_header(struct qcow2 *q, struct err *err)
{
	struct header h = {
		.magic = htobe32(0x514649fb), .version = htobe32(3),
		.backing_offset = htobe64(offsetof(struct header, backing)),
		.backing_size = htobe32(strlen(q->backing)),
		.cluster_bits = htobe32(CLUSTER_BITS), .size = htobe64(q->size),
		.l1_size = htobe32(q->l1_entries), .l1_offset = htobe64((uint64_t)L1 * CLUSTER),
		.reftable_offset = htobe64((uint64_t)REFTABLE * CLUSTER), .reftable_clusters = htobe32(1),
		.autoclear = htobe64(AUTOCLEAR_BITMAPS),
		.refcount_order = htobe32(4), .header_length = htobe32(104),
		.format_type = htobe32(EXT_FORMAT), .format_length = htobe32(3), .format = "raw",
		.bitmaps_type = htobe32(EXT_BITMAPS), .bitmaps_length = htobe32(24), .nb_bitmaps = htobe32(1),
		.directory_size = htobe64(sizeof(struct directory_entry)),
		.directory_offset = htobe64(q->directory * CLUSTER),
	};

	strcpy(h.backing, q->backing);
	return write_at(q, &h, sizeof(h), (uint64_t)HEADER * CLUSTER, err);
}

/*
 * Writes the tables.  qcow2_finish() writes the header last, because no program opens a file
 * without a header.
 */
static int write_tables(struct qcow2 *q, struct err *err)
{
	const struct directory_entry entry = {
		.table_offset = htobe64(q->table * CLUSTER), .table_size = htobe32(q->nr_entries),
		.type = BITMAP_DIRTY, .granularity_bits = q->grain_bits,
		.name_size = htobe16(strlen(QCOW2_BITMAP)), .name = QCOW2_BITMAP,
	};
	const __be64 refblock = htobe64((uint64_t)REFBLOCK * CLUSTER);
	/* The buffer is not needed any more, and has the size of a refcount block. */
	__be16 *counts = (__be16 *)q->bits;
	uint64_t i;
	int r;

	for (i = 0; i < q->next; i++)
		counts[i] = htobe16(1);
	r = write_at(q, counts, CLUSTER, (uint64_t)REFBLOCK * CLUSTER, err);
	if (!r)
		r = write_at(q, &refblock, sizeof(refblock), (uint64_t)REFTABLE * CLUSTER, err);
	if (!r)
		r = write_at(q, q->entries, q->nr_entries * sizeof(*q->entries), q->table * CLUSTER, err);
	if (!r)
		r = write_at(q, &entry, sizeof(entry), q->directory * CLUSTER, err);
	if (!r && ftruncate(q->fd, q->next * CLUSTER))
		r = err_set(err, -errno, "%s: cannot write it: %s", q->path, strerror(errno));
	return r;
}

int qcow2_finish(struct qcow2 *q, struct err *err)
{
	int r = flush_bits(q, err);

	if (!r)
		r = write_tables(q, err);
	if (!r)
		r = write_header(q, err);
	if (!r && fsync(q->fd))
		r = err_set(err, -errno, "%s: cannot write it: %s", q->path, strerror(errno));
	if (!r) {
		r = file_sync_name(q->path);
		if (r)
			err_set(err, r, "%s: cannot make the name of the file durable: %s", q->path, strerror(-r));
	}
	if (r)
		qcow2_drop(q);
	else
		destroy(q);
	return r;
}
