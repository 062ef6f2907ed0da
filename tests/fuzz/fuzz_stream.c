// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the reader of streams.
 *
 * An input that begins with "rbd" is used as a stream. From any other input, the target makes a
 * stream with checks, and changes a byte of the stream. Every extent that the reader returns must
 * have been written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "eractl/stream.h"
#include "fuzz.h"

#define EXTENTS		64u
#define BUF		(1u << 16)

struct source {
	const uint8_t *data;
	size_t size, at, step;	/* step: how many bytes one read returns at most */
};

/* What a reader has returned. */
struct result {
	int ret;
	bool checks;
	struct stream_head head;
	unsigned int nr;
	uint64_t hash[EXTENTS];	/* checksum of the offsets and lengths of all extents */
	uint64_t all;		/* checksum of all content, however the extents were cut */
};

static ssize_t read_source(void *ctx, void *buf, size_t len)
{
	struct source *s = ctx;

	if (len > s->step)
		len = s->step;
	if (len > s->size - s->at)
		len = s->size - s->at;
	memcpy(buf, s->data + s->at, len);
	s->at += len;
	return len;
}

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	for (const uint8_t *p = data; len; p++, len--)
		h = (h ^ *p) * 0x100000001b3;
	return h;
}

static void read_all(const uint8_t *data, size_t size, size_t step, struct result *r)
{
	struct source source = { data, size, 0, step };
	struct err err = { "" };
	struct stream_extent e;
	struct stream_in *s;
	uint64_t end = 0;

	memset(r, 0, sizeof(*r));
	r->ret = stream_open(read_source, &source, &s, &err);
	expect(!r->ret == !!s && !r->ret == !err.msg[0]);
	if (r->ret) {
		expect(r->ret == -EBADMSG || r->ret == -EPIPE);
		return;
	}
	r->head = *stream_get_head(s);
	r->checks = stream_has_checks(s);
	expect(r->head.size && r->head.size <= INT64_MAX);
	while ((r->ret = stream_next(s, &e, &err)) == 1) {
		uint64_t h = hash(0, &e.offset, sizeof(e.offset));

		expect(e.offset >= end && e.length && e.length <= r->head.size && e.offset <= r->head.size - e.length);
		end = e.offset + e.length;
		h = hash(h, &e.length, sizeof(e.length));
		if (e.data)
			h = hash(h, e.data, e.length);
		if (r->nr < EXTENTS)
			r->hash[r->nr] = h;
		r->nr++;
		r->all = hash(r->all, &h, sizeof(h));
	}
	expect(!r->ret == !err.msg[0] && (!r->ret || r->ret == -EBADMSG || r->ret == -EPIPE));
	stream_close(s);
}

/* Reads a foreign stream. The result must not depend on the sizes of the reads. */
static void read_as_it_is(const uint8_t *data, size_t size)
{
	struct result whole, pieces;

	read_all(data, size, SIZE_MAX, &whole);
	read_all(data, size, 7, &pieces);
	expect(whole.ret == pieces.ret && whole.nr == pieces.nr && whole.all == pieces.all);
}

static void put_extents(const uint8_t *data, size_t size, const struct stream_head *head)
{
	static uint8_t bytes[256];
	struct stream_out out;
	uint64_t at = 0;
	size_t i;

	stream_write_head(&out, stdout, head);
	for (i = 0; i + 2 < size && i / 3 < EXTENTS; i += 3) {
		struct stream_extent e = { at + data[i] * 512, data[i + 1] + 1, data[i + 2] & 1 ? bytes : NULL };

		if (e.offset + e.length > head->size)
			break;
		at = e.offset + e.length;
		memset(bytes, data[i + 2], sizeof(bytes));
		/* Write a check here, as if the group were full. */
		if (data[i + 2] & 2)
			out.group_bytes = STREAM_GROUP;
		stream_write_extent(&out, &e);
	}
	stream_write_end(&out);
}

/*
 * Reads a stream of erad.  The unchanged stream is read with the content that was written.  A
 * stream with a changed byte, or without its end, is refused.
 */
static void write_and_read(const uint8_t *data, size_t size)
{
	struct token t = { .timeline = 1 + data[0], .era = data[1] }, again;
	struct stream_head head = { .size = 512 + data[2] * 65536 };
	static struct result good, bad;
	FILE *old = stdout;
	char *text = NULL;
	size_t len, at;

	memcpy(t.uuid, data, 4);
	stream_name(&t, head.to);
	expect(stream_token(head.to, &again) && again.era == t.era && again.timeline == t.timeline);
	if (data[3] & 1)
		strcpy(head.from, "a snapshot");
	stdout = open_memstream(&text, &len);
	expect(stdout);
	put_extents(data + 6, size - 6, &head);
	fclose(stdout);
	stdout = old;
	read_all((uint8_t *)text, len, SIZE_MAX, &good);
	expect(!good.ret && good.checks && !strcmp(good.head.to, head.to) && !strcmp(good.head.from, head.from));
	expect(good.head.size == head.size);

	at = (data[4] | data[5] << 8) % len;
	read_all((uint8_t *)text, at, 4096, &bad);
	expect(bad.ret == -EPIPE && bad.nr <= good.nr && !memcmp(bad.hash, good.hash, bad.nr * sizeof(*bad.hash)));
	text[at] ^= 1 << data[3] % 8;
	read_all((uint8_t *)text, len, 4096, &bad);
	expect(bad.ret && bad.nr <= good.nr && !memcmp(bad.hash, good.hash, bad.nr * sizeof(*bad.hash)));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token t;
	char name[STREAM_NAME_MAX + 1];

	if (size < 8 || size > BUF)
		return 0;
	if (!memcmp(data, "rbd", 3))
		read_as_it_is(data, size);
	else
		write_and_read(data, size);
	memcpy(name, "erad-", 5);
	snprintf(name + 5, sizeof(name) - 5, "%.*s", (int)(size < 200 ? size : 200), data);
	stream_token(name, &t);
	return 0;
}
