/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of eractl backup: what was requested, what is being copied, and the result. */
#ifndef ERACTL_BACKUP_H
#define ERACTL_BACKUP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/token.h"
#include "eractl/backup_image.h"
#include "eractl/content.h"
#include "eractl/freeze.h"
#include "eractl/manifest.h"

struct backup {
	bool closed;			/* the operand is the metadata of a closed volume */
	bool init, full, verify, json;
	const char *target;		/* a directory, the URI of an NBD export, or qcow2:FILE */
	bool nbd;			/* the target is an NBD export, or qcow2:FILE */
	/* Only for an NBD export: the operand of --state, and whether --overwrite was given. */
	const char *state;
	bool overwrite;
	/* Directory that the backup writes to, so its file system cannot be frozen. */
	const char *place;
	const char *image_place;	/* the image, or its directory; NULL: no image */
	unsigned int keep;		/* number of chains that stay; 0: all chains stay */
	/* Number of increments after which a full copy follows; 0: never. */
	unsigned int full_every;
	/* Token of the era that had begun when the snapshot was made.  NULL: no snapshot. */
	const char *to;
	bool with_image;		/* --image or --lvm was given */
	bool with_lvm;			/* --lvm was given: the image is a snapshot of LVM */
	uint64_t lvm_size;		/* its size in bytes; 0: it needs none */
	/* The request for an image.  NULL: there is no --image, or erad has made the image already. */
	struct json_object *request;
	struct backup_image image;
	bool with_freeze;		/* --freeze was given */
	struct freeze freeze;
	long long frozen_ms;		/* how long the file system was frozen */
	struct content content;
	struct manifest manifest;
	struct backup_copy copy;	/* the copy that is being made */
	char base_token[TOKEN_TEXT_SIZE];
	/* The file of the copy that is the base of this increment.  "": this is a full copy. */
	char base_file[MANIFEST_FILE_MAX + 1];
	/*
	 * Whether the newest copy is of this moment already.  If so, nothing was copied, and `copy`
	 * is the newest copy.
	 */
	bool already;
	bool made;			/* whether the copy is in MANIFEST, or no copy was needed */
	struct json_object *removed;	/* array of the files of old copies that were removed */
	uint64_t bytes_removed;
	uint64_t bytes_read;		/* number of bytes of the volume that were copied */
	long long started_ms;
};

/*
 * Prints the result of a backup whose `made` is true: one JSON object, or sentences.  The seconds of
 * the result are counted until this call.
 */
void backup_print_result(const struct backup *b);

#endif /* ERACTL_BACKUP_H */
