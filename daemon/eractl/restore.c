// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes metadata from eras that a reader provides: see restore.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "common/size.h"
#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/metadata.h"
#include "eractl/restore.h"
#include "eractl/target_check.h"
#include "store/aside.h"
#include "store/build.h"
#include "store/place.h"

/* The state of the path before the metadata was written. */
struct place {
	bool created;	/* nothing was at the path; restore() has created the file */
	bool blank;	/* a device or a file without content was at the path */
	struct stat st;	/* stat of the file or device before the first write */
};

struct target {
	const struct restore *what;
	struct store_geometry geometry;
	uint32_t era;
	struct store_notes notes;
	bool has_notes;
	struct build *build;	/* the metadata that is being written; NULL: only check the input */
};

static int restore_super(void *ctx, const struct era_super *sb, struct err *err)
{
	struct target *t = ctx;
	int ret;

	if (t->build)
		return 0;
	t->geometry = (struct store_geometry){
		.nr_sectors = sb->nr_sectors, .block_sectors = sb->block_sectors,
		.journal_pages = sb->journal_pages, .chunk_pages = sb->chunk_pages,
	};
	t->era = sb->era;
	t->has_notes = sb->notes;
	if (sb->notes)
		t->notes = *sb->notes;
	if (sb->has_uuid) {
		memcpy(t->geometry.uuid, sb->uuid, sizeof(sb->uuid));
		return 0;
	}
	ret = uuid_random(t->geometry.uuid);
	return ret ? err_set(err, ret, "cannot make a UUID: %s", strerror(-ret)) : 0;
}

static int restore_blocks(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	struct target *t = ctx;

	return t->build ? build_put(t->build, first, len, era, err) : 0;
}

static int read_input(struct target *t, struct err *err)
{
	static const struct era_sink sink = { .super = restore_super, .blocks = restore_blocks };

	return t->what->read(t->what->from, &sink, t, err);
}

/* Opens the file or device for the metadata.  *p receives its state before the first write. */
static int open_restore_target(struct target *t, struct place *p, struct engine **e, struct err *err)
{
	const char *path = t->what->path;
	char text[SIZE_EXACT];
	uint64_t size, written;
	struct stat st;
	int ret;

	ret = target_check_metadata(path, err);
	if (ret)
		return ret;
	size = store_size(&t->geometry, &written);
	if (stat(path, &st) && errno == ENOENT) {
		ret = engine_create_file(path, size, written, &p->st, err);
		if (ret)
			return ret;
		p->created = true;
	}
	ret = metadata_open(path, ENGINE_CLAIM, e, err);
	if (ret)
		return ret;
	ret = engine_stat(*e, &st);
	if (ret)
		return err_set(err, ret, "cannot examine %s: %s", path, strerror(-ret));
	if (!p->created) {
		p->st = st;
		ret = place_check(path, *e, &t->geometry, t->what->overwrite, &p->blank, err);
	} else if (st.st_dev != p->st.st_dev || st.st_ino != p->st.st_ino) {
		ret = err_set(err, -ESTALE, "another process has replaced %s meanwhile; run the command again", path);
	}
	/*
	 * A device cannot grow, so keep its size.  build_begin() checks whether a smaller journal
	 * fits.
	 */
	if (!ret && (*e)->size < size) {
		ret = (*e)->ops->grow(*e, size);
		if (ret == -ENOSPC && !S_ISREG(p->st.st_mode))
			ret = 0;
		if (ret)
			err_set(err, ret, "%s: cannot make it %s long: %s", path, size_exact(text, size),
				strerror(-ret));
	}
	return ret;
}

static int write_eras(struct target *t, struct engine *e, struct err *err)
{
	int ret;

	ret = build_begin(e, &t->geometry, t->era, &t->build, err);
	if (ret)
		return ret;
	ret = t->has_notes ? build_notes(t->build, &t->notes) : 0;
	if (ret)
		err_set(err, ret, "out of memory");
	else
		ret = read_input(t, err);
	if (!ret)
		return build_end(t->build, err);
	build_cancel(t->build);
	return ret;
}

/*
 * After a failure, makes a blank device or file blank again, and removes the file that restore()
 * has created.  Keeps a file that somebody else has put at the path.
 */
static void undo_restore(const struct target *t, const struct place *p, struct engine *e)
{
	const char *path = t->what->path;
	int ret;

	if (p->created) {
		ret = aside_remove(path, &p->st);
		if (ret)
			complain("cannot remove the new file %s: %s", path, strerror(-ret));
	} else if (p->blank) {
		ret = place_clear(e, &t->geometry);
		if (!ret && S_ISREG(p->st.st_mode))
			ret = engine_truncate(e, p->st.st_size);
		if (ret)
			complain("%s: cannot bring back its former content and size: %s", path, strerror(-ret));
	}
}

static int make_metadata(struct target *t, struct store_info *info, struct err *err)
{
	struct place p = { };
	struct engine *e = NULL;
	struct store *s;
	int ret;

	ret = read_input(t, err);
	if (!ret)
		ret = open_restore_target(t, &p, &e, err);
	if (!ret)
		ret = write_eras(t, e, err);
	if (ret) {
		undo_restore(t, &p, e);
		engine_destroy(e);
		return ret;
	}
	ret = store_open(e, STORE_READ, &s, err);
	if (ret)
		return ret;
	store_info(s, info);
	store_close(s, false, NULL);
	return 0;
}

static void print_restored(const struct restore *what, const struct store_info *info)
{
	struct json_object *o;

	if (!what->json) {
		print_printable(stdout, what->path);
		printf(": ");
		metadata_print(info);
		putchar('\n');
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "metadata", jsonl_text(what->path));
	metadata_add(o, info);
	print_json(o);
	json_object_put(o);
}

int restore(const struct restore *what)
{
	struct target t = { .what = what };
	struct store_info info;
	struct err err;

	if (make_metadata(&t, &info, &err))
		return fail(&err);
	print_restored(what, &info);
	return EXIT_SUCCESS;
}
