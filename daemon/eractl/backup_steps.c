// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps of a backup that are the same for each kind of target: see backup_steps.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/seen.h"
#include "eractl/backup_base.h"
#include "eractl/backup_image.h"
#include "eractl/backup_lvm.h"
#include "eractl/backup_source.h"
#include "eractl/backup_steps.h"
#include "eractl/closed.h"
#include "eractl/freeze.h"
#include "eractl/temporary.h"
#include "eractl/volumes.h"

static int find_moment(struct backup *b, struct err *err)
{
	struct content *c = &b->content;
	int r;

	b->copy.time = time(NULL);
	b->copy.closed = b->closed;
	if (!b->closed)
		r = content_find_moment(c, b->to, err);
	else
		r = closed_check(c->operand, &c->device, &c->to, err);
	if (r == -ESTALE && b->to)
		err_suffix(err, "run 'eractl checkpoint %s --token', then make a new snapshot, and pass the new token with --to", c->operand);
	c->has_to = true;
	b->copy.token = c->to;
	return r;
}

/* Makes the image, which is the device of the copy from then on. */
static int make_image(struct backup *b, struct err *err)
{
	struct json_object *request = b->request;
	int r;

	b->request = NULL;
	r = b->with_lvm ? backup_lvm_make(&b->image, b->content.operand, b->lvm_size, err) :
			  backup_image_make(&b->image, b->content.operand, request, err);
	b->content.device_path = b->image.device;
	b->content.gaps = json_object_get(json_object_object_get(b->image.made, "gaps"));
	b->to = b->image.token;
	return r;
}

void backup_end_image(struct backup *b)
{
	struct err err;

	b->to = NULL;
	if (b->with_lvm ? backup_lvm_drop(&b->image, &err) : backup_image_drop(&b->image, b->content.operand, &err))
		complain("%s", err.msg);
}

/*
 * Prepares the freeze of the volume's file system.  Call this before the checkpoint, so that the dirty
 * data are written in the era before the era of the copy, and the next increment does not contain
 * them.
 */
static int prepare_freeze(struct backup *b, struct err *err)
{
	const char *away[] = { b->place, b->content.directory ? b->content.directory : temporary_directory(NULL), ERAD_SEEN_DIR, NULL, b->image_place, NULL };
	char *metadata;
	int r;

	r = volume_find_metadata(b->content.operand, &metadata, err);
	if (r)
		return r;
	away[3] = metadata;
	r = freeze_prepare(&b->freeze, b->content.device_path, away, err);
	free(metadata);
	return r;
}

/*
 * Freezes the file system of the volume.  The era of the copy has begun before the freeze, so a
 * write between the checkpoint and the freeze is in the copy and also in the next increment.
 */
static int freeze_volume(struct backup *b, struct err *err)
{
	const int r = freeze_begin(&b->freeze, b->content.device_path, err);

	b->copy.time = time(NULL);
	return r;
}

int backup_prepare(struct backup *b, struct err *err)
{
	int r = b->with_image ? make_image(b, err) : 0;

	/*
	 * Open the device before the checkpoint, so that compared_check_still() finds all later
	 * writes.  With --freeze, the device is opened after the freeze, because the freeze writes
	 * to the device.
	 */
	if (!r)
		r = b->with_freeze ? prepare_freeze(b, err) : content_open(&b->content, err);
	if (!r && b->to)
		r = backup_source_check(b->content.operand, &b->content.device, err);
	return r ? r : find_moment(b, err);
}

int backup_begin(struct backup *b, struct err *err)
{
	const int r = b->with_freeze ? freeze_volume(b, err) : 0;

	return !r && b->with_freeze ? content_open(&b->content, err) : r;
}

int backup_list(struct backup *b, uint64_t size_before, struct err *err)
{
	struct content *c = &b->content;
	char text[sizeof(b->copy.why)];
	uint64_t base_size;
	int r = content_list(c, err);

	if (r == -ESTALE && c->since) {
		backup_make_full(b, err->msg);
		r = content_list(c, err);
	}
	if (r)
		return r;
	base_size = c->since ? size_before : c->head.size;
	if (base_size != c->head.size) {
		snprintf(text, sizeof(text), "the volume has %" PRIu64 " bytes now, and had %" PRIu64 " bytes at the copy before", c->head.size, base_size);
		backup_make_full(b, text);
		r = content_list(c, err);
	} else if (c->since && c->whole) {
		backup_make_full(b, "writes may have gone past erad");
	}
	b->copy.size = c->head.size;
	return r;
}

int backup_end_reading(struct backup *b, struct err *err)
{
	struct content *c = &b->content;
	int r = compared_check_still(&c->device, "copied, so this copy does not count", err);

	if (!r && b->with_lvm)
		r = backup_lvm_check(&b->image, c->device.dev, err);
	else if (!r && b->with_image)
		r = backup_image_check(&b->image, c->operand, c->device.dev, err);
	/*
	 * All data have been read.  Thaw the file system now, because its users need not wait until
	 * the copy is durable.
	 */
	return r ? r : freeze_end(&b->freeze, &b->frozen_ms, err);
}
