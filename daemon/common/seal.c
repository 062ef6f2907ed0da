// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes seals of devices, and compares them: see seal.h. */
#include <blkid/blkid.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <isa-l/crc64.h>

#include "common/files.h"
#include "common/size.h"
#include "common/fs_places.h"
#include "common/lv_places.h"
#include "common/seal.h"

/* Size of the first and of the last place in bytes, and limit for one read. */
#define PIECE		(1u << 20)
/* Places begin and end at multiples of this many bytes, or at the device's end. */
#define UNIT		4096u
/* Limit of the partitions whose file systems are in a seal. */
#define PARTITIONS	16
/* Limit of the entries that are not samples. */
#define OTHERS		(SEAL_ENTRIES - SEAL_SAMPLES)
/*
 * Limit of the bytes that are read before the samples.  The 2 MiB that libblkid may read for a
 * superblock or a partition table are not included.
 */
#define OTHERS_READ	(SEAL_READ_MAX - (2u << 20) - SEAL_SAMPLES * SEAL_SAMPLE_SIZE)
/* Limit of the bytes that seal_take_known() reads, without the bytes that libblkid reads. */
#define KNOWN_READ	(2u << 20)

static const char *const what_text[NR_SEAL_WHAT] = {
	[SEAL_ALL] = "a part of the device",
	[SEAL_FIRST] = "the start of the device",
	[SEAL_LAST] = "the end of the device",
	[SEAL_SUPER] = "a superblock",
	[SEAL_LOG] = "the journal of a file system",
	[SEAL_SAMPLE] = "a sample",
	[SEAL_FILES] = "the list of files of a file system",
};

struct taker {
	int fd;
	uint64_t size;
	uint8_t *buf;		/* buffer of PIECE bytes */
	uint64_t read;		/* number of bytes that were read so far */
	struct seal *seal;
	uint32_t nr;
	uint32_t others;	/* limit of the entries that are no samples */
	uint64_t limit;		/* limit of the bytes that are read before the samples */
	bool pieces;		/* whether no entry may cross a multiple of SEAL_PIECE bytes */
	int error;		/* the first error, or 0 */
};

static int read_device_at(int fd, uint64_t offset, void *buf, size_t len)
{
	size_t done;
	const int r = file_read_at(fd, buf, len, offset, &done);

	return r || done == len ? r : -ENODATA;
}

static int hash_at(int fd, uint8_t *buf, uint64_t offset, uint32_t len, uint64_t *hash)
{
	int r = read_device_at(fd, offset, buf, len);

	if (!r)
		*hash = crc64_ecma_refl(0, buf, len);
	return r;
}

static bool has_place(const struct taker *t, uint64_t from, uint64_t to)
{
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct seal_entry *e = &t->seal->entry[i];

		if (from >= le64toh(e->offset) && to <= le64toh(e->offset) + le32toh(e->length))
			return true;
	}
	return false;
}

/*
 * Adds a place, or leaves it out if there is no space.  Returns false if there is no space for
 * further superblocks and journals, or after an error.  The samples have space of their own, and the
 * places that a seal must have are added first.
 */
static bool add_place(struct taker *t, enum seal_what what, uint64_t offset, uint64_t len)
{
	const uint64_t from = offset & ~(uint64_t)(UNIT - 1);
	struct seal_entry *e = &t->seal->entry[t->nr];
	uint64_t to, hash = 0;

	if (t->error || from >= t->size)
		return !t->error;
	to = len > t->size - offset ? t->size : (offset + len + UNIT - 1) & ~(uint64_t)(UNIT - 1);
	if (to > t->size)
		to = t->size;
	if (has_place(t, from, to) || to - from > PIECE)
		return true;
	if (what == SEAL_SUPER || what == SEAL_LOG || what == SEAL_FILES) {
		if (t->nr >= t->others || t->read + (to - from) > t->limit)
			return false;
	}
	t->error = hash_at(t->fd, t->buf, from, to - from, &hash);
	t->read += to - from;
	*e = (struct seal_entry){
		.offset = htole64(from), .length = htole32(to - from),
		.what = htole32(what), .hash = htole64(hash),
	};
	t->nr += !t->error;
	return !t->error;
}

static int fs_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
	struct taker *t = ctx;

	if (offset >= t->size || len > t->size - offset || t->read + len > t->limit)
		return -ENODATA;
	t->read += len;
	return read_device_at(t->fd, offset, buf, len);
}

static bool fs_add(void *ctx, enum fs_place place, uint64_t offset, uint64_t len)
{
	const enum seal_what what = place == FS_LOG ? SEAL_LOG : place == FS_FILES ? SEAL_FILES : SEAL_SUPER;
	const struct taker *t = ctx;

	while (t->pieces && offset < t->size && offset % SEAL_PIECE + len > SEAL_PIECE) {
		const uint64_t part = SEAL_PIECE - offset % SEAL_PIECE;

		if (!add_place(ctx, what, offset, part))
			return false;
		offset += part;
		len -= part;
	}
	return add_place(ctx, what, offset, len);
}

/*
 * Finds the partitions of the device.  Returns their number.  start: receives their positions in
 * bytes.
 */
static unsigned int find_partitions(blkid_probe pr, uint64_t start[PARTITIONS])
{
	unsigned int found = 0;
	blkid_partlist list;
	int nr;

	blkid_reset_probe(pr);
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	list = blkid_probe_get_partitions(pr);
	nr = list ? blkid_partlist_numof_partitions(list) : 0;
	for (int i = 0; i < nr && i < PARTITIONS; i++) {
		blkid_partition p = blkid_partlist_get_partition(list, i);

		if (!blkid_partition_is_extended(p))
			start[found++] = (uint64_t)blkid_partition_get_start(p) * 512;
	}
	return found;
}

/* Adds the superblocks that libblkid finds. */
static void add_magics(struct taker *t, blkid_probe pr)
{
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_MAGIC);
	while (!blkid_do_probe(pr)) {
		const char *offset;

		if (!blkid_probe_lookup_value(pr, "SBMAGIC_OFFSET", &offset, NULL))
			add_place(t, SEAL_SUPER, strtoull(offset, NULL, 10), UNIT);
	}
}

/*
 * Adds the superblocks and the journals.  The file systems directly on the device and on its
 * partitions come first, because there may be more logical volumes than there is space for.
 *
 * Drop the page cache of the device before and after, because libblkid reads through the page
 * cache, which may contain old content.  Only the choice of the places depends on the bytes that
 * libblkid reads; the hashes do not.
 */
static void add_known(struct taker *t)
{
	const struct fs_reader reader = { .read = fs_read, .add = fs_add, .ctx = t };
	uint64_t base[1 + PARTITIONS] = { 0 };
	unsigned int nr = 1;
	char path[32];
	blkid_probe pr;
	int fd;

	fs_places(&reader, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	pr = fd < 0 ? NULL : blkid_new_probe();
	if (pr) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (!blkid_probe_set_device(pr, fd, 0, 0)) {
			if (!t->pieces)
				add_magics(t, pr);
			nr += find_partitions(pr, base + 1);
		}
		blkid_free_probe(pr);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	if (fd >= 0)
		close(fd);
	for (unsigned int i = 1; i < nr; i++)
		fs_places(&reader, base[i]);
	if (!t->error && t->nr < t->others)
		lv_places(&reader, base, nr);
}

/* Returns pseudo-random numbers (splitmix64).  The same seed gives the same numbers. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/*
 * Adds the samples.  A sample may begin at any byte; the place that is hashed is SEAL_SAMPLE_SIZE
 * bytes long, begins and ends at a multiple of UNIT, and contains this byte.
 */
static void add_samples(struct taker *t, uint64_t seed)
{
	const uint64_t part = t->size / SEAL_SAMPLES;

	for (uint32_t i = 0; i < SEAL_SAMPLES; i++)
		add_place(t, SEAL_SAMPLE, i * part + next_random(&seed) % (part - SEAL_SAMPLE_SIZE + 1),
			  SEAL_SAMPLE_SIZE - UNIT + 1);
}

int seal_open(const char *path, bool claim, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK | (claim ? O_EXCL : 0));

	return fd >= 0 ? fd : err_set(err, -errno, "cannot open %s: %m", path);
}

/*
 * Completes the seal of t, and frees t's buffer.  If a read has failed, empties the seal and
 * returns the error.
 */
static int finish(struct taker *t, struct err *err)
{
	free(t->buf);
	t->seal->version = htole32(SEAL_VERSION);
	t->seal->nr = htole32(t->nr);
	if (!t->error)
		return 0;
	memset(t->seal, 0, sizeof(*t->seal));
	return err_set(err, t->error, "cannot read the device for its seal: %s", strerror(-t->error));
}

int seal_take(int fd, uint64_t size, uint64_t seed, struct seal *out, struct err *err)
{
	struct taker t = { .fd = fd, .size = size, .seal = out, .others = OTHERS, .limit = OTHERS_READ };

	memset(out, 0, sizeof(*out));
	/*
	 * Flush first.  Writes through the volume may be only in the cache of the disk, and a power
	 * cut may undo them.  Then a place would differ, although nobody has written past erad.
	 */
	if (fsync(fd))
		return err_set(err, -errno, "cannot flush the device: %m");
	t.buf = aligned_alloc(UNIT, PIECE);
	if (!t.buf)
		return err_set(err, -ENOMEM, "out of memory");
	if (size <= SEAL_WHOLE) {
		for (uint64_t at = 0; at < size; at += PIECE)
			add_place(&t, SEAL_ALL, at, PIECE);
	} else {
		add_place(&t, SEAL_FIRST, 0, PIECE);
		add_place(&t, SEAL_LAST, size - PIECE + UNIT - 1, PIECE);
		add_known(&t);
		add_samples(&t, seed);
	}
	out->seed = htole64(seed);
	return finish(&t, err);
}

int seal_take_known(int fd, uint64_t size, unsigned int nr, struct seal *out, struct err *err)
{
	struct taker t = {
		.fd = fd, .size = size, .seal = out, .others = nr, .limit = KNOWN_READ, .pieces = true,
	};

	memset(out, 0, sizeof(*out));
	t.buf = aligned_alloc(UNIT, PIECE);
	if (!t.buf)
		return err_set(err, -ENOMEM, "out of memory");
	add_known(&t);
	return finish(&t, err);
}

int seal_hash_entry(int fd, const struct seal_entry *e, uint64_t *hash)
{
	const uint32_t len = le32toh(e->length);
	uint8_t *buf;
	int r;

	if (len > SEAL_PIECE)
		return -EINVAL;
	buf = aligned_alloc(UNIT, SEAL_PIECE);
	r = buf ? hash_at(fd, buf, le64toh(e->offset), len, hash) : -ENOMEM;
	free(buf);
	return r;
}

const char *seal_entry_text(const struct seal_entry *e, char text[SEAL_ENTRY_TEXT])
{
	const uint32_t len = le32toh(e->length), what = le32toh(e->what);
	char length[SIZE_EXACT];

	snprintf(text, SEAL_ENTRY_TEXT, "%s at byte %" PRIu64 " in %s", size_exact(length, len), (uint64_t)le64toh(e->offset),
		 what < NR_SEAL_WHAT ? what_text[what] : "the device");
	return text;
}

int seal_compare(int fd, uint64_t size, const struct seal *s, struct err *difference)
{
	const uint32_t nr = le32toh(s->nr);
	char text[SEAL_ENTRY_TEXT];
	unsigned int differ = 0;
	uint8_t *buf;

	if (le32toh(s->version) != SEAL_VERSION || !nr || nr > SEAL_ENTRIES)
		return err_set(difference, -EINVAL, "the seal has version %u and %u entries, expected version %u and 1 to %u",
			       le32toh(s->version), nr, SEAL_VERSION, SEAL_ENTRIES);
	buf = aligned_alloc(UNIT, PIECE);
	if (!buf)
		return err_set(difference, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < nr; i++) {
		const struct seal_entry *e = &s->entry[i];
		const uint64_t offset = le64toh(e->offset);
		const uint32_t len = le32toh(e->length);
		uint64_t hash;
		int r;

		if (len > PIECE || offset + len < offset || offset + len > size)
			continue;
		r = hash_at(fd, buf, offset, len, &hash);
		if (!r && hash == le64toh(e->hash))
			continue;
		if (!differ++)
			err_set(difference, 0, "%s%s%s", seal_entry_text(e, text),
				r ? ", which cannot be read: " : "", r ? strerror(-r) : "");
	}
	free(buf);
	if (differ > 1) {
		struct err first = *difference;

		err_set(difference, 0, "%u of %u places differ, the first are %s", differ, nr, first.msg);
	} else if (differ) {
		struct err first = *difference;

		err_set(difference, 0, "1 of %u places differs, %s", nr, first.msg);
	}
	return !!differ;
}
