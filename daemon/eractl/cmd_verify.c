// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl verify: compares a volume with a copy of it, and says whether every block that differs is
 * in the diff.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/bookmarks.h"
#include "eractl/changes.h"
#include "eractl/compared.h"
#include "eractl/progress.h"
#include "eractl/volumes.h"

/*
 * Limit of the bytes that are compared at a time.  These are whole blocks.  A block that is larger
 * than PIECE is compared at once.
 */
#define PIECE		(1u << 20)
#define COMPARED	"compared, so the comparison is not valid"
#define SAY_MAX		10u		/* limit of the missing extents that are printed as text */

struct extent {
	uint64_t offset, length;
};

struct extents {
	struct extent *e;
	size_t nr, room;
};

struct verify {
	const char *volume, *base_path, *device_path;
	/* The token that the user has given.  NULL: the user has given the era `since`. */
	const char *token;
	uint32_t since;
	bool snapshot, json;
	uint64_t block_size, size, era;
	struct extents diff;
	struct compared device, base;
	/*
	 * Numbers of bytes.  differ: in blocks that differ.  unchanged: in blocks of the diff that
	 * do not differ.  missing_bytes: in blocks that differ and are not in the diff.
	 */
	uint64_t differ, unchanged, missing_bytes;
	struct extents missing;
	bool full_copy_due;	/* the metadata does not know the moment of the token */
};

static int add_difference(struct extents *x, uint64_t offset, uint64_t length, struct err *err)
{
	if (x->nr && x->e[x->nr - 1].offset + x->e[x->nr - 1].length == offset) {
		x->e[x->nr - 1].length += length;
		return 0;
	}
	if (x->nr == x->room) {
		const size_t room = x->room ? 2 * x->room : 1024;
		struct extent *e = reallocarray(x->e, room, sizeof(*e));

		if (!e)
			return err_set(err, -ENOMEM, "out of memory");
		x->e = e;
		x->room = room;
	}
	x->e[x->nr++] = (struct extent){ offset, length };
	return 0;
}

static int begin_verify(void *ctx, const struct changes_head *head, struct err *err)
{
	struct verify *v = ctx;

	(void)err;
	v->block_size = head->block_size;
	v->size = head->size;
	v->era = head->era;
	return 0;
}

static int verify_extent(void *ctx, uint64_t offset, uint64_t length, struct err *err)
{
	struct verify *v = ctx;

	return add_difference(&v->diff, offset, length, err);
}

static int get_diff(struct verify *v, struct err *err)
{
	const struct changes_reader reader = {
		.token = v->token, .since = v->since, .snapshot = v->snapshot,
		.ctx = v, .begin = begin_verify, .extent = verify_extent,
	};
	int r = changes_read(v->volume, &reader, err);

	v->full_copy_due = r == -ESTALE;
	return v->full_copy_due ? err_prefix(err, r, "volume %s: a full copy is due", v->volume) : r;
}

/*
 * Returns whether the diff contains the block at offset.  Call this with ascending offsets.  *at is
 * a position in the diff, which must be 0 at first.
 */
static bool in_diff(const struct verify *v, uint64_t offset, size_t *at)
{
	while (*at < v->diff.nr && v->diff.e[*at].offset + v->diff.e[*at].length <= offset)
		++*at;
	return *at < v->diff.nr && v->diff.e[*at].offset <= offset;
}

/*
 * Compares the blocks of a piece of the volume and of the base.  The base contains only the first
 * `has` bytes of the piece; the other bytes count as different.
 */
static int compare_blocks(struct verify *v, uint64_t offset, uint64_t len, uint64_t has, size_t *at,
			  struct err *err)
{
	for (uint64_t i = 0; i < len; i += v->block_size) {
		const uint64_t n = len - i < v->block_size ? len - i : v->block_size;
		const bool differs = i + n > has || memcmp(v->device.buf + i, v->base.buf + i, n);
		const bool listed = in_diff(v, offset + i, at);
		int r = 0;

		v->differ += differs ? n : 0;
		v->unchanged += listed && !differs ? n : 0;
		if (differs && !listed) {
			v->missing_bytes += n;
			r = add_difference(&v->missing, offset + i, n, err);
		}
		if (r)
			return r;
	}
	return 0;
}

static int compare_copies(struct verify *v, struct err *err)
{
	const uint64_t step = v->block_size >= PIECE ? v->block_size : PIECE / v->block_size * v->block_size;
	uint64_t offset, len, has;
	size_t at = 0;
	int r;

	r = compared_buffer(&v->device, step, err);
	if (!r)
		r = compared_buffer(&v->base, step, err);
	for (offset = 0; offset < v->size && !r; offset += len) {
		progress_show("comparing", offset, v->size);
		len = v->size - offset < step ? v->size - offset : step;
		has = offset < v->base.size ? v->base.size - offset : 0;
		if (has > len)
			has = len;
		r = compared_read(&v->device, offset, len, err);
		if (!r)
			r = compared_read(&v->base, offset, has, err);
		if (!r)
			r = compare_blocks(v, offset, len, has, &at, err);
	}
	progress_show("comparing", v->size, v->size);
	return r;
}

static int verify_volume(struct verify *v, struct err *err)
{
	int r;

	if (blockdev_same_place(v->device_path, v->base_path))
		return err_set(err, -EINVAL, "%s is the volume itself, expected a copy of it", v->base_path);
	/*
	 * Open the volume and the base before the diff, so that compared_check_still() finds all
	 * later writes.
	 */
	r = compared_open(&v->device, v->device_path, err);
	if (!r)
		r = compared_open(&v->base, v->base_path, err);
	if (!r)
		r = get_diff(v, err);
	if (!r && v->device.size < v->size)
		r = err_set(err, -EINVAL, "%s has %" PRIu64 " bytes, expected the %" PRIu64 " of volume %s",
			    v->device_path, v->device.size, v->size, v->volume);
	if (!r)
		r = compare_copies(v, err);
	if (!r)
		r = compared_check_still(&v->device, COMPARED, err);
	if (!r)
		r = compared_check_still(&v->base, COMPARED, err);
	return r;
}

static void print_verified_json(const struct verify *v)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < v->missing.nr; i++) {
		struct json_object *e = json_object_new_object();

		json_object_object_add(e, "offset", json_object_new_uint64(v->missing.e[i].offset));
		json_object_object_add(e, "length", json_object_new_uint64(v->missing.e[i].length));
		json_object_array_add(list, e);
	}
	json_object_object_add(o, "volume", jsonl_text(v->volume));
	json_object_object_add(o, "device", jsonl_text(v->device.path));
	json_object_object_add(o, "base", jsonl_text(v->base.path));
	json_object_object_add(o, "since", json_object_new_uint64(v->since));
	json_object_object_add(o, "era", json_object_new_uint64(v->era));
	json_object_object_add(o, "size", json_object_new_uint64(v->size));
	json_object_object_add(o, "block_size", json_object_new_uint64(v->block_size));
	json_object_object_add(o, "differing_bytes", json_object_new_uint64(v->differ));
	json_object_object_add(o, "missing_bytes", json_object_new_uint64(v->missing_bytes));
	json_object_object_add(o, "unchanged_bytes", json_object_new_uint64(v->unchanged));
	json_object_object_add(o, "missing", list);
	print_json(o);
	json_object_put(o);
}

static void print_verified(const struct verify *v)
{
	char differ[SIZE_TEXT], unchanged[SIZE_TEXT], missing[SIZE_TEXT];

	printf("%s: %s differ from ", v->volume, size_format(differ, v->differ));
	print_printable(stdout, v->base.path);
	if (v->missing_bytes)
		printf("; %s of that are NOT in the diff since era %" PRIu32, size_format(missing, v->missing_bytes),
		       v->since);
	else
		printf("; all of that is in the diff since era %" PRIu32, v->since);
	printf("; %s in the diff do not differ\n", size_format(unchanged, v->unchanged));
	for (size_t i = 0; i < v->missing.nr && i < SAY_MAX; i++)
		complain("%s: %" PRIu64 " bytes from byte %" PRIu64 " on differ and are not in the diff",
			 v->volume, v->missing.e[i].length, v->missing.e[i].offset);
	if (v->missing.nr > SAY_MAX)
		complain("%s: and %zu more extents; --json lists all", v->volume, v->missing.nr - SAY_MAX);
}

static int verify_and_print(struct verify *v)
{
	char *its_own = NULL;
	struct err err;
	int r = 0;

	if (!v->device_path) {
		r = volume_find_device(v->volume, &its_own, &err);
		v->device_path = its_own;
	}
	if (!r)
		r = verify_volume(v, &err);
	if (!r && v->json)
		print_verified_json(v);
	else if (!r)
		print_verified(v);
	compared_close(&v->device);
	compared_close(&v->base);
	free(v->diff.e);
	free(v->missing.e);
	free(its_own);
	if (r) {
		fail(&err);
		return v->full_copy_due ? EXIT_FULL_COPY : EXIT_FAILURE;
	}
	return v->missing_bytes ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_verify(const struct command *cmd, int argc, char **argv)
{
	struct verify v = { .device = COMPARED_NONE, .base = COMPARED_NONE };
	char found[TOKEN_TEXT_SIZE];
	const char *since = NULL;
	struct err err;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'B':
			v.base_path = optarg;
			break;
		case 'V':
			v.device_path = optarg;
			break;
		case 's':
			since = optarg;
			break;
		case 'S':
			v.snapshot = true;
			break;
		case 'J':
			v.json = true;
			break;
		}
	}
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	if (!v.base_path)
		return usage_error(cmd, "--base FILE|DEV is missing");
	if (since_parse(cmd, since, &v.token, &v.since))
		return EXIT_USAGE;
	v.volume = argv[optind];
	if (since_find(v.volume, &v.token, &v.since, found, &err))
		return fail(&err);
	return verify_and_print(&v);
}

const struct command cmd_verify = {
	.name = "verify",
	.args = "NAME --base FILE|DEV --since ERA|TOKEN|@BOOKMARK [--device DEV] [--snapshot] [--json]",
	.summary = "compare with a copy, and check the diff",
	.text =
	"Compares the volume with a copy that was made when era ERA began. Prints whether\n"
	"every block that differs is in the diff since ERA, and how many bytes of the diff\n"
	"do not differ. What lies beyond the end of the copy counts as different. Reads all\n"
	"of the volume and all of the copy, and writes nothing. Exits with 1 if a block that\n"
	"differs is not in the diff, and with 3 if a full copy is due, as diff does.\n"
	"\n"
	"Nothing may write to the volume meanwhile: unmount its file system, mount it only\n"
	"for reading, or freeze it. With --device, reads a snapshot of the volume in its\n"
	"place. If the volume or the copy was written, the command says so, and fails.",
	.options = "BVsSJ",
	.run = run_verify,
};
