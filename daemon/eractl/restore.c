// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes metadata of what somebody says was written when: see restore.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/size.h"
#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/metadata.h"
#include "eractl/restore.h"
#include "store/build.h"
#include "store/place.h"

/* The place of the metadata. */
struct place {
	bool created;	/* the file was not there before */
	bool blank;	/* it was there, and nothing was on it */
	bool file;	/* there was a regular file … */
	off_t size;	/* … of so many bytes */
};

struct target {
	const struct restore *what;
	struct store_geometry geometry;
	uint32_t era;
	struct build *build;	/* NULL: only looking whether what is read is good */
};

static int take_super(void *ctx, const struct era_super *sb, struct err *err)
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
	if (sb->has_uuid) {
		memcpy(t->geometry.uuid, sb->uuid, sizeof(sb->uuid));
		return 0;
	}
	ret = uuid_random(t->geometry.uuid);
	return ret ? err_set(err, ret, "cannot make a UUID: %s", strerror(-ret)) : 0;
}

static int take_blocks(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	struct target *t = ctx;

	return t->build ? build_put(t->build, first, len, era, err) : 0;
}

static int read_all(struct target *t, struct err *err)
{
	static const struct era_sink sink = { .super = take_super, .blocks = take_blocks };

	return t->what->read(t->what->from, &sink, t, err);
}

/* Opens the place, of which *p says what it was. */
static int open_target(struct target *t, struct place *p, struct engine **e, struct err *err)
{
	const char *path = t->what->path;
	char text[SIZE_EXACT];
	uint64_t size, written;
	struct stat st = { };
	int ret;

	size = store_size(&t->geometry, &written);
	if (stat(path, &st) && errno == ENOENT) {
		ret = engine_create_file(path, size, written, err);
		if (ret)
			return ret;
		p->created = true;
	}
	ret = metadata_open(path, ENGINE_CLAIM, e, err);
	if (ret)
		return ret;
	if (!p->created) {
		p->file = S_ISREG(st.st_mode);
		p->size = st.st_size;
		ret = place_check(path, *e, &t->geometry, t->what->overwrite, &p->blank, err);
	}
	/* A device that is smaller may do with a smaller journal: build_begin() knows. */
	if (!ret && (*e)->size < size) {
		ret = (*e)->ops->grow(*e, size);
		if (ret == -ENOSPC && !p->file)
			ret = 0;
		if (ret)
			err_set(err, ret, "%s: making it %s long: %s", path, size_exact(text, size),
				strerror(-ret));
	}
	return ret;
}

static int fill(struct target *t, struct engine *e, struct err *err)
{
	int ret;

	ret = build_begin(e, &t->geometry, t->era, &t->build, err);
	if (ret)
		return ret;
	ret = read_all(t, err);
	if (!ret)
		return build_end(t->build, err);
	build_cancel(t->build);
	return ret;
}

/* Makes a place that was blank blank again, and removes a file that was not there. */
static void take_back(const struct target *t, const struct place *p, struct engine *e)
{
	const char *path = t->what->path;
	int ret;

	if (p->created) {
		unlink(path);
	} else if (p->blank) {
		ret = place_clear(e, &t->geometry);
		if (ret)
			complain("%s: cannot clear it again: %s", path, strerror(-ret));
		if (!ret && p->file && truncate(path, p->size))
			complain("%s: cannot give it its old size: %s", path, strerror(errno));
	}
}

static int make(struct target *t, struct store_info *info, struct err *err)
{
	struct place p = { };
	struct engine *e = NULL;
	struct store *s;
	int ret;

	ret = read_all(t, err);
	if (!ret)
		ret = open_target(t, &p, &e, err);
	if (!ret)
		ret = fill(t, e, err);
	if (ret) {
		take_back(t, &p, e);
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

static void print(const struct restore *what, const struct store_info *info)
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
	json_object_object_add(o, "metadata", json_object_new_string(what->path));
	metadata_add(o, info);
	print_json(o);
	json_object_put(o);
}

int restore(const struct restore *what)
{
	struct target t = { .what = what };
	struct store_info info;
	struct err err;

	if (make(&t, &info, &err))
		return fail(&err);
	print(what, &info);
	return EXIT_SUCCESS;
}
