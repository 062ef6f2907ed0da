/* SPDX-License-Identifier: GPL-2.0-only */
/* The degrade record: how writes go on when no owner can record them. */
#ifndef ERAD_DEGRADE_H
#define ERAD_DEGRADE_H

#include "instance.h"

/* Called by ctr if ei has opened a metadata device.  The record is freed with ei. */
int erad_record_alloc(struct erad_instance *ei);

/* Called by dtr, when no write of the record is in flight: frees the record's page.  d may be NULL. */
void erad_record_free_page(struct erad_record *rec);

/*
 * Under ei->mutex, while LOADING: copies the record that READY brings.  content NULL: there is no
 * record.  Returns EINVAL if there is no metadata device, or if it has no such sector.
 */
int erad_record_set(struct erad_instance *ei, const u8 *content, u64 sector);

/* Whether a write of the record is in flight.  No lock. */
bool erad_degrade_busy(const struct erad_instance *ei);

/* Under ei->mutex, not while LOADING: begins to write the record, if no write of it is in flight. */
void erad_degrade_start(struct erad_instance *ei);

/* Ioctl DEGRADE; errors as there.  Waits until the write of the record has ended. */
int erad_degrade_now(struct erad_instance *ei);

/* Under ei->mutex: when the record in flight becomes durable, it changes nothing in this instance. */
void erad_degrade_cancel(struct erad_instance *ei);

#endif /* ERAD_DEGRADE_H */
