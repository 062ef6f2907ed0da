// SPDX-License-Identifier: GPL-2.0-or-later
/* Removes closed volumes from eratab, and removes the metadata files that create has made: see forget.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
#include "erad/device/hidden.h"
#include "erad/ops/conflict.h"
#include "erad/ops/forget.h"
#include "erad/ops/table.h"
#include "erad/volume/registry.h"

/* Removes the metadata file that create has made for the volume, unless another volume uses the file. */
static void remove_own_file(const struct eratab *tab, const char *name, const char *own)
{
	struct err who;

	if (conflict_file(tab, name, own, &who))
		log_notice("volume %s: %s is not removed: %s", name, own, who.msg);
	else if (unlink(own) && errno != ENOENT)
		log_warn("volume %s: cannot remove %s: %m", name, own);
}

int op_forget(const char *name, char **metadata, struct err *err)
{
	char own[sizeof(ERAD_LIB_DIR) + ERAD_NAME_MAX + 16];
	const struct eratab_entry *e;
	struct eratab tab;
	struct claim claim;
	struct volume *v;
	dev_t origin = 0;
	int r;

	*metadata = NULL;
	r = volumes_claim(&claim, name, &v, err);
	if (r)
		return r;
	if (v) {
		volume_unref(v);
		r = err_set(err, -EBUSY, "it is open; close it first");
		goto out_release;
	}
	r = op_read_table(&tab, err);
	if (r)
		goto out_release;
	/*
	 * A line that cannot be parsed can be removed, too; in this case the place of the metadata
	 * is not known.
	 */
	if (!eratab_find(&tab, name, &e, NULL)) {
		*metadata = strdup(e->metadata);
		origin = blockdev_at(e->origin);
	}

	/* Remove the line first: a file without a line does no harm, a line without its file does. */
	r = table_remove(name, err);
	if (r) {
		free(*metadata);
		*metadata = NULL;
		goto out_table;
	}
	hidden_update(origin, false);
	default_metadata(name, own, sizeof(own));
	if (*metadata && !strcmp(*metadata, own))
		remove_own_file(&tab, name, own);
out_table:
	eratab_free(&tab);
out_release:
	volumes_release(&claim);
	return r;
}
