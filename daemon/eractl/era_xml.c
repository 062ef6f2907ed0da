// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the XML of era_dump and of eractl dump: see era_xml.h. */
#include <errno.h>
#include <expat.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/era_xml.h"
#include "store/era_notes.h"

#define READ_BYTES	(64u << 10)
#define MAX_SECTORS	((uint64_t)1 << 55)	/* size of the largest device */
/* Limit for a tag in bytes, because expat keeps a tag in memory until its end. */
#define TOKEN_MAX	(1u << 20)

enum where {
	OUTSIDE,
	IN_SUPERBLOCK,
	IN_WRITESET,
	IN_ARRAY,
	IN_EMPTY,	/* inside an element that must be empty */
	NR_PLACES,
};

struct reader {
	XML_Parser parser;
	const char *name;
	const struct era_sink *sink;
	void *ctx;
	struct err *err;
	int ret;
	/* State of the parser, and its state after the current empty element. */
	enum where where, around;
	bool seen_array;
	struct era_super sb;
	struct store_notes notes;
	uint32_t set_era;	/* era of the writeset that is being read */
	uint64_t set_bits;
};

/* Ends the reading with an error.  Later calls have no effect. */
static void refuse_xml(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse_xml(struct reader *r, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (r->ret)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r->ret = err_set(r->err, -EBADMSG, "%s: line %lu: %s", r->name,
			 (unsigned long)XML_GetCurrentLineNumber(r->parser), what);
	XML_StopParser(r->parser, XML_FALSE);
}

static void keep_result(struct reader *r, int ret)
{
	if (!ret || r->ret)
		return;
	r->ret = ret;
	XML_StopParser(r->parser, XML_FALSE);
}

/* How the value of an attribute is parsed. */
enum kind {
	NUMBER,
	BOOLEAN,	/* the text "true" or "false" */
	UUID,
	NOTES,		/* see era_notes.h */
};

struct attribute {
	const char *name;
	enum kind kind;
	bool optional;
	uint64_t max;
	uint64_t number;	/* value of the attribute */
	bool got;
};

static bool parse_number(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	/* strtoull() also accepts leading blanks and signs, so check for a digit. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !errno && !*end && *n <= max;
}

static bool get_uuid(struct era_super *sb, const char *text)
{
	sb->has_uuid = *text;
	return !*text || (uuid_from_text(text, sb->uuid) && !uuid_is_zero(sb->uuid));
}

static void get_attribute(struct reader *r, const char *element, struct attribute *a,
			  const char *text)
{
	a->got = true;
	switch (a->kind) {
	case NUMBER:
		if (!parse_number(text, a->max, &a->number))
			refuse_xml(r, "%s of <%s> is \"%.40s\", expected a number up to %" PRIu64,
			       a->name, element, text, a->max);
		break;
	case BOOLEAN:
		a->number = !strcmp(text, "true");
		if (!a->number && strcmp(text, "false"))
			refuse_xml(r, "%s of <%s> is \"%.40s\", expected true or false", a->name,
			       element, text);
		break;
	case UUID:
		if (!get_uuid(&r->sb, text))
			refuse_xml(r, "%s of <%s> is \"%.40s\", expected a UUID or nothing", a->name,
			       element, text);
		break;
	case NOTES:
		if (!era_notes_parse(text, &r->notes))
			refuse_xml(r, "%s of <%s> is \"%.40s\", expected \"unknown\", or \"sealed\" or \"unsealed\" and hexadecimal digits; without this attribute, writes past erad since the dump would not be noticed",
				   a->name, element, text);
		r->sb.notes = &r->notes;
		break;
	}
}

/*
 * Parses the attributes of an element into the list a, which ends with a NULL name.  Returns false
 * after refuse_xml().
 */
static bool get_attributes(struct reader *r, const char *element, const char **given,
			   struct attribute *a)
{
	struct attribute *p;

	for (; *given && !r->ret; given += 2) {
		for (p = a; p->name && strcmp(p->name, given[0]); p++)
			;
		if (p->name)
			get_attribute(r, element, p, given[1]);
		else
			refuse_xml(r, "<%s> has an unknown attribute %.40s", element, given[0]);
	}
	for (p = a; p->name && !r->ret; p++)
		if (!p->got && !p->optional)
			refuse_xml(r, "<%s> lacks the attribute %s", element, p->name);
	return !r->ret;
}

static void begin_superblock(struct reader *r, const char **given)
{
	enum { ID, BLOCK_SIZE, NR_BLOCKS, ERA, SECTORS, JOURNAL, CHUNK, REMARKS };
	struct attribute a[] = {
		[ID] = { "uuid", .kind = UUID },
		[BLOCK_SIZE] = { "block_size", NUMBER, .max = UINT32_MAX },
		[NR_BLOCKS] = { "nr_blocks", NUMBER, .max = MAX_SECTORS },
		[ERA] = { "current_era", NUMBER, .max = UINT32_MAX - 1 },
		[SECTORS] = { "nr_sectors", .optional = true, .max = MAX_SECTORS },
		[JOURNAL] = { "journal_pages", .optional = true, .max = ERAD_JOURNAL_MAX },
		[CHUNK] = { "array_chunk", .optional = true, .max = ERAD_CHUNK_MAX },
		[REMARKS] = { "notes", NOTES, .optional = true },
		{ }
	};
	struct era_super *sb = &r->sb;

	if (!get_attributes(r, "superblock", given, a))
		return;
	sb->block_sectors = a[BLOCK_SIZE].number;
	sb->nr_blocks = a[NR_BLOCKS].number;
	sb->era = a[ERA].number;
	sb->journal_pages = a[JOURNAL].number;
	sb->chunk_pages = a[CHUNK].number;
	if (sb->block_sectors == 0 || sb->block_sectors % 8) {
		refuse_xml(r, "block_size is %" PRIu32 " sectors, expected a multiple of 8",
		       sb->block_sectors);
		return;
	}
	if (sb->nr_blocks == 0 || sb->nr_blocks > MAX_SECTORS / sb->block_sectors) {
		refuse_xml(r, "nr_blocks is %" PRIu64 ", expected 1 to %" PRIu64, sb->nr_blocks,
		       MAX_SECTORS / sb->block_sectors);
		return;
	}
	sb->nr_sectors = sb->nr_blocks * sb->block_sectors;
	if (a[SECTORS].got) {
		if (a[SECTORS].number > sb->nr_sectors ||
		    a[SECTORS].number <= sb->nr_sectors - sb->block_sectors) {
			refuse_xml(r, "nr_sectors is %" PRIu64 ", expected the size of %" PRIu64 " blocks",
			       a[SECTORS].number, sb->nr_blocks);
			return;
		}
		sb->nr_sectors = a[SECTORS].number;
	}
	keep_result(r, r->sink->super(r->ctx, sb, r->err));
}

static void begin_writeset(struct reader *r, const char **given)
{
	struct attribute a[] = {
		{ "era", NUMBER, .max = r->sb.era }, { "nr_bits", NUMBER, .max = UINT32_MAX }, { }
	};

	if (!get_attributes(r, "writeset", given, a))
		return;
	r->set_era = a[0].number;
	r->set_bits = a[1].number;
	if (!r->set_era)
		refuse_xml(r, "era of <writeset> is 0, expected at least 1");
}

static void put_blocks(struct reader *r, uint64_t first, uint64_t len, uint32_t era)
{
	if (era && len)
		keep_result(r, r->sink->blocks(r->ctx, first, len, era, r->err));
}

/*
 * Adds marks.  Ignores blocks beyond the end of the device, because the device may have been larger
 * in the era of the writeset.
 */
static void put_marks(struct reader *r, const char *element, uint64_t first, uint64_t len)
{
	if (first > r->set_bits || len > r->set_bits - first) {
		refuse_xml(r, "<%s> is of %" PRIu64 " blocks from block %" PRIu64
		       ", expected them below nr_bits, %" PRIu64, element, len, first, r->set_bits);
		return;
	}
	if (first >= r->sb.nr_blocks)
		return;
	if (len > r->sb.nr_blocks - first)
		len = r->sb.nr_blocks - first;
	put_blocks(r, first, len, r->set_era);
}

static void begin_bit(struct reader *r, const char **given)
{
	struct attribute a[] = {
		{ "block", NUMBER, .max = UINT32_MAX }, { "value", .kind = BOOLEAN }, { }
	};

	if (get_attributes(r, "bit", given, a) && a[1].number)
		put_marks(r, "bit", a[0].number, 1);
}

static void begin_marked(struct reader *r, const char **given)
{
	struct attribute a[] = {
		{ "block_begin", NUMBER, .max = UINT32_MAX }, { "len", NUMBER, .max = UINT32_MAX }, { }
	};

	if (get_attributes(r, "marked", given, a))
		put_marks(r, "marked", a[0].number, a[1].number);
}

static void begin_array(struct reader *r, const char **given)
{
	struct attribute none[] = { { } };

	if (r->seen_array)
		refuse_xml(r, "got a second <era_array>");
	else if (get_attributes(r, "era_array", given, none))
		r->seen_array = true;
}

static void begin_era_element(struct reader *r, const char **given)
{
	struct attribute a[] = {
		{ "block", NUMBER, .max = r->sb.nr_blocks - 1 },
		{ "era", NUMBER, .max = r->sb.era }, { }
	};

	if (get_attributes(r, "era", given, a))
		put_blocks(r, a[0].number, 1, a[1].number);
}

/* For each element: the state in which it is allowed, and the state of the parser inside it. */
static const struct {
	const char *name;
	enum where in, inside;
	void (*begin)(struct reader *r, const char **given);
} elements[] = {
	{ "superblock", OUTSIDE, IN_SUPERBLOCK, begin_superblock },
	{ "writeset", IN_SUPERBLOCK, IN_WRITESET, begin_writeset },
	{ "bit", IN_WRITESET, IN_EMPTY, begin_bit },
	{ "marked", IN_WRITESET, IN_EMPTY, begin_marked },
	{ "era_array", IN_SUPERBLOCK, IN_ARRAY, begin_array },
	{ "era", IN_ARRAY, IN_EMPTY, begin_era_element },
};

static const char *const expected[NR_PLACES] = {
	[OUTSIDE] = "<superblock>",
	[IN_SUPERBLOCK] = "<writeset> or <era_array>",
	[IN_WRITESET] = "<bit> or <marked>",
	[IN_ARRAY] = "<era>",
	[IN_EMPTY] = "nothing",
};

static void XMLCALL on_begin(void *ctx, const char *element, const char **given)
{
	struct reader *r = ctx;
	size_t i;

	if (r->ret)
		return;
	for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (elements[i].in != r->where || strcmp(elements[i].name, element))
			continue;
		r->around = r->where;
		r->where = elements[i].inside;
		elements[i].begin(r, given);
		return;
	}
	refuse_xml(r, "got <%.40s>, expected %s", element, expected[r->where]);
}

static void XMLCALL on_end(void *ctx, const char *element)
{
	struct reader *r = ctx;

	(void)element;
	if (r->where == IN_EMPTY)
		r->where = r->around;
	else if (r->where == IN_SUPERBLOCK)
		r->where = OUTSIDE;
	else
		r->where = IN_SUPERBLOCK;
	if (r->where == OUTSIDE && !r->seen_array)
		refuse_xml(r, "<superblock> lacks its <era_array>");
}

static void XMLCALL on_text(void *ctx, const char *text, int len)
{
	while (len > 0 && strchr(" \t\r\n", *text))
		text++, len--;
	if (len > 0)
		refuse_xml(ctx, "got text, expected %s", expected[((struct reader *)ctx)->where]);
}

/*
 * Refuses a document type, because a document type could define entities by which a short input
 * expands to a huge one.
 */
static void XMLCALL on_doctype(void *ctx, const char *name, const char *system, const char *public,
			       int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse_xml(ctx, "got a document type, expected none");
}

static int read_xml_file(struct reader *r, FILE *f)
{
	uint64_t fed = 0;
	size_t n;

	do {
		void *buf = XML_GetBuffer(r->parser, READ_BYTES);

		if (!buf)
			return err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
		n = fread(buf, 1, READ_BYTES, f);
		if (ferror(f))
			return err_set(r->err, -EIO, "%s: cannot read it: %s", r->name,
				       strerror(errno));
		fed += n;
		if (XML_ParseBuffer(r->parser, n, n == 0) == XML_STATUS_ERROR && !r->ret)
			refuse_xml(r, "%s", XML_ErrorString(XML_GetErrorCode(r->parser)));
		if (!r->ret && n && fed - XML_GetCurrentByteIndex(r->parser) > TOKEN_MAX)
			refuse_xml(r, "got something of more than %u bytes, expected a tag", TOKEN_MAX);
	} while (n && !r->ret);
	return r->ret;
}

int era_xml_read(FILE *f, const char *name, const struct era_sink *sink, void *ctx,
		 struct err *err)
{
	struct reader r = { .name = name, .sink = sink, .ctx = ctx, .err = err };
	int ret;

	r.parser = XML_ParserCreate(NULL);
	if (!r.parser)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_begin, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	ret = read_xml_file(&r, f);
	XML_ParserFree(r.parser);
	return ret;
}
