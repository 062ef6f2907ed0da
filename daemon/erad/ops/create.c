// SPDX-License-Identifier: GPL-2.0-or-later
/* Creates volumes: refuses what could do harm, writes metadata, and undoes everything if a step fails. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/failpoint.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/device/dm.h"
#include "erad/device/hidden.h"
#include "erad/device/identity.h"
#include "erad/device/probe.h"
#include "erad/ops/conflict.h"
#include "erad/ops/create.h"
#include "erad/ops/open.h"
#include "erad/ops/table.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"
#include "erad_format.h"
#include "store/aside.h"
#include "store/place.h"

/* The place of the metadata, and what a failed create has to undo. */
struct place {
	const char *path;
	bool created;			/* this create has made the file */
	bool begun;			/* this create may have overwritten the former content */
	bool blank;			/* the place held nothing */
	struct stat st;			/* identifies the file or device, before anything is written to it */
	char aside[PATH_MAX];		/* new name of the metadata file that was at path; "": there was none */
};

/* The content of a superblock page. */
enum page { PAGE_ZEROS, PAGE_MINE, PAGE_FOREIGN };

static enum page look_at_page(const uint8_t *page, const uint8_t uuid[16])
{
	const struct erad_disk_super *sb = (const struct erad_disk_super *)page;

	if (!memcmp(sb->magic, ERAD_SUPER_MAGIC, sizeof(sb->magic)) &&
	    !memcmp(sb->uuid, uuid, sizeof(sb->uuid)))
		return PAGE_MINE;
	return !page[0] && !memcmp(page, page + 1, ERAD_PAGE - 1) ? PAGE_ZEROS : PAGE_FOREIGN;
}

/*
 * Erases what this create has written, which it recognizes by the UUID in the superblocks.  If the
 * place was blank, erases everything; else erases the superblocks only, so that the metadata cannot
 * be opened.  EBUSY: somebody else has written to a place that was blank; nothing is erased then.
 */
static int erase(struct engine *e, const struct store_geometry *g, bool blank)
{
	bool mine = false, foreign = false;
	uint8_t *page;
	int r = 0;

	page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	if (!page)
		return -ENOMEM;
	for (uint64_t n = ERAD_SUPER_A; n <= ERAD_SUPER_B && !r; n++) {
		enum page what;

		if ((n + 1) * ERAD_PAGE > e->size)
			break;
		r = e->ops->read(e, page, n * ERAD_PAGE, ERAD_PAGE);
		if (r)
			break;
		what = look_at_page(page, g->uuid);
		mine |= what == PAGE_MINE;
		foreign |= what == PAGE_FOREIGN;
		if (!blank && what == PAGE_MINE)
			r = e->ops->zero(e, n * ERAD_PAGE, ERAD_PAGE);
	}
	free(page);
	if (r)
		return r;
	if (!blank)
		return e->ops->flush(e);
	if (foreign)
		return -EBUSY;
	/* No superblock has been written yet, so there are only zeros. */
	return mine ? place_clear(e, g) : 0;
}

static const char *undo_error(int code)
{
	return code == -ESTALE ? "somebody has replaced it" : strerror(-code);
}

/*
 * Opens the file or device that this create has made or written to.  ESTALE: there is another file
 * or device at the path now.
 */
static int reopen_place(const struct place *p, struct engine **e, struct err *err)
{
	struct stat st;
	bool same;
	int r;

	r = engine_open(p->path, ENGINE_CLAIM, e, err);
	if (r)
		return r;
	r = engine_stat(*e, &st);
	if (r)
		return err_set(err, r, "cannot look at %s: %s", p->path, strerror(-r));
	if (S_ISBLK(st.st_mode))
		same = st.st_rdev == p->st.st_rdev;
	else
		same = st.st_dev == p->st.st_dev && st.st_ino == p->st.st_ino;
	return same ? 0 : err_set(err, -ESTALE, "somebody has replaced %s meanwhile", p->path);
}

/*
 * Undoes what create has done to the metadata's place.  A blank place becomes blank again, even if
 * the volume has begun an era and folded its journal.  A metadata file that was moved aside gets
 * its name back.  A device that was overwritten has no metadata afterwards that can be opened.  A
 * place that cannot be opened is left as it is, because somebody else may have it open.  A file
 * that somebody else has put in the place of this one is left alone too.
 */
static void undo_metadata(const struct place *p, const struct store_geometry *g)
{
	struct engine *e = NULL;
	int r;

	if (p->created) {
		r = aside_remove(p->path, &p->st);
		if (r)
			log_warn("cannot remove the new metadata %s: %s", p->path, undo_error(r));
	} else if (p->begun) {
		r = reopen_place(p, &e, NULL);
		if (!r)
			r = erase(e, g, p->blank);
		if (r)
			log_warn("cannot erase the new metadata on %s: %s", p->path, undo_error(r));
		/* The engine's lock keeps others from opening the file before the file has its size. */
		if (!r && S_ISREG(p->st.st_mode)) {
			r = engine_truncate(e, p->st.st_size);
			if (r)
				log_warn("cannot give %s its old size: %s", p->path, strerror(-r));
		}
		engine_destroy(e);
	}
	r = *p->aside ? aside_return(p->aside, p->path) : 0;
	if (r)
		log_error("the metadata file that was %s is %s now: %s", p->path, p->aside,
			  strerror(-r));
}

/* Moves the former metadata file aside until the new metadata works. */
static int move_aside(struct place *p, struct err *err)
{
	int r = aside_move(p->path, &p->st, p->aside);

	if (r == -ESTALE && *p->aside)
		err_set(err, r, "somebody has replaced %s meanwhile: one of the files is %s now", p->path,
			p->aside);
	else if (r)
		err_set(err, r, "cannot rename %s: %s", p->path, undo_error(r));
	if (r)
		*p->aside = 0;
	return r;
}

static int make_file(struct place *p, const struct store_geometry *g, struct err *err)
{
	uint64_t size, written;
	int r;

	size = store_size(g, &written);
	r = engine_create_file(p->path, size, written, &p->st, err);
	p->created = !r;
	return r;
}

/* Examines the place and opens what is there.  *e is the caller's; NULL: create has to make a file. */
static int open_existing(const struct create_args *a, struct place *p, bool device,
			 const struct store_geometry *g, struct engine **e, struct err *err)
{
	const uint64_t size = store_size(g, NULL);
	struct err who;
	uint64_t nr_sectors;
	dev_t dev;
	int r;

	if (device) {
		r = probe_device(p->path, &dev, &nr_sectors, err);
		if (r)
			return r;
		if (probe_in_use(dev, p->path, &who))
			return err_set(err, -EBUSY, "%s is in use: %.300s", p->path, who.msg);
	}
	r = engine_open(p->path, ENGINE_CLAIM, e, err);
	if (r)
		return r;
	r = engine_stat(*e, &p->st);
	if (r)
		return err_set(err, r, "cannot look at %s: %s", p->path, strerror(-r));
	r = place_check(p->path, *e, g, a->overwrite, &p->blank, err);
	if (r || !S_ISREG(p->st.st_mode))
		return r;
	if (p->blank) {
		p->begun = true;
		r = (*e)->ops->grow(*e, size);
		return r ? err_set(err, r, "%s: making it %llu bytes long: %s", p->path,
				   (unsigned long long)size, strerror(-r)) : 0;
	}
	r = move_aside(p, err);
	engine_destroy(*e);
	*e = NULL;
	return r;
}

/* Makes the metadata.  If this fails, *p says what undo_metadata() has to undo. */
static int write_metadata(const struct create_args *a, struct place *p,
			  const struct store_geometry *g, struct err *err)
{
	struct engine *e = NULL;
	struct stat st;
	int r = 0;

	if (!stat(p->path, &st)) {
		if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
			return err_set(err, -ENOTBLK,
				       "%s is neither a block device nor a regular file", p->path);
		r = open_existing(a, p, S_ISBLK(st.st_mode), g, &e, err);
	} else if (errno != ENOENT) {
		return err_set(err, -errno, "cannot look at %s: %m", p->path);
	}
	if (!r && !e) {
		r = make_file(p, g, err);
		if (!r)
			r = reopen_place(p, &e, err);
	}
	if (!r) {
		p->begun = true;
		r = store_format(e, g, a->progress, a->ctx, err);
	}
	engine_destroy(e);
	return r;
}

/* lasting: gets the path of the origin for eratab; PATH_MAX bytes. */
static int check_arguments(const struct create_args *a, struct store_geometry *g, char *lasting,
		 struct err *err)
{
	struct use u = { .name = a->name, .origin = a->origin, .metadata = a->metadata };
	const struct eratab_entry *e;
	struct eratab tab;
	struct peek found;
	struct err who;
	dev_t dev;
	int r;

	if (!a->block_size || a->block_size % ERAD_PAGE || a->block_size / 512 > UINT32_MAX)
		return err_set(err, -EINVAL,
			       "got a block size of %llu bytes, expected a multiple of %u below 2 TiB",
			       (unsigned long long)a->block_size, ERAD_PAGE);
	r = op_read_table(&tab, err);
	if (r)
		return r;
	r = eratab_find(&tab, a->name, &e, err);
	if (!r)
		r = err_set(err, -EEXIST, "%s names it already", ERAD_TAB);
	else if (r == -ENOENT)
		r = conflict_line(&tab, &u, err);
	eratab_free(&tab);
	if (r)
		return r;
	r = dm_exists(a->name, err);
	if (r)
		return r < 0 ? r : err_set(err, -EEXIST, "there is a /dev/mapper/%s already",
					   a->name);
	r = probe_device(a->origin, &dev, &g->nr_sectors, err);
	if (r)
		return r;
	if (!g->nr_sectors)
		return err_set(err, -EINVAL, "origin %s has no sectors", a->origin);
	if (probe_in_use(dev, a->origin, &who))
		return err_set(err, -EBUSY,
			       "origin %s is in use: %.300s; free it first (unmount it, for example), and use /dev/mapper/%s in its place afterwards",
			       a->origin, who.msg, a->name);
	u.origin_dev = dev;
	peek_now(a->metadata, PEEK_SUPER, &found);
	if (found.is_erad)
		u.uuid = found.uuid;
	r = conflict_live(&u, err);
	if (r)
		return r;
	r = probe_lasting(a->metadata, err);
	if (!r)
		r = probe_apart(a->metadata, a->origin, dev, err);
	if (r)
		return r;
	r = identity_lasting_path(a->origin, dev, lasting, PATH_MAX);
	if (r)
		return err_set(err, r, "%.300s: the path is too long", a->origin);
	r = uuid_random(g->uuid);
	if (r)
		return err_set(err, r, "cannot make a UUID: %s", strerror(-r));
	g->block_sectors = (uint32_t)(a->block_size / 512);
	return 0;
}

static int create_claimed(const struct create_args *a, struct volume **out, struct err *err)
{
	struct store_geometry g = { 0 };
	char lasting[PATH_MAX];
	struct eratab_entry e = {
		.origin = lasting,
		.metadata = (char *)a->metadata,
	};
	struct place *p;
	struct volume *stuck;
	struct err ignored;
	int r;

	r = check_arguments(a, &g, lasting, err);
	if (r)
		return r;
	/* Static, because it is too large for the small stacks of erad's threads. */
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->path = a->metadata;
	r = write_metadata(a, p, &g, err);
	if (r)
		goto out_metadata;
	failpoint(FAILPOINT_CREATE_FORMATTED);
	strcpy(e.name, a->name);
	r = table_add(&e, err);
	if (r)
		goto out_metadata;
	failpoint(FAILPOINT_CREATE_LISTED);
	r = open_claimed(&e, false, out, err);
	if (r)
		goto out_line;
out_keep:
	if (*p->aside && unlink(p->aside))
		log_warn("cannot remove %s: %m", p->aside);
	free(p);
	return r;

out_line:
	/*
	 * A device that could not be removed needs its line and its metadata.  The device may exist
	 * without a volume: an erad that is told to stop lets go of its volumes.
	 */
	stuck = volumes_get(a->name);
	volume_unref(stuck);
	if (stuck || (r != -EEXIST && dm_exists(a->name, &ignored)))
		goto out_keep;
	if (table_remove(a->name, &ignored))
		log_warn("volume %s: %s", a->name, ignored.msg);
	/* udev may have read the line of eratab, and have hidden the origin. */
	hidden_update(blockdev_at(lasting), false);
out_metadata:
	undo_metadata(p, &g);
	free(p);
	return r;
}

int op_create(const struct create_args *args, struct volume **out, struct err *err)
{
	char path[sizeof(ERAD_LIB_DIR) + ERAD_NAME_MAX + 16];
	struct create_args a = *args;
	struct claim claim;
	struct volume *v;
	int r;

	r = eratab_check_name(a.name, err);
	if (r)
		return r;
	if (!a.metadata) {
		/* Create the directory here and not when erad starts, because /var may not be mounted then. */
		if (mkdir(ERAD_LIB_DIR, 0700) && errno != EEXIST)
			return err_set(err, -errno, "cannot make %s: %m", ERAD_LIB_DIR);
		default_metadata(a.name, path, sizeof(path));
		a.metadata = path;
	}
	if (*a.origin != '/' || *a.metadata != '/')
		return err_set(err, -EINVAL, "%.300s is not an absolute path",
			       *a.origin != '/' ? a.origin : a.metadata);
	r = volumes_claim(&claim, a.name, &v, err);
	if (r)
		return r;
	if (v) {
		volume_unref(v);
		r = err_set(err, -EEXIST, "there is an open volume of that name");
	} else {
		r = create_claimed(&a, out, err);
	}
	volumes_release(&claim);
	return r;
}
