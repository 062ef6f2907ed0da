// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads from LVM's text where logical volumes lie on a physical volume: see pv_layout.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/pv_layout.h"

#define SECTOR		512u
/* The limit for the depth of sections.  LVM's texts have at most five levels. */
#define DEPTH		8u
/* The limit for the stripes of one segment that are on this physical volume. */
#define STRIPES_HERE	4u
/* The limit for positions and lengths in bytes, so that sums of a few do not overflow. */
#define LIMIT		(1ull << 60)
#define MIN_STRIPE	4096u

/* A part of the text: a name, or a value. */
struct word {
	const char *text;
	size_t len;
	bool is_number;
	uint64_t number;	/* UINT64_MAX: the number is too large or is negative */
};

/*
 * The segment that is being read.  The fields are UINT64_MAX until the parser has read their
 * values.
 */
struct segment {
	uint64_t start_extent, extent_count, stripe_count, stripe_size;
	bool striped;
	uint64_t nr_words;	/* number of words in the list "stripes" */
	/* whether the newest name in the list is the name of this physical volume */
	bool is_here;
	unsigned int nr_here;
	struct {
		uint64_t stripe, extent;
	} here[STRIPES_HERE];
};

struct parser {
	const char *at, *end;
	unsigned int depth;
	struct word section[DEPTH];	/* names of the sections that are open */
	void (*begin)(struct parser *p);
	void (*value)(struct parser *p, const struct word *key, uint64_t index, const struct word *w);
	void (*finish)(struct parser *p);
	/* The first pass finds the fields from here on. */
	const char *uuid;
	uint64_t extent_size, pe_start;	/* in sectors */
	struct word pv;			/* name of this physical volume in the text; text is NULL: not found */
	/* whether the section that is being read is the section of this physical volume */
	bool is_pv;
	uint64_t this_start;		/* pe_start of this section */
	/* The second pass finds the fields from here on. */
	struct segment segment;
	uint32_t first;			/* first segment of the logical volume that is being read */
	struct pv_layout *out;
};

static bool equals(const struct word *w, const char *text)
{
	return w->len == strlen(text) && !memcmp(w->text, text, w->len);
}

/* ---- the grammar ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns whether the character may be in the name of a section or of a value. */
static bool is_of_name(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("_.+-", c));
}

static void skip_space(struct parser *p)
{
	while (p->at < p->end) {
		if (*p->at == '#')
			while (p->at < p->end && *p->at != '\n')
				p->at++;
		else if (*p->at == ' ' || *p->at == '\t' || *p->at == '\n')
			p->at++;
		else
			return;
	}
}

static bool take(struct parser *p, char c)
{
	skip_space(p);
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static bool take_name(struct parser *p, struct word *w)
{
	skip_space(p);
	*w = (struct word){ .text = p->at };
	while (p->at < p->end && is_of_name(*p->at))
		p->at++;
	w->len = p->at - w->text;
	return w->len;
}

static bool take_string(struct parser *p, struct word *w)
{
	if (!take(p, '"'))
		return false;
	*w = (struct word){ .text = p->at };
	while (p->at < p->end && *p->at != '"') {
		if (*p->at == '\\' && p->end - p->at > 1)
			p->at++;
		p->at++;
	}
	w->len = p->at - w->text;
	return take(p, '"');
}

/*
 * Reads a number.  Returns false if there is none.  A number with a sign or a point gets the value
 * UINT64_MAX: it is not used here, but must not end the parsing.
 */
static bool take_number(struct parser *p, struct word *w)
{
	if (!take_name(p, w))
		return false;
	w->is_number = true;
	for (size_t i = 0; i < w->len; i++) {
		const char c = w->text[i];

		if (!is_digit(c) && c != '-' && c != '.')
			return false;
		if (!is_digit(c) || w->number > (UINT64_MAX - 9) / 10)
			w->number = UINT64_MAX;
		else
			w->number = w->number * 10 + (c - '0');
	}
	return true;
}

static bool take_value(struct parser *p, struct word *w)
{
	return take_string(p, w) || take_number(p, w);
}

/*
 * Reads what follows "NAME =": a value, or a list of values.  Returns false if the text has another
 * form.
 */
static bool take_values(struct parser *p, const struct word *key)
{
	struct word w;
	uint64_t index = 0;

	if (!take(p, '[')) {
		if (!take_value(p, &w))
			return false;
		p->value(p, key, 0, &w);
		return true;
	}
	while (!take(p, ']')) {
		if ((index && !take(p, ',')) || !take_value(p, &w))
			return false;
		p->value(p, key, index++, &w);
	}
	return true;
}

static int parse(struct parser *p, const char *text, size_t len)
{
	struct word w;

	p->at = text;
	p->end = text + len;
	p->depth = 0;
	for (;;) {
		skip_space(p);
		if (p->at == p->end)
			return p->depth ? -EBADMSG : 0;
		if (p->depth && take(p, '}')) {
			p->finish(p);
			p->depth--;
		} else if (!take_name(p, &w)) {
			return -EBADMSG;
		} else if (take(p, '{')) {
			if (p->depth == DEPTH)
				return -EBADMSG;
			p->section[p->depth++] = w;
			p->begin(p);
		} else if (!take(p, '=') || !take_values(p, &w)) {
			return -EBADMSG;
		}
	}
}

/* ---- the first pass: the size of extents, and the physical volume ---- */

static bool in_pv(const struct parser *p)
{
	return p->depth == 3 && equals(&p->section[1], "physical_volumes");
}

static bool is_uuid(const struct word *w, const char *uuid)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->text[i] != '-' && (!*uuid || w->text[i] != *uuid++))
			return false;
	return !*uuid;
}

static void begin_pv(struct parser *p)
{
	p->is_pv = false;
	p->this_start = UINT64_MAX;
}

static void pv_value(struct parser *p, const struct word *key, uint64_t index, const struct word *w)
{
	if (index)
		return;
	if (p->depth == 1 && w->is_number && equals(key, "extent_size"))
		p->extent_size = w->number;
	else if (in_pv(p) && !w->is_number && equals(key, "id"))
		p->is_pv = is_uuid(w, p->uuid);
	else if (in_pv(p) && w->is_number && equals(key, "pe_start"))
		p->this_start = w->number;
}

static void finish_pv(struct parser *p)
{
	if (!in_pv(p) || !p->is_pv)
		return;
	p->pv = p->section[2];
	p->pe_start = p->this_start;
}

/* ---- the second pass: the logical volumes ---- */

static bool in_lv(const struct parser *p)
{
	return p->depth == 3 && equals(&p->section[1], "logical_volumes");
}

static bool in_segment(const struct parser *p)
{
	return p->depth == 4 && equals(&p->section[1], "logical_volumes");
}

static void begin_lv(struct parser *p)
{
	if (in_lv(p))
		p->first = p->out->nr_segments;
	else if (in_segment(p))
		p->segment = (struct segment){
			.start_extent = UINT64_MAX, .extent_count = UINT64_MAX,
			.stripe_count = UINT64_MAX, .stripe_size = UINT64_MAX,
		};
}

/*
 * Reads a word of the list "stripes".  The list contains, in turn, the name of a physical volume
 * and an extent.
 */
static void stripe_value(struct parser *p, uint64_t index, const struct word *w)
{
	struct segment *s = &p->segment;

	s->nr_words = index + 1;
	if (index % 2 == 0) {
		s->is_here = !w->is_number && w->len == p->pv.len && !memcmp(w->text, p->pv.text, w->len);
	} else if (s->is_here && w->is_number && s->nr_here < STRIPES_HERE) {
		s->here[s->nr_here].stripe = index / 2;
		s->here[s->nr_here++].extent = w->number;
	}
}

static void lv_value(struct parser *p, const struct word *key, uint64_t index, const struct word *w)
{
	struct segment *s = &p->segment;

	if (!in_segment(p))
		return;
	if (equals(key, "stripes"))
		stripe_value(p, index, w);
	else if (equals(key, "type"))
		s->striped = !w->is_number && equals(w, "striped");
	else if (!w->is_number)
		return;
	else if (equals(key, "start_extent"))
		s->start_extent = w->number;
	else if (equals(key, "extent_count"))
		s->extent_count = w->number;
	else if (equals(key, "stripe_count"))
		s->stripe_count = w->number;
	else if (equals(key, "stripe_size"))
		s->stripe_size = w->number;
}

/* Multiplies two numbers from the text.  Returns false if the product is LIMIT or more. */
static bool multiply(uint64_t a, uint64_t b, uint64_t *product)
{
	return !__builtin_mul_overflow(a, b, product) && *product < LIMIT;
}

/*
 * Adds the parts of the segment that are on this physical volume.  Leaves out a segment or a part
 * with impossible values.
 */
static void finish_segment(struct parser *p)
{
	const struct segment *s = &p->segment;
	struct pv_segment seg = { .nr_stripes = 1, .stripe_size = LIMIT };
	uint64_t extent, pe_start, within;

	if (!s->striped || !s->stripe_count || s->stripe_count > UINT32_MAX || s->nr_words != 2 * s->stripe_count ||
	    !multiply(p->extent_size, SECTOR, &extent) || !multiply(p->pe_start, SECTOR, &pe_start) ||
	    !multiply(s->start_extent, extent, &seg.from) || !multiply(s->extent_count, extent, &seg.length))
		return;
	if (s->stripe_count > 1) {
		seg.nr_stripes = s->stripe_count;
		if (!multiply(s->stripe_size, SECTOR, &seg.stripe_size) || seg.stripe_size % MIN_STRIPE || !seg.stripe_size ||
		    !multiply(seg.stripe_size, seg.nr_stripes, &within))
			return;
	}
	for (unsigned int i = 0; i < s->nr_here; i++) {
		if (p->out->nr_segments == PV_SEGMENTS || p->out->nr_segments - p->first == PV_LV_SEGMENTS)
			return;
		if (!multiply(s->here[i].extent, extent, &within))
			continue;
		seg.at = pe_start + within;
		seg.stripe = s->here[i].stripe;
		p->out->segment[p->out->nr_segments++] = seg;
	}
}

/* Keeps the logical volume if its byte 0 is on this physical volume. */
static void finish_lv(struct parser *p)
{
	struct pv_layout *l = p->out;
	struct pv_lv lv = { .first = p->first };
	uint64_t at;

	if (in_segment(p)) {
		finish_segment(p);
	} else if (in_lv(p)) {
		lv.nr = l->nr_segments - lv.first;
		if (l->nr_lvs < PV_LVS && pv_layout_map(l, &lv, 0, 1, &at))
			l->lv[l->nr_lvs++] = lv;
		else
			l->nr_segments = lv.first;
	}
}

int pv_layout_parse(const char *text, size_t len, const char *uuid, struct pv_layout *out)
{
	struct parser p = {
		.begin = begin_pv, .value = pv_value, .finish = finish_pv,
		.uuid = uuid, .extent_size = UINT64_MAX, .pe_start = UINT64_MAX, .out = out,
	};
	int r;

	out->nr_lvs = 0;
	out->nr_segments = 0;
	r = parse(&p, text, len);
	if (r)
		return r;
	if (!p.pv.text)
		return -ENODATA;
	p.begin = begin_lv;
	p.value = lv_value;
	p.finish = finish_lv;
	return parse(&p, text, len);
}

/* Translates an offset as pv_layout_map() does, for one segment. */
static uint64_t map_segment(const struct pv_segment *s, uint64_t offset, uint64_t len, uint64_t *at)
{
	uint64_t within, row;

	if (offset < s->from || offset - s->from >= s->length)
		return 0;
	offset -= s->from;
	if (len > s->length - offset)
		len = s->length - offset;
	if (s->nr_stripes == 1) {
		*at = s->at + offset;
		return len;
	}
	row = offset / (s->stripe_size * s->nr_stripes);
	within = offset % (s->stripe_size * s->nr_stripes);
	if (within / s->stripe_size != s->stripe)
		return 0;
	within %= s->stripe_size;
	*at = s->at + row * s->stripe_size + within;
	return len < s->stripe_size - within ? len : s->stripe_size - within;
}

uint64_t pv_layout_map(const struct pv_layout *l, const struct pv_lv *lv, uint64_t offset, uint64_t len, uint64_t *at)
{
	uint64_t mapped = 0;

	for (uint32_t i = lv->first; i < lv->first + lv->nr && !mapped; i++)
		mapped = map_segment(&l->segment[i], offset, len, at);
	return mapped;
}
