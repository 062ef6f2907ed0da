// SPDX-License-Identifier: GPL-2.0-or-later
/* The naive model that the store is compared with: see model.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "rnd.h"

void model_init(struct model *m, uint64_t nr_blocks)
{
	memset(m, 0, sizeof(*m));
	m->nr_blocks = nr_blocks;
	m->min = calloc(nr_blocks, sizeof(*m->min));
	m->max = calloc(nr_blocks, sizeof(*m->max));
	m->got = calloc(nr_blocks, sizeof(*m->got));
}

void model_copy(struct model *m, const struct model *from)
{
	model_init(m, from->nr_blocks);
	m->era_min = from->era_min;
	m->era_max = from->era_max;
	memcpy(m->min, from->min, m->nr_blocks * sizeof(*m->min));
	memcpy(m->max, from->max, m->nr_blocks * sizeof(*m->max));
	memcpy(m->got, from->got, m->nr_blocks * sizeof(*m->got));
}

void model_destroy(struct model *m)
{
	free(m->min);
	free(m->max);
	free(m->got);
}

static void raise_to(uint32_t *v, uint32_t era)
{
	if (*v < era)
		*v = era;
}

void model_try_era(struct model *m, uint32_t era)
{
	raise_to(&m->era_max, era);
}

void model_ack_era(struct model *m, uint32_t era)
{
	raise_to(&m->era_max, era);
	raise_to(&m->era_min, era);
}

void model_try_mark(struct model *m, const struct erad_range *r, unsigned int nr, uint32_t era)
{
	uint64_t b;

	for (; nr; nr--, r++)
		for (b = r->first; b < r->first + r->len; b++)
			raise_to(&m->max[b], era);
}

void model_ack_mark(struct model *m, const struct erad_range *r, unsigned int nr, uint32_t era)
{
	uint64_t b;

	for (; nr; nr--, r++) {
		for (b = r->first; b < r->first + r->len; b++) {
			raise_to(&m->max[b], era);
			raise_to(&m->min[b], era);
		}
	}
}

struct reading {
	struct model *m;
	uint32_t since;
	uint64_t end;	/* of the extent before */
	bool bad;
};

static int got_extent(void *ctx, uint64_t first, uint64_t len)
{
	struct reading *r = ctx;
	uint64_t b;

	/* Ascending, maximal, on the device. */
	if (len == 0 || (r->end && first <= r->end) || first >= r->m->nr_blocks ||
	    len > r->m->nr_blocks - first) {
		r->bad = true;
		return -EBADMSG;
	}
	r->end = first + len;
	for (b = first; b < r->end; b++)
		r->m->got[b] = r->since;
	return 0;
}

/* Sets got to since for what is in the diff, and leaves the rest. */
static int read_since(struct model *m, struct store *s, uint32_t since, struct err *err)
{
	struct reading r = { .m = m, .since = since };
	int ret = store_diff(s, since, got_extent, &r, err);

	return r.bad ? err_set(err, -EBADMSG, "bad extents since era %" PRIu32, since) : ret;
}

int model_read(struct model *m, struct store *s, uint32_t *era, struct err *err)
{
	struct store_info info;
	uint32_t since;
	int ret = 0;

	store_info(s, &info);
	*era = info.era;
	memset(m->got, 0, m->nr_blocks * sizeof(*m->got));
	for (since = 1; since <= info.era && !ret; since++)
		ret = read_since(m, s, since, err);
	return ret;
}

static int check_since(struct model *m, struct store *s, uint32_t since, struct err *err)
{
	uint64_t b;
	int ret;

	memset(m->got, 0, m->nr_blocks * sizeof(*m->got));
	ret = read_since(m, s, since, err);
	for (b = 0; b < m->nr_blocks && !ret; b++)
		if (m->got[b] ? m->max[b] < since : m->min[b] >= since)
			ret = err_set(err, -EBADMSG, "block %" PRIu64 " is %sin the diff since era %"
				      PRIu32 ", but of era %" PRIu32 " to %" PRIu32, b,
				      m->got[b] ? "" : "not ", since, m->min[b], m->max[b]);
	return ret;
}

void model_opened(struct model *m, uint32_t era)
{
	model_ack_era(m, era);
}

void model_settle(struct model *m)
{
	memcpy(m->min, m->got, m->nr_blocks * sizeof(*m->min));
}

int model_check(struct model *m, struct store *s, uint64_t *r, struct err *err)
{
	struct store_info info;
	uint32_t since;
	int ret = 0;

	store_info(s, &info);
	if (info.era < m->era_min || info.era > m->era_max)
		return err_set(err, -EBADMSG, "the era is %" PRIu32 ", expected %" PRIu32 " to %"
			       PRIu32, info.era, m->era_min, m->era_max);
	for (since = info.era; since > 0 && !ret; since--)
		if (!r || since == info.era || rnd_below(r, info.era) < 2)
			ret = check_since(m, s, since, err);
	return ret;
}
