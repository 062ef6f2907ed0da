/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A witness: hashes of some places of an origin while the volume is open, its content identity
 * (content_id.h), and the era that was current.  After a crash, there is no seal, and the next open
 * compares the origin with the witness.  erad/volume/witness.h says which places are compared, and when
 * a difference may be a false alarm.
 *
 * The places are the superblocks and the starts of journals, as in a seal, also those in logical
 * volumes.  No place crosses a multiple of 64 KiB.  So a place contains few blocks, and seldom
 * drops out because one of its blocks was written later.  The places are added in the same order as
 * in a seal.  Whatever is directly on the origin or on a partition needs at least two places.  So
 * if a physical volume is alone on an origin, its witness contains the superblocks of 18 logical
 * volumes with ext4 or xfs, or of 6 with LUKS.
 */
#ifndef ERAD_WITNESS_H
#define ERAD_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "common/content_id.h"
#include "common/err.h"
#include "common/seal.h"

#define WITNESS_VERSION	1u
#define WITNESS_PLACES	20u

/* The layout in the metadata, little-endian.  nr 0: there is no place. */
struct witness {
	__le32 version;		/* WITNESS_VERSION; 0: there is no witness */
	__le32 nr;		/* number of places */
	/* The places were read after this era had begun, and the writes of older eras had ended. */
	__le32 era;
	/*
	 * The members of struct content_id.  Older versions of erad wrote zeros here, which is
	 * CONTENT_NOT_READ.
	 */
	__le32 content_kind;
	struct seal_entry place[WITNESS_PLACES];
	__u8 content_id[16];
};

_Static_assert(sizeof(struct witness) == 512, "one sector");

/* What witness_difference() returns if the device differs from the witness. */
#define WITNESS_PLACE_DIFFERS	1	/* a place differs, or the device cannot be read */
#define WITNESS_CONTENT_DIFFERS	2	/* the content identity differs */

/*
 * Flushes the device, and then reads the places and the content identity.  era: see struct witness.
 * fd: from seal_open().  size: bytes of the volume.  Reads at most 2 MiB, the first 68 KiB, and the
 * partition table.  Waits as long as the
 * device takes.
 */
int witness_take(int fd, uint64_t size, uint32_t era, struct witness *out, struct err *err);

/*
 * Compares the device with the content identity and all places of a valid witness.  Returns 0 if they
 * agree, or one of the values above.  In the latter case, *difference contains a sentence.  Waits as
 * long as the device takes.
 */
int witness_difference(int fd, const struct witness *w, struct err *difference);

/* Returns whether the content is a witness with places that this version understands. */
bool witness_valid(const struct witness *w);

/*
 * Convert a witness to text in hexadecimal, and back.  witness_from_text() returns false if the
 * text is not the text of a witness.
 */
#define WITNESS_TEXT_SIZE	(2 * sizeof(struct witness) + 1)
const char *witness_text(const struct witness *w, char text[WITNESS_TEXT_SIZE]);
bool witness_from_text(const char *text, struct witness *w);

#endif /* ERAD_WITNESS_H */
