// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes readers and writers of single values: sizes, eras, volume names, JSON numbers, and the formats of a diff.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/eratab.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/format.h"
#include "fuzz.h"

static void sizes(const char *text)
{
	uint64_t bytes = 7, again;
	char shown[SIZE_TEXT], exact[32];
	int ret = size_parse(text, &bytes);
	const char *unit = text + strspn(text, "0123456789");

	/* The size that was read is the written number, multiplied by the unit. */
	if (!ret)
		expect(bytes >> (*unit ? 10 * (strcspn(" KMGT", (char[]){ toupper(*unit), 0 })) : 0) ==
		       strtoull(text, NULL, 10));
	expect(!ret || ((ret == -EINVAL || ret == -ERANGE) && bytes == 7));
	expect(strlen(size_format(shown, bytes)) < SIZE_TEXT - 1);
	snprintf(exact, sizeof(exact), "%" PRIu64, bytes);
	expect(!size_parse(exact, &again) && again == bytes);
}

static void values(const char *text)
{
	struct err err = { "" };
	uint32_t era = 7;
	uint64_t n;
	int ret = era_parse(text, &era);

	expect(ret ? ret == -EINVAL && era == 7 : era < UINT32_MAX);
	ret = eratab_check_name(text, &err);
	expect(!ret == !err.msg[0] && (ret || (strlen(text) <= ERAD_NAME_MAX && !strchr(text, '/'))));
	n = strlen(printable(err.msg));
	expect(n < sizeof(err.msg));
}

static void json(const char *text)
{
	struct err err = { "" };
	struct json_object *o;
	uint64_t n;
	int ret = jsonl_parse(text, strlen(text), &o, &err);

	expect(!ret == !err.msg[0]);
	if (ret)
		return;
	json_object_object_foreach(o, key, value) {
		if (json_number(o, key, &n))
			expect(json_object_is_type(value, json_type_int));
		if (json_text(o, key))
			expect(json_object_is_type(value, json_type_string));
	}
	json_object_put(o);
}

/* Returns the output of a format, with a final 0 byte. */
static char *print(const struct diff_format *f, struct diff *d, const uint8_t *data, size_t size)
{
	FILE *old = stdout;
	char *text = NULL;
	uint64_t at = 0;
	size_t len, i;

	stdout = open_memstream(&text, &len);
	expect(stdout);
	f->begin(d);
	for (i = 0; i + 1 < size && at + 1 < d->head.size; i += 2) {
		uint64_t offset = at + data[i] * (d->head.size / 4096 + 1), length;

		if (offset >= d->head.size)
			break;
		length = 1 + data[i + 1] * (d->head.size / 8192 + 1);
		if (length > d->head.size - offset)
			length = d->head.size - offset;
		at = offset + length;
		f->extent(d, d->offset + offset, length);
		d->end = d->offset + at;
		d->changed += length;
		d->extents++;
		at++;		/* extents are merged, so two extents do not touch */
	}
	f->end(d);
	if (f->cut_off && size % 2)
		f->cut_off();
	fclose(stdout);
	stdout = old;
	return text;
}

/* Checks that the map has no gap and no overlap, and that + marks the changed parts. */
static void check_ddrescue(const char *text, const struct diff *d)
{
	uint64_t at = 0, changed = 0, pos, len;
	unsigned int lines = 0;
	char status;

	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		if (*text != '0' || lines++ == 0)	/* the first line is the current position */
			continue;
		expect(sscanf(text, "0x%" SCNx64 "  0x%" SCNx64 "  %c", &pos, &len, &status) == 3);
		expect(pos == at && len > 0);
		at += len;
		if (status == '+')
			changed += len;
	}
	expect(at == d->offset + d->head.size && changed == d->changed);
}

static void check_ranges(const char *text, const struct diff *d)
{
	uint64_t end = 0, changed = 0, pos, len;

	while (sscanf(text, "%" SCNu64 " %" SCNu64, &pos, &len) == 2) {
		expect(pos >= end);
		end = pos + len;
		changed += len;
		text = strchr(text, '\n') + 1;
	}
	expect(changed == d->changed && (!*text || !strcmp(text, "incomplete\n")));
}

/* Each extent is one line.  Here, extents need not be whole blocks. */
static void check_xml(const char *text, const struct diff *d)
{
	uint64_t first, end, extents = 0;
	int ret;

	expect(!strncmp(text, "<blocks>\n", 9));
	for (text = strchr(text, '\n') + 1; *text != '<'; text = strchr(text, '\n') + 1, extents++) {
		ret = sscanf(text, "  <range begin=\"%" SCNu64 "\" end = \"%" SCNu64 "\"/>", &first, &end);
		if (ret != 2)
			expect(sscanf(text, "  <block block=\"%" SCNu64 "\"/>", &first) == 1);
		else
			expect(end > first + 1);
		expect(first < (d->offset + d->head.size) / d->head.block_size + 1);
	}
	expect(!strcmp(text, "</blocks>\n") && extents == d->extents);
}

static void check_json(const char *text, const struct diff *d)
{
	struct json_object *o = json_tokener_parse(text), *list;
	uint64_t n;

	expect(o && json_number(o, "changed_bytes", &n) && n == d->changed);
	list = json_object_object_get(o, "extents");
	expect(json_object_array_length(list) == d->extents);
	expect(!strcmp(json_text(o, "volume"), d->volume));
	json_object_put(o);
}

static void formats(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "table", "json", "ranges", "xml", "ddrescue" };
	const struct diff_format *f;
	struct diff d;
	unsigned int i;
	char *text;

	expect(!diff_format_find("tables"));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		d = (struct diff){ .volume = "data", .head = { .block_size = 4096, .since = 1, .era = 2 } };
		memcpy(&d.head.size, data, 6);
		d.offset = size & 1 ? size * 512 : 0;
		f = diff_format_find(names[i]);
		expect(f);
		text = print(f, &d, data + 6, size - 6);
		switch (i) {
		case 0:
			expect(strstr(text, " changed of "));
			break;
		case 1:
			check_json(text, &d);
			break;
		case 2:
			check_ranges(text, &d);
			break;
		case 3:
			check_xml(text, &d);
			break;
		default:
			check_ddrescue(text, &d);
		}
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	expect(text);
	switch (data[0] % 4) {
	case 0:
		sizes(text);
		break;
	case 1:
		values(text);
		break;
	case 2:
		json(text);
		break;
	default:
		if (size > 6)
			formats(data + 1, size - 1);
	}
	free(text);
	return 0;
}
