// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints the result of eractl backup: see backup.h. */
#include <inttypes.h>
#include <stdio.h>

#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/backup.h"
#include "eractl/eractl.h"

/* Returns whether the file system was frozen, and sets *ms to the time. */
static bool was_frozen(const struct backup *b, long long *ms)
{
	*ms = b->with_lvm ? b->image.frozen_ms : b->frozen_ms;
	return b->with_freeze || (b->with_lvm && *ms >= 0);
}

/* Returns whether the copy is of an image that erad has made, and not LVM. */
static bool with_erads_image(const struct backup *b)
{
	return b->with_image && !b->with_lvm;
}

static void print_backup_json(const struct backup *b, double seconds)
{
	const struct backup_copy *copy = &b->copy;
	struct json_object *o = json_object_new_object();
	const char *base = b->content.since ? b->content.since : "";
	long long frozen_ms;
	char token[TOKEN_TEXT_SIZE];

	json_object_object_add(o, "volume", jsonl_text(b->content.operand));
	if (b->nbd) {
		json_object_object_add(o, "target", jsonl_text(b->target));
		json_object_object_add(o, "base", *base ? json_object_new_string(base) : NULL);
	} else {
		json_object_object_add(o, "directory", jsonl_text(b->manifest.directory));
		json_object_object_add(o, "file", json_object_new_string(copy->file));
		json_object_object_add(o, "base", copy->base < 0 ? NULL : json_object_new_string(b->base_file));
	}
	json_object_object_add(o, "why_full", copy->base < 0 ? jsonl_text(copy->why) : NULL);
	json_object_object_add(o, "token", json_object_new_string(token_text(&copy->token, token)));
	json_object_object_add(o, "time", json_object_new_uint64(copy->time));
	json_object_object_add(o, "size", json_object_new_uint64(copy->size));
	json_object_object_add(o, "copied_bytes", json_object_new_uint64(b->bytes_read));
	if (!b->nbd)
		json_object_object_add(o, "file_bytes", json_object_new_uint64(copy->bytes));
	json_object_object_add(o, "seconds", json_object_new_double(seconds));
	json_object_object_add(o, "frozen_seconds", was_frozen(b, &frozen_ms) ? json_object_new_double((double)frozen_ms / 1000) : NULL);
	json_object_object_add(o, "stood_still_seconds", with_erads_image(b) ? json_object_new_double(b->image.stood_still) : NULL);
	json_object_object_add(o, "image_left", json_object_new_boolean(b->image.left));
	json_object_object_add(o, "verified", json_object_new_boolean((b->verify || b->nbd) && !b->already));
	json_object_object_add(o, "already", json_object_new_boolean(b->already));
	json_object_object_add(o, "removed", json_object_get(b->removed));
	print_json(o);
	json_object_put(o);
}

static void print_removed(const struct backup *b)
{
	const size_t nr = json_object_array_length(b->removed);
	char bytes[SIZE_TEXT];

	if (!nr)
		return;
	print_printable(stdout, b->content.operand);
	printf(": removed %zu old cop%s, %s, because of --keep %u\n", nr, nr == 1 ? "y" : "ies",
	       size_format(bytes, b->bytes_removed), b->keep);
}

/* Prints where the copy is. */
static void print_place(const struct backup *b)
{
	print_printable(stdout, b->nbd ? b->target : b->manifest.directory);
	if (!b->nbd)
		printf("/%s", b->copy.file);
}

static void print_backup(const struct backup *b, double seconds)
{
	const struct backup_copy *copy = &b->copy;
	char bytes[SIZE_TEXT], rate[SIZE_TEXT], file[SIZE_TEXT];
	long long frozen_ms;

	print_printable(stdout, b->content.operand);
	if (b->already) {
		fputs(": nothing was written since the last copy, ", stdout);
		print_place(b);
		putchar('\n');
		return;
	}
	printf(": %s, %s in %.1f s (%s/s), ", copy->base < 0 ? "full copy" : "increment",
	       size_format(bytes, b->bytes_read), seconds,
	       size_format(rate, (uint64_t)((double)b->bytes_read / (seconds > 0.001 ? seconds : 0.001))));
	if (b->nbd)
		fputs("verified, at ", stdout);
	else
		printf("%s%s in ", b->verify ? "verified, " : "", size_format(file, copy->bytes));
	print_place(b);
	if (was_frozen(b, &frozen_ms))
		printf(", frozen for %.1f s", (double)frozen_ms / 1000);
	if (with_erads_image(b))
		printf(", I/O stood still for %.1f ms", b->image.stood_still * 1000);
	if (copy->base < 0) {
		fputs(": ", stdout);
		print_printable(stdout, copy->why);
	}
	putchar('\n');
}

void backup_print_result(const struct backup *b)
{
	const double seconds = (double)(jsonl_now_ms() - b->started_ms) / 1000;

	if (b->json) {
		print_backup_json(b, seconds);
		return;
	}
	print_backup(b, seconds);
	print_removed(b);
}
