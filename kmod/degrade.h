/* SPDX-License-Identifier: GPL-2.0-only */
/* The degrade record, with which writes go on when no owner can record them. */
#ifndef ERAD_DEGRADE_H
#define ERAD_DEGRADE_H

#include "instance.h"

/* ctr calls this if ei has opened a metadata device.  The record is freed with ei. */
int erad_record_alloc(struct erad_instance *ei);

/* Frees the page of the record.  dtr calls this when no write of the record is in flight.  d may be NULL. */
void erad_record_free_page(struct erad_record *rec);

/*
 * Copies the record that READY passes, and the sector to which the record will be written.  content
 * NULL: READY passes no record; drops the old one and returns 0.  Returns -EINVAL if there is no
 * metadata device, if a logical block of the device is larger than a page, if the sector is not
 * aligned to a logical block, or if the record does not fit into the device there.  Context:
 * ei->mutex, while LOADING.
 */
int erad_record_set(struct erad_instance *ei, const u8 *content, u64 sector);

/* Returns whether a write of the record is in flight.  Needs no lock. */
bool erad_degrade_busy(const struct erad_instance *ei);

/*
 * Begins to write the record, unless a write of the record is in flight.  Context: ei->mutex, not
 * while LOADING.
 */
void erad_degrade_start(struct erad_instance *ei);

/* Ioctl DEGRADE: returns its errors.  Waits until the write of the record has ended. */
int erad_degrade_now(struct erad_instance *ei);

/*
 * Cancels the release of writes: when the record in flight becomes durable, this instance does not
 * change.  Context: ei->mutex.
 */
void erad_degrade_cancel(struct erad_instance *ei);

#endif /* ERAD_DEGRADE_H */
