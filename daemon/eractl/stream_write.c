// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes an rbd diff with checks: see stream.h. */
#include <endian.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>

#include "eractl/stream.h"
#include "store/crc32c.h"

static void put_bytes(struct stream_out *o, const void *data, size_t len)
{
	fwrite(data, 1, len, o->file);
	o->position += len;
	o->crc = crc32c(o->crc, data, len);
}

static void put_tag(struct stream_out *o, char tag)
{
	put_bytes(o, &tag, 1);
}

static void put64(struct stream_out *o, uint64_t n)
{
	const __le64 le = htole64(n);

	put_bytes(o, &le, sizeof(le));
}

static void put_name(struct stream_out *o, char tag, const char *name)
{
	const __le32 length = htole32(strlen(name));

	if (!*name)
		return;
	put_tag(o, tag);
	put_bytes(o, &length, sizeof(length));
	put_bytes(o, name, strlen(name));
}

static void put_check(struct stream_out *o, enum stream_check kind)
{
	const __le32 k = htole32(kind);
	const __le64 at = htole64(o->position);
	uint32_t crc;

	crc = crc32c(crc32c(o->crc, &k, sizeof(k)), &at, sizeof(at));
	put_tag(o, 'z');
	put64(o, STREAM_CHECK << 48 | (uint64_t)kind << 32 | crc);
	put64(o, 0);
	o->crc = 0;
	o->group_bytes = 0;
	o->group_extents = 0;
}

void stream_write_head(struct stream_out *o, FILE *file, const struct stream_head *h)
{
	*o = (struct stream_out){ .file = file };
	put_bytes(o, STREAM_MAGIC, strlen(STREAM_MAGIC));
	put_name(o, 'f', h->from);
	put_name(o, 't', h->to);
	put_tag(o, 's');
	put64(o, h->size);
	put_check(o, CHECK_HEAD);
}

void stream_write_extent(struct stream_out *o, const struct stream_extent *e)
{
	const uint64_t bytes = e->data ? e->length : 0;

	if (o->group_bytes + bytes > STREAM_GROUP || o->group_extents == STREAM_EXTENTS)
		put_check(o, CHECK_GROUP);
	put_tag(o, e->data ? 'w' : 'z');
	put64(o, e->offset);
	put64(o, e->length);
	if (e->data)
		put_bytes(o, e->data, e->length);
	o->group_bytes += bytes;
	o->group_extents++;
}

void stream_write_end(struct stream_out *o)
{
	put_check(o, CHECK_END);
	put_tag(o, 'e');
}

void stream_name(const struct token *t, char name[STREAM_NAME_MAX + 1])
{
	char text[TOKEN_TEXT_SIZE], *p;

	token_text(t, text);
	for (p = text; *p; p++)
		if (*p == ':')
			*p = '-';
	snprintf(name, STREAM_NAME_MAX + 1, "erad-%s", text);
}
