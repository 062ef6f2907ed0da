// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads an rbd diff, with or without checks: see stream.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/uuid.h"
#include "eractl/stream.h"
#include "store/crc32c.h"

/* First size of the buffer in bytes.  The size is doubled up to STREAM_GROUP. */
#define FIRST_ROOM	(64u << 10)

/* A record 'w' or 'z' of the stream. */
struct record {
	char tag;
	uint64_t offset, length;
};

struct stream_in {
	stream_read_fn read;
	void *ctx;
	struct stream_head head;
	bool checks;
	uint64_t position;
	uint32_t crc;			/* CRC of all bytes since the last check */
	uint64_t end;			/* end of the last record */
	/* at_end: the record 'e' was read.  ended: the end of the input was read, too. */
	bool at_end, ended;
	/*
	 * In a stream without checks: a record that was read and is not in a group yet.  Its length
	 * is 0 if there is none.
	 */
	struct record pending;
	/* The group that was read last. */
	uint8_t *data;
	/* Number of bytes of data in the group, and size of `data`. */
	uint64_t used, room;
	struct { uint64_t offset, length, at; bool zeros; } extents[STREAM_EXTENTS];
	unsigned int nr, next;
};

static int damaged_stream(const struct stream_in *s, struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "the stream is damaged, or is not a stream of 'eractl send' or 'rbd export-diff': before byte %"
		       PRIu64 ", got %s", s->position, what);
}

static int get_bytes(struct stream_in *s, void *buf, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t n = s->read(s->ctx, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "cannot read the stream: %s", strerror(errno));
		if (!n)
			return err_set(err, -EPIPE, "the stream was cut: it ends after %" PRIu64 " bytes, without its end",
				       s->position + done);
		done += n;
	}
	s->position += len;
	s->crc = crc32c(s->crc, buf, len);
	return 0;
}

static int get64(struct stream_in *s, uint64_t *n, struct err *err)
{
	__le64 le = 0;
	int r = get_bytes(s, &le, sizeof(le), err);

	*n = le64toh(le);
	return r;
}

static bool is_check(const struct record *rec)
{
	return rec->tag == 'z' && !rec->length && rec->offset >> 48 == STREAM_CHECK;
}

static unsigned int kind_of_check(const struct record *rec)
{
	return rec->offset >> 32 & 0xffff;
}

/*
 * Reads the tag of a record, and the numbers of a 'w' or 'z'.  Sets *crc to the CRC of all bytes
 * since the last check, without this record.
 */
static int get_record(struct stream_in *s, struct record *rec, uint32_t *crc, struct err *err)
{
	int r;

	*crc = s->crc;
	*rec = (struct record){ };
	r = get_bytes(s, &rec->tag, 1, err);
	if (r || (rec->tag != 'w' && rec->tag != 'z'))
		return r;
	r = get64(s, &rec->offset, err);
	return r ? r : get64(s, &rec->length, err);
}

/* Verifies the check `rec`. */
static int verify_check(struct stream_in *s, const struct record *rec, uint32_t crc, struct err *err)
{
	const __le32 kind = htole32(kind_of_check(rec));
	const __le64 at = htole64(s->position - 17);

	crc = crc32c(crc32c(crc, &kind, sizeof(kind)), &at, sizeof(at));
	if (crc != (uint32_t)rec->offset)
		return err_set(err, -EBADMSG, "the stream is damaged: before byte %" PRIu64 ", got the checksum %08" PRIx32
			       ", expected %08" PRIx32, s->position, crc, (uint32_t)rec->offset);
	s->crc = 0;
	return 0;
}

static int get_stream_name(struct stream_in *s, char name[STREAM_NAME_MAX + 1], struct err *err)
{
	uint32_t length, i;
	__le32 le;
	int r;

	if (*name)
		return damaged_stream(s, err, "the name of a snapshot twice");
	r = get_bytes(s, &le, sizeof(le), err);
	if (r)
		return r;
	length = le32toh(le);
	if (!length || length > STREAM_NAME_MAX)
		return damaged_stream(s, err, "the name of a snapshot that is empty or longer than 255 bytes");
	r = get_bytes(s, name, length, err);
	for (i = 0; i < length && !r; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			r = damaged_stream(s, err, "the name of a snapshot with a control character");
	return r;
}

static int check_place(struct stream_in *s, const struct record *rec, struct err *err)
{
	if (rec->length > s->head.size || rec->offset > s->head.size - rec->length)
		return damaged_stream(s, err, "a record that goes beyond the volume");
	if (rec->offset < s->end)
		return damaged_stream(s, err, "records that do not ascend");
	s->end = rec->offset + rec->length;
	return 0;
}

/* Reads the end of the input, which must follow the record 'e'. */
static int take_end(struct stream_in *s, struct err *err)
{
	ssize_t n;
	char c;

	s->at_end = true;
	do {
		n = s->read(s->ctx, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, -errno, "cannot read the stream: %s", strerror(errno));
	if (n)
		return damaged_stream(s, err, "the end, and more data after it");
	s->ended = true;
	return 0;
}

/*
 * Processes the record after the head: the first check, or the first record of a stream without
 * checks.
 */
static int take_first(struct stream_in *s, const struct record *rec, uint32_t crc, struct err *err)
{
	if (!s->head.size || s->head.size > INT64_MAX)
		return damaged_stream(s, err, "no size of the volume, or an impossible one");
	if (is_check(rec)) {
		if (kind_of_check(rec) != CHECK_HEAD)
			return damaged_stream(s, err, "a check of another kind than that of the head");
		s->checks = true;
		return verify_check(s, rec, crc, err);
	}
	if (rec->tag != 'w' && rec->tag != 'z' && rec->tag != 'e')
		return damaged_stream(s, err, "an unknown record");
	if (rec->tag == 'e')
		return take_end(s, err);
	s->pending = *rec;
	/* The offset of a damaged check is not within the volume, so check_place() refuses it. */
	return check_place(s, rec, err);
}

static int read_head(struct stream_in *s, struct err *err)
{
	char magic[sizeof(STREAM_MAGIC) - 1];
	struct record rec;
	uint32_t crc;
	int r;

	r = get_bytes(s, magic, sizeof(magic), err);
	if (!r && memcmp(magic, STREAM_MAGIC, sizeof(magic)))
		r = damaged_stream(s, err, "something else than 'rbd diff v1' in the first line");
	while (!r) {
		r = get_record(s, &rec, &crc, err);
		if (r)
			break;
		if (rec.tag == 'f') {
			r = get_stream_name(s, s->head.from, err);
		} else if (rec.tag == 't') {
			r = get_stream_name(s, s->head.to, err);
		} else if (rec.tag == 's') {
			if (s->head.size)
				return damaged_stream(s, err, "the size of the volume twice");
			r = get64(s, &s->head.size, err);
		} else {
			return take_first(s, &rec, crc, err);
		}
	}
	return r;
}

int stream_open(stream_read_fn fn, void *ctx, struct stream_in **out, struct err *err)
{
	struct stream_in *s = calloc(1, sizeof(*s));
	int r;

	*out = NULL;
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->read = fn;
	s->ctx = ctx;
	r = read_head(s, err);
	if (r)
		stream_close(s);
	else
		*out = s;
	return r;
}

void stream_close(struct stream_in *s)
{
	free(s->data);
	free(s);
}

const struct stream_head *stream_get_head(const struct stream_in *s)
{
	return &s->head;
}

bool stream_has_checks(const struct stream_in *s)
{
	return s->checks;
}

bool stream_is_at_end(const struct stream_in *s)
{
	return s->at_end;
}

/* Makes room for length more bytes of data in the group. */
static int make_room(struct stream_in *s, uint64_t length, struct err *err)
{
	uint64_t room = s->room ? s->room : FIRST_ROOM;
	uint8_t *data;

	if (s->used + length <= s->room)
		return 0;
	while (room < s->used + length)
		room *= 2;
	data = realloc(s->data, room);
	if (!data)
		return err_set(err, -ENOMEM, "out of memory");
	s->data = data;
	s->room = room;
	return 0;
}

/* Adds up to length bytes of a record to the group, and reads the data of these bytes. */
static int add_record_extent(struct stream_in *s, const struct record *rec, uint64_t length, struct err *err)
{
	int r = 0;

	s->extents[s->nr].offset = rec->offset;
	s->extents[s->nr].length = length;
	s->extents[s->nr].at = s->used;
	s->extents[s->nr].zeros = rec->tag == 'z';
	if (rec->tag == 'w') {
		r = make_room(s, length, err);
		if (!r)
			r = get_bytes(s, s->data + s->used, length, err);
		s->used += length;
	}
	s->nr++;
	return r;
}

/* Reads a group and its check. */
static int read_checked(struct stream_in *s, struct err *err)
{
	struct record rec;
	uint32_t crc;
	int r;

	for (;;) {
		r = get_record(s, &rec, &crc, err);
		if (r)
			return r;
		if (is_check(&rec))
			break;
		if (rec.tag != 'w' && rec.tag != 'z')
			return damaged_stream(s, err, rec.tag == 'e' ? "the end in a group without a check" : "an unknown record");
		r = check_place(s, &rec, err);
		if (r)
			return r;
		if (!rec.length || s->nr == STREAM_EXTENTS || (rec.tag == 'w' && rec.length > STREAM_GROUP - s->used))
			return damaged_stream(s, err, "an empty record, or a group that is too large");
		r = add_record_extent(s, &rec, rec.length, err);
		if (r)
			return r;
	}
	r = verify_check(s, &rec, crc, err);
	if (r || kind_of_check(&rec) == CHECK_GROUP)
		return r;
	if (kind_of_check(&rec) != CHECK_END)
		return damaged_stream(s, err, "a check of an unknown kind");
	r = get_record(s, &rec, &crc, err);
	if (!r && rec.tag != 'e')
		return damaged_stream(s, err, "something else than the end after the last check");
	return r ? r : take_end(s, err);
}

/*
 * Reads a group of a stream without checks.  The group ends when it is full, which can be within a
 * record, or at the end of the stream.
 */
static int read_unchecked(struct stream_in *s, struct err *err)
{
	struct record *const rec = &s->pending;
	uint64_t length;
	uint32_t crc;
	int r;

	while (s->nr < STREAM_EXTENTS && s->used < STREAM_GROUP) {
		if (rec->length) {
			length = rec->length;
			if (rec->tag == 'w' && length > STREAM_GROUP - s->used)
				length = STREAM_GROUP - s->used;
			s->end = rec->offset;
			r = check_place(s, rec, err);
			if (!r)
				r = add_record_extent(s, rec, length, err);
			if (r)
				return r;
			rec->offset += length;
			rec->length -= length;
			continue;
		}
		r = get_record(s, rec, &crc, err);
		if (r)
			return r;
		if (rec->tag == 'e')
			return take_end(s, err);
		if (is_check(rec) || (rec->tag != 'w' && rec->tag != 'z'))
			return damaged_stream(s, err, "an unknown record");
		r = check_place(s, rec, err);
		if (r)
			return r;
	}
	return 0;
}

int stream_next(struct stream_in *s, struct stream_extent *e, struct err *err)
{
	int r = 0;

	while (s->next == s->nr && !s->ended && !r) {
		s->next = s->nr = 0;
		s->used = 0;
		r = s->checks ? read_checked(s, err) : read_unchecked(s, err);
	}
	if (r)
		return r;
	if (s->next == s->nr)
		return 0;
	e->offset = s->extents[s->next].offset;
	e->length = s->extents[s->next].length;
	e->data = s->extents[s->next].zeros ? NULL : s->data + s->extents[s->next].at;
	s->next++;
	return 1;
}

bool stream_token(const char *name, struct token *t)
{
	char text[TOKEN_TEXT_SIZE];
	size_t len;

	if (strncmp(name, "erad-", 5) || strlen(name + 5) >= sizeof(text))
		return false;
	strcpy(text, name + 5);
	len = strlen(text);
	if (len < UUID_TEXT_SIZE + 17)
		return false;
	text[UUID_TEXT_SIZE - 1] = ':';
	text[UUID_TEXT_SIZE + 16] = ':';
	return token_from_text(text, t);
}
