// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Creates volumes: refuses devices that could be harmed, writes metadata, and undoes everything if
 * a step fails.
 */
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
#include "common/files.h"
#include "common/mapper_file.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/device/dm.h"
#include "erad/device/hidden.h"
#include "common/identity.h"
#include "erad/device/probe.h"
#include "erad/ops/claim.h"
#include "erad/ops/conflict.h"
#include "erad/ops/create.h"
#include "erad/ops/open.h"
#include "erad/ops/table.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"
#include "erad_format.h"
#include "store/aside.h"
#include "store/place.h"

/* The file or device of the metadata, and the state that a failed create must restore. */
struct place {
	const char *path;
	bool created;			/* this create has made the file */
	bool begun;			/* This create may have overwritten the former content. */
	bool blank;			/* there was no content before */
	struct stat st;			/* stat of the file or device before the first write */
	/*
	 * New path of the file that was at the path before the create, and was moved aside.  "":
	 * there was none.
	 */
	char aside[PATH_MAX];
};

struct creation {
	const struct create_args *args;
	struct eratab_entry entry;
	struct store_geometry geometry;
	char lasting[PATH_MAX];		/* path of the origin, to which entry.origin points */
	dev_t origin;			/* number of the device at this path */
	struct place place;
};

struct eratab_entry *creation_entry(struct creation *c)
{
	return &c->entry;
}

void creation_table(const struct creation *c, struct dm_table *t)
{
	*t = (struct dm_table){ .nr_sectors = c->geometry.nr_sectors, .origin = c->origin };
	memcpy(t->uuid, c->geometry.uuid, sizeof(t->uuid));
}

/* What a page contains: zeros, a superblock of this create, or other content. */
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
 * Erases what this create has written.  The UUID in the superblocks shows whether this create has
 * written them.  blank true: there was no content before, so erases everything.  blank false:
 * erases only the superblocks, so that the metadata cannot be opened.  EBUSY: nothing was erased,
 * because blank is true, but another program has written to the place.
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
	/* If no superblock has been written yet, everything is still zero. */
	return mine ? place_clear(e, g) : 0;
}

static const char *undo_error(int code)
{
	return code == -ESTALE ? "another file or device has this path now" : strerror(-code);
}

/*
 * Opens the file or device to which this create has written.  ESTALE: another file or device is at
 * the path now.  The caller closes *e, also after an error.
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
	return same ? 0 : err_set(err, -ESTALE, "another process has replaced %s meanwhile", p->path);
}

/* Renames the former metadata file, which was moved aside, back to its path. */
static void return_former(const struct place *p)
{
	int r = aside_return(p->aside, p->path);

	if (r) {
		log_error("cannot rename the old metadata file back to %s, so its path is now %s: %s", p->path, p->aside, strerror(-r));
		return;
	}
	r = file_sync_name(p->path);
	if (r)
		log_error("the old metadata file was renamed back to %s, but after a power cut it may be %s again: %s", p->path, p->aside, strerror(-r));
}

/*
 * Undoes the changes of create to the file or device of the metadata.
 *
 * - A file that this create has made is removed.
 * - A blank place becomes blank again, even if the volume has begun an era and folded its journal.
 * - A metadata file that was moved aside is renamed back to its path.
 * - On a device that was overwritten, no metadata can be opened afterwards.
 * - A place that cannot be opened stays as it is, because another program may have it open.
 * - A file that another program has put at the path stays, too.
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
		/*
		 * Set the size while the file is open: the engine's lock keeps other programs from
		 * opening the metadata.
		 */
		if (!r && S_ISREG(p->st.st_mode)) {
			r = engine_truncate(e, p->st.st_size);
			if (r)
				log_warn("cannot set the size of %s back to the old size: %s", p->path, strerror(-r));
		}
		engine_destroy(e);
	}
	if (*p->aside)
		return_former(p);
}

/* Renames the former metadata file to another path, until the new metadata works. */
static int move_aside(struct place *p, struct err *err)
{
	int r = aside_move(p->path, &p->st, p->aside);

	if (r == -ESTALE && *p->aside)
		err_set(err, r, "another process has replaced %s meanwhile: one of the two files is now %s", p->path,
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

/*
 * Examines the place of the metadata, and opens the file or device there.  The caller closes *e,
 * also after an error.
 */
static int examine(const struct create_args *a, struct place *p, bool device,
			 const struct store_geometry *g, struct engine **e, struct err *err)
{
	struct err who;
	uint64_t nr_sectors;
	dev_t dev;
	int r;

	if (device) {
		r = probe_device(p->path, &dev, &nr_sectors, err);
		if (r)
			return r;
		if (probe_in_use(dev, p->path, &who))
			return err_set(err, -EBUSY, "%s is in use: %s", p->path, who.msg);
	}
	r = engine_open(p->path, ENGINE_CLAIM, e, err);
	if (r)
		return r;
	r = engine_stat(*e, &p->st);
	if (r)
		return err_set(err, r, "cannot look at %s: %s", p->path, strerror(-r));
	return place_check(p->path, *e, g, a->overwrite, &p->blank, err);
}

/*
 * Examines the place of the metadata, and opens the file or device there.  Makes a blank file large
 * enough.  Moves a file with content aside, and sets *e to NULL: create must make a new file.  The
 * caller closes *e, also after an error.
 */
static int open_existing(const struct create_args *a, struct place *p, bool device,
			 const struct store_geometry *g, struct engine **e, struct err *err)
{
	const uint64_t size = store_size(g, NULL);
	int r;

	r = examine(a, p, device, g, e, err);
	if (r || !S_ISREG(p->st.st_mode))
		return r;
	if (p->blank) {
		p->begun = true;
		r = (*e)->ops->grow(*e, size);
		return r ? err_set(err, r, "cannot make %s %llu bytes long: %s", p->path,
				   (unsigned long long)size, strerror(-r)) : 0;
	}
	r = move_aside(p, err);
	engine_destroy(*e);
	*e = NULL;
	return r;
}

/* Writes new metadata.  After a failure, undo_metadata() uses *p to undo the changes. */
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

/* Adds to the error of a place that does not answer what the user can do.  Returns r. */
static int other_place(int r, struct err *err)
{
	if (r == -ETIMEDOUT)
		err_suffix(err, "if it does, name another place with --metadata");
	return r;
}

/*
 * Checks the arguments of a create, and fills in *g and *origin, the number of the origin.
 * lasting: a buffer of PATH_MAX bytes, which receives the path of the origin for eratab.
 */
static int check_arguments(const struct create_args *a, struct store_geometry *g, char *lasting, dev_t *origin,
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
	r = peek_ask(a->origin, PEEK_OPEN, PEEK_OPEN_MS, NULL, err);
	if (!r)
		r = other_place(peek_ask(a->metadata, PEEK_WRITE, PEEK_OPEN_MS, &found, err), err);
	if (r)
		return r;
	r = op_read_table(&tab, err);
	if (r)
		return r;
	r = eratab_find(&tab, a->name, &e, err);
	if (!r)
		r = err_set(err, -EEXIST, "%s already has a volume of this name", ERAD_TAB);
	else if (r == -ENOENT)
		r = conflict_line(&tab, &u, err);
	eratab_free(&tab);
	if (r)
		return r;
	r = dm_exists(a->name, err);
	if (r)
		return r < 0 ? r : err_set(err, -EEXIST, "there is a /dev/mapper/%s already",
					   a->name);
	r = mapper_file_refuse(a->name, err);
	if (r)
		return r;
	r = probe_device(a->origin, &dev, &g->nr_sectors, err);
	if (r)
		return r;
	if (!g->nr_sectors)
		return err_set(err, -EINVAL, "origin %s has no sectors", a->origin);
	if (!a->below && probe_in_use(dev, a->origin, &who))
		return err_set(err, -EBUSY,
			       "origin %s is in use: %s; free it first (unmount it, for example), and use /dev/mapper/%s in its place afterwards",
			       a->origin, who.msg, a->name);
	u.origin_dev = dev;
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
		return err_set(err, r, "the path of origin %.300s is too long", a->origin);
	r = uuid_random(g->uuid);
	if (r)
		return err_set(err, r, "cannot make a UUID: %s", strerror(-r));
	g->block_sectors = (uint32_t)(a->block_size / 512);
	*origin = dev;
	return 0;
}

int creation_new(const struct create_args *a, struct creation **out, struct err *err)
{
	/* Allocate the creation, because it is too large for the small stacks of erad's threads. */
	struct creation *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->args = a;
	c->place.path = a->metadata;
	c->entry.origin = c->lasting;
	c->entry.metadata = (char *)a->metadata;
	strcpy(c->entry.name, a->name);
	r = check_arguments(a, &c->geometry, c->lasting, &c->origin, err);
	if (r)
		free(c);
	else
		*out = c;
	return r;
}

int creation_examine(const struct creation *c, struct err *err)
{
	struct place p = c->place;
	struct engine *e = NULL;
	struct stat st;
	int r;

	/* creation_write() refuses what is neither a file nor a device. */
	if (stat(p.path, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		return 0;
	r = examine(c->args, &p, S_ISBLK(st.st_mode), &c->geometry, &e, err);
	engine_destroy(e);
	return r;
}

int creation_write(struct creation *c, struct err *err)
{
	return write_metadata(c->args, &c->place, &c->geometry, err);
}

void creation_keep(struct creation *c)
{
	if (*c->place.aside && unlink(c->place.aside))
		log_warn("cannot remove %s: %m", c->place.aside);
	free(c);
}

/*
 * Returns false if the place of the metadata does not answer, and adds to err what stays there.
 */
static bool can_undo(const struct place *p, struct err *err)
{
	struct err why;

	if (!p->created && !p->begun && !*p->aside)
		return true;
	if (peek_ask(p->path, PEEK_WRITE, PEEK_OPEN_MS, NULL, &why) != -ETIMEDOUT)
		return true;
	err_suffix(err, "the new metadata stays at %.300s (%.600s); when this place works again, repeat the command with --overwrite-metadata, or erase the metadata",
		   p->path, why.msg);
	if (*p->aside)
		err_suffix(err, "the file that was there before is %.300s", p->aside);
	return false;
}

void creation_undo(struct creation *c, struct err *err)
{
	if (can_undo(&c->place, err))
		undo_metadata(&c->place, &c->geometry);
	free(c);
}

static int create_claimed(const struct create_args *a, struct volume **out, struct err *err)
{
	struct volume *stuck;
	struct creation *c;
	struct err ignored, why;
	int r;

	r = creation_new(a, &c, err);
	if (r)
		return r;
	r = creation_write(c, err);
	if (r)
		goto out_metadata;
	failpoint(FAILPOINT_CREATE_FORMATTED);
	r = table_add(&c->entry, err);
	if (r)
		goto out_metadata;
	failpoint(FAILPOINT_CREATE_LISTED);
	r = open_claimed(&c->entry, OPEN_NEW, &(struct open_choice){ 0 }, NULL, out, err);
	if (r)
		goto out_line;
out_keep:
	creation_keep(c);
	return r;

out_line:
	/*
	 * If the device could not be removed, keep the line and the metadata, because the device
	 * needs them.  The device may exist although there is no volume: when erad stops, it
	 * detaches from its volumes and leaves the devices.  Compare the UUID, because another
	 * program may have made a device of this name meanwhile, and the error of dm_create() does
	 * not say so.  Also keep the line and the metadata if it is not known whether the device
	 * belongs to this volume.
	 */
	stuck = volumes_get(a->name);
	volume_unref(stuck);
	if (stuck || dm_is_volume(a->name, c->geometry.uuid, &ignored))
		goto out_keep;
	if (table_remove(a->name, ERATAB_KEEP, &why))
		err_suffix(err, "the create is not undone completely: %s", why.msg);
	/*
	 * Show the origin again, because udev may have hidden it after reading the line of eratab.
	 */
	hidden_update(c->origin, false, HIDDEN_BUSY_MS);
out_metadata:
	creation_undo(c, err);
	return r;
}

int create_with(const struct create_args *args,
		int (*fn)(const struct create_args *a, struct volume **out, struct err *err),
		struct volume **out, struct err *err)
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
		/*
		 * Create the directory here and not at the start of erad, because at the start,
		 * /var is perhaps not mounted yet.
		 */
		r = other_place(lib_dir_make(PEEK_OPEN_MS, err), err);
		if (r)
			return r;
		default_metadata(a.name, path, sizeof(path));
		a.metadata = path;
	}
	if (*a.origin != '/' || *a.metadata != '/')
		return err_set(err, -EINVAL, "%.300s is not an absolute path",
			       *a.origin != '/' ? a.origin : a.metadata);
	r = op_claim_live(&claim, a.name, &v, err);
	if (r)
		return r;
	if (v) {
		volume_unref(v);
		r = err_set(err, -EEXIST, "a volume of this name is open already");
	} else {
		r = fn(&a, out, err);
	}
	volumes_release(&claim);
	return r;
}

int op_create(const struct create_args *args, struct volume **out, struct err *err)
{
	return create_with(args, create_claimed, out, err);
}
