/* SPDX-License-Identifier: GPL-2.0-only */
/* The degrade record. */
#ifndef ERAD_DEGRADE_H
#define ERAD_DEGRADE_H

#include "instance.h"

/* From ctr: for a metadata device that ei has opened.  Frees nothing on failure; NULL is fine. */
int erad_record_alloc(struct erad_instance *ei);
void erad_record_free(struct erad_record *rec);

/*
 * Under ei->mutex, while LOADING: copies what READY brings; content NULL: there is no
 * record.  EINVAL if the metadata device has no such sector, or if there is none.
 */
int erad_record_set(struct erad_instance *ei, const u8 *content, u64 sector);

/* Whether there is a record, and whether it is being written.  No lock. */
bool erad_degrade_possible(const struct erad_instance *ei);
bool erad_degrade_busy(const struct erad_instance *ei);

/* Under ei->mutex, not while LOADING: begins to write the record, if no write of it is in flight. */
void erad_degrade_start(struct erad_instance *ei);

/* Ioctl DEGRADE; errors as there.  Waits for the write of the record. */
int erad_degrade_now(struct erad_instance *ei);

/* Under ei->mutex: a record that is being written has no effect on this instance any more. */
void erad_degrade_cancel(struct erad_instance *ei);

#endif /* ERAD_DEGRADE_H */
