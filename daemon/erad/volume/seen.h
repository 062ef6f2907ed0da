/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices metadata that was put back from an older copy: a file outside of the metadata has the token of the newest era that
 * was seen, ERAD_LIB_DIR/seen/UUID.
 *
 * The file is written after the era is durable in the metadata, so after a crash it may be older than the metadata, but never
 * newer.  It is not flushed: what a power cut leaves of it may be an older token, or nothing.  A copy
 * of the metadata that is put back together with this file is not noticed.
 */
#ifndef ERAD_SEEN_H
#define ERAD_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct store;
struct volume;

/*
 * Writes the token of the volume's current era.  Returns at once: a thread writes it, as the file system may be frozen, or be on the
 * volume.  Any thread.
 */
void seen_note(struct volume *v);

/* Whether the metadata is older than the token; difference then says so in a sentence.  Reads a file.  *era: of the token. */
bool seen_newer(struct store *s, uint32_t *era, struct err *difference);

/*
 * Begins this era in the metadata, if it is a newer one: a gap that is logged in it is in no era that somebody knows from before
 * the metadata was put back, and no such era begins once more.  An era that is too far away is not
 * believed, because each era can begin only once.
 */
int seen_catch_up(struct store *s, uint32_t era, struct err *err);

#endif /* ERAD_SEEN_H */
