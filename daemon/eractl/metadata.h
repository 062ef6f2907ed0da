/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that work on metadata themselves, without erad. */
#ifndef ERACTL_METADATA_H
#define ERACTL_METADATA_H

#include <json-c/json.h>

#include "common/eratab.h"
#include "store/store.h"

/*
 * What the operand of dump or check names: NULL, or the entry of the volume in
 * /etc/eratab, which the caller frees with the table, eratab_free().
 */
const struct eratab_entry *metadata_volume(const char *operand, struct eratab *tab);

/* Opens metadata that nobody has in use; EBUSY, and a sentence that says what to do, if somebody has. */
int metadata_open(const char *path, enum engine_mode mode, struct engine **out, struct err *err);

/* "UUID: era 5, 10 GiB in blocks of 64 KiB", without a newline. */
void metadata_print(const struct store_info *info);

/* The same as members of o: uuid, era, size, block_size. */
void metadata_add(struct json_object *o, const struct store_info *info);

#endif /* ERACTL_METADATA_H */
