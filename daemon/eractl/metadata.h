/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens and prints metadata, for the commands that work without erad. */
#ifndef ERACTL_METADATA_H
#define ERACTL_METADATA_H

#include <json-c/json.h>

#include "common/eratab.h"
#include "common/past_note.h"
#include "store/store.h"

/*
 * Finds a volume in /etc/eratab.  operand: the operand of dump or check, which is the name of a
 * volume, or a path.  Returns the volume's entry.  Returns NULL if the operand is a path, if eratab
 * does not contain the name, or if eratab cannot be read.  The entry belongs to tab, which the
 * caller frees with eratab_free() in any case.
 */
const struct eratab_entry *metadata_volume(const char *operand, struct eratab *tab);

/* Opens metadata.  EBUSY: the metadata is in use; the message in err says what to do. */
int metadata_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err);

/*
 * Returns whether the target of the volume was out of its device's table when erad last saw the
 * device.  Then writes may have gone past erad, and only the next open finds out.
 */
bool metadata_is_out(struct store *s);

/*
 * Returns whether another device was on the origin at erad's last look before the close: see
 * common/past_note.h.  Then writes may have gone past erad, and only the next open records the gap.
 * Sets text to the device, or to "".
 */
bool metadata_past(struct store *s, char text[PAST_NOTE_TEXT]);

/* Prints "UUID: era 5, 10 GiB in blocks of 64 KiB", without a newline. */
void metadata_print(const struct store_info *info);

/*
 * Adds the values that metadata_print() prints to o, as the members uuid, era, size and block_size.
 */
void metadata_add(struct json_object *o, const struct store_info *info);

#endif /* ERACTL_METADATA_H */
