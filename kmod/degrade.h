/* SPDX-License-Identifier: GPL-2.0-only */
/* The degrade record, with which writes go on when no owner can record them. */
#ifndef ERAD_DEGRADE_H
#define ERAD_DEGRADE_H

#include "instance.h"

/*
 * Allocates ei->record.  Called by ctr if the table names a metadata device.  Returns 0 or -ENOMEM.
 * The record is freed together with ei, and its page before that, by erad_record_free_page().
 */
int erad_record_alloc(struct erad_instance *ei);

/*
 * Frees the page of the record.  Called by dtr, and by ctr after a failure, when no write of the
 * record is in flight.  rec may be NULL.
 */
void erad_record_free_page(struct erad_record *rec);

/*
 * Copies the record that READY passes: ERAD_RECORD_SIZE bytes of content, which will be written to
 * `sector`, in units of 512 bytes.  content NULL: READY passes no record; drops the old record and
 * returns 0.  Context: ei->mutex, while LOADING.
 *
 * Returns -EINVAL if there is no metadata device, if a logical block of the device is larger than a
 * page, if the sector is not aligned to a logical block, or if the record would reach beyond the
 * end of the device.
 */
int erad_record_set(struct erad_instance *ei, const u8 *content, u64 sector);

/* Returns whether a write of the record is in flight.  Needs no lock. */
bool erad_degrade_busy(const struct erad_instance *ei);

/*
 * Begins to write the record.  When the record is durable, all writes pass.  If a write of the
 * record is in flight already, begins no second write, and undoes an erad_degrade_cancel(): all
 * writes pass when the write in flight has ended.  Context: ei->mutex, not while LOADING.
 */
void erad_degrade_start(struct erad_instance *ei);

/*
 * Ioctl DEGRADE; returns its errors.  Waits until the write of the record has ended, or until a
 * fatal signal arrives.
 */
int erad_degrade_now(struct erad_instance *ei);

/*
 * If a write of the record is in flight, its end no longer releases the held writes.  Context:
 * ei->mutex.
 */
void erad_degrade_cancel(struct erad_instance *ei);

#endif /* ERAD_DEGRADE_H */
