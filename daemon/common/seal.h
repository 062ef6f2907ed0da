/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A seal: hashes of some places of a device.  At the next open, erad compares the seal with the
 * device, to notice whether the device was written while its volume was closed.
 *
 * The places are the first and the last MiB; the superblocks and the journals that fs_places.h,
 * lv_places.h and libblkid recognize; and SEAL_SAMPLES samples, one at a random place in each part of
 * the device.  The file systems may be directly on the device, on a partition, or in a logical volume
 * of LVM on these.
 *
 * A seal has space for 62 superblocks and journals.  A logical volume with ext4 or xfs needs one
 * place for its superblock, one with LUKS two, and one with btrfs three.  Places are added in this
 * order, until there is no space:
 *  1. superblocks and journals of file systems directly on the device, and on its partitions;
 *  2. superblocks in logical volumes, one logical volume of each physical volume in turn;
 *  3. journals in logical volumes.
 * So if a physical volume is alone on a device, its seal contains the superblocks of 60 logical
 * volumes (PV_LVS) with ext4 or xfs, or of 31 with LUKS.  Nothing is read for places that there is
 * no space for.
 *
 * A device of at most SEAL_WHOLE bytes is read in full.  Each mount of ext4, xfs and btrfs for writing,
 * and each mount that replays a journal, changes a superblock or a journal.  This is not so with FAT,
 * exfat and NTFS: see fat_places.h.  (ext4 and xfs also replay with "ro",
 * unless "noload" or "norecovery" is given.)  Other writes are noticed only if they meet one of the
 * places.
 *
 * Each hash is a CRC of 64 bits: it misses a random change with a probability of 2^-64, and never
 * misses a change within 64 successive bits.  A seal does not protect against forgery, because
 * whoever can write to the device can also write to the metadata.
 *
 * All hashed bytes are read with O_DIRECT, for two reasons: the page cache of the origin may
 * contain content that the volume has overwritten since, and the reads would fill the cache with
 * pages that nobody needs.  At most SEAL_READ_MAX bytes are read.
 */
#ifndef ERAD_SEAL_H
#define ERAD_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "common/err.h"

#define SEAL_ENTRIES	128u
#define SEAL_SAMPLES	64u
#define SEAL_SAMPLE_SIZE	(64u << 10)
#define SEAL_WHOLE	(12u << 20)
#define SEAL_PIECE	(64u << 10)
#define SEAL_READ_MAX	(16u << 20)

/* The layout in the metadata, little-endian.  nr 0: there is no seal. */
struct seal {
	__le32 version;		/* SEAL_VERSION */
	__le32 nr;		/* number of entries */
	__le64 seed;		/* seed from which the places of the samples are computed */
	struct seal_entry {
		__le64 offset;	/* place in bytes */
		__le32 length;
		__le32 what;	/* a value of enum seal_what */
		__le64 hash;
	} entry[SEAL_ENTRIES];
};

#define SEAL_VERSION	1u

enum seal_what {
	SEAL_ALL,		/* a piece of a small device, which is read in full */
	SEAL_FIRST,
	SEAL_LAST,
	SEAL_SUPER,
	SEAL_LOG,
	SEAL_SAMPLE,
	SEAL_FILES,		/* the root directory, or the table of the files */
	NR_SEAL_WHAT
};

_Static_assert(sizeof(struct seal) <= 4096 - 512, "a seal and its checksum fit in one page");

/*
 * Opens a device to read it for a seal.  Returns a file descriptor, which the caller closes, or a
 * negative errno.  claim true: also claims the device, so that nobody can mount it until the file
 * is closed.  EBUSY: the kernel or another program uses the device exclusively, for example because
 * it is mounted.
 */
int seal_open(const char *path, bool claim, struct err *err);

/* Flushes the device, and then computes the seal of its first `size` bytes. */
int seal_take(int fd, uint64_t size, uint64_t seed, struct seal *out, struct err *err);

/*
 * Computes a seal of the superblocks and journals only.  The seal contains at most `nr` entries,
 * and no entry crosses a multiple of SEAL_PIECE bytes.  Reads at most 2 MiB, and the partition
 * table.
 */
int seal_take_known(int fd, uint64_t size, unsigned int nr, struct seal *out, struct err *err);

/*
 * Computes the hash of one entry of a seal.  Returns 0 or a negative errno.  EINVAL: the entry has
 * more than SEAL_PIECE bytes.
 */
int seal_hash_entry(int fd, const struct seal_entry *e, uint64_t *hash);

/* Writes what the entry is, for example "4 KiB at byte 0 in a superblock". */
#define SEAL_ENTRY_TEXT	100
const char *seal_entry_text(const struct seal_entry *e, char text[SEAL_ENTRY_TEXT]);

/*
 * Compares the device with the seal.  Returns 0 if they agree; 1 if they differ, with one sentence
 * in `difference`; EINVAL if the seal has an unknown form; or ENOMEM.  A place that cannot be read
 * counts as different.  Ignores places beyond `size`, because a device that has become smaller no
 * longer contains these places.
 */
int seal_compare(int fd, uint64_t size, const struct seal *s, struct err *difference);

#endif /* ERAD_SEAL_H */
