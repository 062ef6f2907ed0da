/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds LVM's description of a volume group on one of its physical volumes.  The description is a
 * text, which names all physical and logical volumes of the volume group.
 *
 * The label of the physical volume leads to a header, the header leads to the metadata areas, and
 * each metadata area begins with a header that says where the current text is.  A metadata area is a
 * ring, so the text may continue at its beginning.  The header and the text have checksums.
 */
#ifndef ERAD_PV_TEXT_H
#define ERAD_PV_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/fs_places.h"
#include "common/pv_label.h"

/* Limit for the length of the text in bytes.  A volume group with 1000 logical volumes has a shorter text. */
#define PV_TEXT_MAX	(1u << 20)

struct pv_text {
	char uuid[PV_UUID_SIZE];	/* UUID of the physical volume */
	char *text;			/* ends with a 0 byte; the caller frees it */
	size_t len;			/* number of bytes before the first 0 byte */
};

/*
 * Reads the text of the physical volume that begins at byte `base` of the device.  Returns 0.
 * Returns ENODATA if there is no label of LVM, or no metadata area with a text.  Returns EBADMSG if
 * a checksum or a value of each metadata area is wrong, for example because LVM is writing.  Returns
 * EFBIG if the text is longer than PV_TEXT_MAX.  Returns another negative errno if memory is
 * missing, or if the device cannot be read.  After an error, *out has nothing to free.
 */
int pv_text_read(const struct fs_reader *r, uint64_t base, struct pv_text *out);

#endif /* ERAD_PV_TEXT_H */
