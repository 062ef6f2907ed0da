// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes metadata of what somebody says was written when: see restore.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/metadata.h"
#include "eractl/restore.h"
#include "store/build.h"

#define EMPTY_BYTES	(1u << 20)	/* zeros there: nothing that is known is on it */

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

/* EEXIST if anything is on it. */
static int check_empty(struct engine *e, struct err *err)
{
	const uint64_t len = e->size < EMPTY_BYTES ? e->size : EMPTY_BYTES;
	char *buf;
	int ret;

	if (!len)
		return 0;
	buf = aligned_alloc(ERAD_PAGE, EMPTY_BYTES);
	if (!buf)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	ret = e->ops->read(e, buf, 0, len);
	if (ret)
		err_set(err, ret, "%s: reading it: %s", e->name, strerror(-ret));
	else if (buf[0] || memcmp(buf, buf + 1, len - 1))
		ret = err_set(err, -EEXIST,
			      "%s: it is not empty; --force overwrites what is there", e->name);
	free(buf);
	return ret;
}

/* *created: the file was not there before. */
static int open_target(struct target *t, struct engine **e, bool *created, struct err *err)
{
	uint64_t size, written;
	int ret;

	size = store_size(&t->geometry, &written);
	*created = access(t->what->path, F_OK) && errno == ENOENT;
	if (*created) {
		ret = engine_create_file(t->what->path, size, written, err);
		if (ret) {
			*created = false;
			return ret;
		}
	}
	ret = metadata_open(t->what->path, ENGINE_WRITE, e, err);
	if (ret)
		return ret;
	if (!*created && !t->what->force)
		ret = check_empty(*e, err);
	/* A device that is smaller may do with a smaller journal: build_begin() knows. */
	if (!ret && (*e)->size < size) {
		ret = (*e)->ops->grow(*e, size);
		if (ret == -ENOSPC)
			ret = 0;
		if (ret)
			err_set(err, ret, "%s: making it %" PRIu64 " bytes long: %s", t->what->path, size,
				strerror(-ret));
	}
	if (ret) {
		engine_destroy(*e);
		*e = NULL;
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

static int make(struct target *t, struct store_info *info, struct err *err)
{
	struct engine *e = NULL;
	bool created = false;
	struct store *s;
	int ret;

	ret = read_all(t, err);
	if (!ret)
		ret = open_target(t, &e, &created, err);
	if (!ret)
		ret = fill(t, e, err);
	if (!ret) {
		ret = store_open(e, STORE_READ, &s, err);
		e = NULL;
	}
	if (!ret) {
		store_info(s, info);
		store_close(s, false, NULL);
	}
	engine_destroy(e);
	if (ret && created)
		unlink(t->what->path);
	return ret;
}

static void print(const struct restore *what, const struct store_info *info)
{
	struct json_object *o;

	if (!what->json) {
		printf("%s: ", what->path);
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
