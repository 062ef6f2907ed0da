// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Removes closed volumes from eratab, and removes the metadata files that create has made: see
 * forget.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dm_tables.h"
#include "common/eratab_use.h"
#include "common/image.h"
#include "common/lvm_filter.h"
#include "erad/base/log.h"
#include "erad/device/hidden.h"
#include "erad/ops/claim.h"
#include "erad/ops/conflict.h"
#include "erad/ops/forget.h"
#include "erad/ops/table.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

#define PEEK_MS		5000	/* limit for reading the UUID from the metadata */

/*
 * Removes the metadata file that create has made for the volume, unless another volume uses the
 * file, or the file system does not answer.  In this last case, sets *kept.
 */
static void remove_own_file(const struct eratab *tab, const char *name, const char *own, struct err *kept)
{
	struct err who;

	if (peek_ask(own, PEEK_WRITE, PEEK_OPEN_MS, NULL, &who)) {
		err_set(kept, 0, "%s is not removed: %.600s; when its file system works again, remove the file", own, who.msg);
		log_warn("volume %s: %s", name, kept->msg);
	} else if (conflict_file(tab, name, own, &who)) {
		log_notice("volume %s: %s is not removed: %s", name, own, who.msg);
	} else if (unlink(own) && errno != ENOENT) {
		log_warn("volume %s: cannot remove %s: %m", name, own);
	}
}

/* Sets uuid to the UUID of the metadata, or to "" if the metadata cannot be read within PEEK_MS. */
static void read_uuid(const char *metadata, char uuid[UUID_TEXT_SIZE])
{
	struct peek found;

	if (!peek_within(metadata, PEEK_SUPER, PEEK_MS, NULL, &found) && found.is_erad)
		uuid_text(found.uuid, uuid);
	else
		*uuid = 0;
}

int forget_claimed(const char *name, struct forgotten *out, struct err *err)
{
	char own[sizeof(ERAD_LIB_DIR) + ERAD_NAME_MAX + 16];
	const struct eratab_entry *e;
	struct eratab tab;
	const char *same;
	dev_t origin = 0;
	int r;

	*out = (struct forgotten){ 0 };
	r = op_read_table(&tab, err);
	if (r)
		return r;
	/*
	 * Also remove a line that cannot be parsed, although the path of its metadata is not known.
	 */
	if (!eratab_find(&tab, name, &e, NULL)) {
		/* If the path does not answer, udev keeps hiding the origin until the next event. */
		if (!peek_ask(e->origin, PEEK_DEVICE, PEEK_MS, NULL, NULL))
			origin = hidden_find(e->origin);
		out->metadata = strdup(e->metadata);
	}

	/*
	 * Remove the line before the file: a file without a line does no harm, but a line without
	 * its file does.  If the removal of the line is not durable, keep both, so that the next
	 * forget can remove both.
	 */
	r = table_remove(name, ERATAB_PUT_BACK, err);
	if (r) {
		free(out->metadata);
		*out = (struct forgotten){ 0 };
	} else {
		hidden_update(origin, false, HIDDEN_BUSY_MS);
		if (out->metadata)
			read_uuid(out->metadata, out->uuid);
		same = eratab_same_uuid(&tab, name, out->uuid, read_uuid);
		if (same)
			snprintf(out->same_uuid, sizeof(out->same_uuid), "%s", same);
		default_metadata(name, own, sizeof(own));
		if (out->metadata && !strcmp(out->metadata, own))
			remove_own_file(&tab, name, own, &out->kept);
	}
	eratab_free(&tab);
	return r;
}

/*
 * Refuses a volume that was attached.  detach must remove the pattern for the origin from LVM's
 * configuration, and without the line in eratab, erad would not know of this pattern.
 */
static int refuse_attached(const char *name, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	int r = 0;

	/* If the line cannot be read or parsed, let forget_claimed() remove it. */
	if (op_read_table(&tab, err))
		return 0;
	if (!eratab_find(&tab, name, &e, NULL))
		r = e->detaching ? 1 : lvm_filter_has(LVM_FILTER_FILE, e->origin, err);
	if (r < 0)
		err_prefix(err, r, "cannot tell whether it is attached to a physical volume");
	else if (r)
		r = err_set(err, -EBUSY, "it was attached to %.150s, which LVM cannot use until the volume is detached; run 'eractl detach %s' to detach and forget the volume",
			    e->origin, name);
	eratab_free(&tab);
	return r;
}

int op_forget(const char *name, struct forgotten *out, struct err *err)
{
	struct claim claim;
	struct volume *v;
	int r;

	*out = (struct forgotten){ 0 };
	r = op_claim_live(&claim, name, &v, err);
	if (r)
		return r;
	if (v) {
		volume_unref(v);
		r = err_set(err, -EBUSY, "it is open; close it first");
	} else {
		r = image_refuse(name, dm_tables_find(name), err);
		if (!r)
			r = refuse_attached(name, err);
		if (!r)
			r = forget_claimed(name, out, err);
	}
	volumes_release(&claim);
	return r;
}
