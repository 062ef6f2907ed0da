// SPDX-License-Identifier: GPL-2.0-or-later
/* Translates offsets on a volume to offsets in a logical volume: see lv_map.h. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/dm_tables.h"
#include "eractl/eractl.h"
#include "eractl/lv_map.h"

#define SECTOR		512u
/* Limit of the levels of devices between the logical volume and the volume. */
#define DEPTH_MAX	8

/*
 * One stripe of a line of the logical volume's table.  The stripe lies on the volume.  Sizes are in
 * bytes.  A linear line has one stripe, whose chunk is the whole line.
 */
struct piece {
	uint64_t start, length;		/* the place of the line in the logical volume */
	uint64_t place;			/* where the stripe begins on the volume */
	uint64_t chunk;
	unsigned int stripes, index;	/* number of stripes of the line, and index of this one */
};

struct extent {
	uint64_t offset, length;
};

struct lv_map {
	const char *lv, *volume;
	dev_t dev;			/* number of the volume's device */
	uint64_t size;
	struct piece *piece;
	size_t nr;
	struct extent *extent;		/* extents of the logical volume */
	size_t nr_extents, room;
};

/*
 * Returns the number of a logical volume's device, or 0 if there is no such device.  lv is the path
 * of the device, or "VG/LV".  "VG/LV" is /dev/mapper/VG-LV, with each '-' in VG and LV written
 * twice.
 */
static dev_t find_lv(const char *lv)
{
	char name[2 * PATH_MAX], *to = name;

	if (*lv == '/')
		return blockdev_at(lv);
	if (strlen(lv) >= PATH_MAX)
		return 0;
	for (; *lv; lv++) {
		*to++ = *lv == '/' ? '-' : *lv;
		if (*lv == '-')
			*to++ = '-';
	}
	*to = 0;
	return dm_tables_find(name);
}

static int add_piece(struct lv_map *m, const struct piece *p)
{
	struct piece *more = realloc(m->piece, (m->nr + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	m->piece = more;
	m->piece[m->nr++] = *p;
	return 0;
}

/*
 * Handles another device on which a part of the logical volume lies.  If this device is a volume,
 * prints that the user also needs the diff of that volume.  Any other device is an error, because
 * nothing records its writes.
 */
static int check_other(const struct lv_map *m, dev_t dev, struct err *err)
{
	struct dm_device d;
	bool is_erad;

	if (!dm_tables_read(dev, &d, NULL)) {
		is_erad = d.nr == 1 && !strcmp(d.line->type, "erad");
		dm_tables_free(&d);
		if (is_erad) {
			complain("%s lies on /dev/mapper/%s, too: 'eractl diff %s --lv %s' lists the rest", m->lv, d.name, d.name, m->lv);
			return 0;
		}
	}
	return err_set(err, -EINVAL, "%s lies on device %u:%u, too, which volume %s does not track: copy it in full", m->lv, major(dev),
		       minor(dev), m->volume);
}

static int place_stripe(struct lv_map *m, dev_t dev, const struct piece *p, struct err *err)
{
	if (dev != m->dev)
		return check_other(m, dev, err);
	return add_piece(m, p) ? err_set(err, -ENOMEM, "out of memory") : 0;
}

/*
 * Parses "MAJOR:MINOR SECTOR" at *params, and moves *params to the text after these numbers.
 * Returns false if *params has another form.
 */
static bool take_place(const char **params, dev_t *dev, uint64_t *place)
{
	unsigned long long sector;
	unsigned int ma, mi;
	int n;

	if (sscanf(*params, " %u:%u %llu%n", &ma, &mi, &sector, &n) != 3)
		return false;
	*params += n;
	*dev = makedev(ma, mi);
	*place = sector * SECTOR;
	return true;
}

static int add_line(struct lv_map *m, const struct dm_line *l, struct err *err)
{
	struct piece p = { .start = l->start * SECTOR, .length = l->length * SECTOR, .stripes = 1 };
	const char *params = l->params;
	unsigned long long chunk;
	int r = 0, n;
	dev_t dev;

	p.chunk = p.length;
	if (!strcmp(l->type, "striped")) {
		if (sscanf(params, "%u %llu%n", &p.stripes, &chunk, &n) != 2 || !p.stripes || !chunk)
			return err_set(err, -EINVAL, "%s: the table '%.100s' is not understood", m->lv, params);
		p.chunk = chunk * SECTOR;
		params += n;
	}
	for (p.index = 0; p.index < p.stripes && !r; p.index++)
		r = take_place(&params, &dev, &p.place) ? place_stripe(m, dev, &p, err) :
			err_set(err, -EINVAL, "%s: the table '%.100s' is not understood", m->lv, l->params);
	return r;
}

/*
 * Returns the device below d if d has the type snapshot-origin, which maps all of the device below.
 * 0: d has another type.
 */
static dev_t passes_to(const struct dm_device *d)
{
	unsigned int ma, mi;

	if (d->nr != 1 || strcmp(d->line->type, "snapshot-origin") || sscanf(d->line->params, "%u:%u", &ma, &mi) != 2)
		return 0;
	return makedev(ma, mi);
}

static int check_type(const struct lv_map *m, const char *type, struct err *err)
{
	if (!strcmp(type, "linear") || !strcmp(type, "striped"))
		return 0;
	if (!strcmp(type, "thin"))
		return err_set(err, -EOPNOTSUPP,
			       "%s is a thin volume, whose blocks lie anywhere in its pool: thin_delta of thin-provisioning-tools compares two snapshots of it, and 'eractl diff %s' without --lv lists all that was written",
			       m->lv, m->volume);
	return err_set(err, -EOPNOTSUPP, "%s has a table of type %s, expected linear or striped: 'eractl diff %s' without --lv lists all that was written",
		       m->lv, type, m->volume);
}

static int read_tables(struct lv_map *m, dev_t dev, struct err *err)
{
	struct dm_device d;
	dev_t below = dev;
	int r, depth = 0;

	do {
		dev = below;
		r = dm_tables_read(dev, &d, err);
		if (r)
			return r;
		below = passes_to(&d);
		if (!below)
			break;
		dm_tables_free(&d);
	} while (++depth < DEPTH_MAX);
	if (below)
		return err_set(err, -EOPNOTSUPP, "%s lies on too many levels of devices", m->lv);
	for (unsigned int i = 0; i < d.nr && !r; i++) {
		r = check_type(m, d.line[i].type, err);
		if (!r)
			r = add_line(m, &d.line[i], err);
		m->size = (d.line[i].start + d.line[i].length) * SECTOR;
	}
	dm_tables_free(&d);
	if (!r && !m->nr)
		r = err_set(err, -EINVAL, "no part of %s lies on volume %s", m->lv, m->volume);
	return r;
}

int lv_map_new(const char *lv, const char *volume, struct lv_map **out, struct err *err)
{
	struct lv_map *m = calloc(1, sizeof(*m));
	dev_t dev = find_lv(lv);
	int r;

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	m->lv = lv;
	m->volume = volume;
	m->dev = dm_tables_find(volume);
	if (!dev)
		r = err_set(err, -ENOENT, "%s is not an active logical volume; 'lvchange -ay' activates one", lv);
	else if (!m->dev)
		r = err_set(err, -ENOENT, "volume %s is not open", volume);
	else
		r = read_tables(m, dev, err);
	if (r)
		lv_map_free(m);
	else
		*out = m;
	return r;
}

void lv_map_free(struct lv_map *m)
{
	if (!m)
		return;
	free(m->piece);
	free(m->extent);
	free(m);
}

uint64_t lv_map_size(const struct lv_map *m)
{
	return m->size;
}

static int note(struct lv_map *m, uint64_t offset, uint64_t length)
{
	struct extent *more, *last = m->nr_extents ? &m->extent[m->nr_extents - 1] : NULL;

	if (last && last->offset + last->length == offset) {
		last->length += length;
		return 0;
	}
	if (m->nr_extents == m->room) {
		m->room = m->room ? 2 * m->room : 64;
		more = realloc(m->extent, m->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->extent = more;
	}
	m->extent[m->nr_extents++] = (struct extent){ offset, length };
	return 0;
}

static int add_to_piece(struct lv_map *m, const struct piece *p, uint64_t offset, uint64_t length)
{
	const uint64_t on_stripe = p->stripes == 1 ? p->length : p->length / p->stripes;
	uint64_t from = offset > p->place ? offset - p->place : 0;
	uint64_t to = offset + length > p->place ? offset + length - p->place : 0;
	int r = 0;

	if (to > on_stripe)
		to = on_stripe;
	while (from < to && !r) {
		const uint64_t row = from / p->chunk, within = from % p->chunk;
		uint64_t n = p->chunk - within;

		if (n > to - from)
			n = to - from;
		r = note(m, p->start + (row * p->stripes + p->index) * p->chunk + within, n);
		from += n;
	}
	return r;
}

int lv_map_add(struct lv_map *m, uint64_t offset, uint64_t length)
{
	int r = 0;

	for (size_t i = 0; i < m->nr && !r; i++)
		r = add_to_piece(m, &m->piece[i], offset, length);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int lv_map_walk(struct lv_map *m, int (*fn)(void *ctx, uint64_t offset, uint64_t length, struct err *err), void *ctx,
		struct err *err)
{
	struct extent *e = m->extent;
	size_t i = 0;
	int r = 0;

	if (m->nr_extents)
		qsort(e, m->nr_extents, sizeof(*e), compare);
	while (i < m->nr_extents && !r) {
		const uint64_t offset = e[i].offset;
		uint64_t length = e[i].length;

		for (i++; i < m->nr_extents && e[i].offset == offset + length; i++)
			length += e[i].length;
		r = fn(ctx, offset, length, err);
	}
	return r;
}
