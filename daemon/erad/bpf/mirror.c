// SPDX-License-Identifier: GPL-2.0-or-later
/* Creates, fills, pins and removes the BPF maps that mirror a volume's writeset: see mirror.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/bpf/mirror.h"
#include "erad/bpf/pins.h"
#include "maps.skel.h"

/*
 * Limit in blocks, equal to 1 GiB of era array.  When erad restarts during an era, it fills the
 * mirror from the era array, and writes are held until the mirror is filled.  For a volume with
 * more blocks, erad does not read the array, and the mirror is degraded until the next era.
 */
#define FILL_MAX	(1ull << 28)

enum { WRITESET, INFO, STATS };

static const char *const pin_name[] = { "writeset", "info", "stats" };

/*
 * Maps that have the types of all volumes' maps.  Constant after mirror_setup().  NULL: BPF cannot
 * be used here.
 */
static struct maps *types;
static struct err unusable;	/* why types is NULL */

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

void mirror_setup(void)
{
	libbpf_set_print(print_nothing);
	pins_setup();
	/* All maps of volumes are created with the BTF of these maps. */
	types = maps__open_and_load();
	if (!types)
		err_set(&unusable, -errno, "BPF maps cannot be made here: %m");
}

void mirror_init(struct mirror *m, const char *volume, pthread_mutex_t *lock)
{
	trouble_init(&m->trouble, volume, lock);
	m->writeset.fd = m->info = m->stats = -1;
	atomic_init(&m->changed, MIRROR_UNKNOWN);
	atomic_init(&m->changed_before, MIRROR_UNKNOWN);
}

static const struct bpf_map *type_of(int which)
{
	return which == WRITESET ? types->maps.writeset :
		which == INFO ? types->maps.info : types->maps.stats;
}

static void forget_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int write_entry(int fd, const void *value)
{
	const uint32_t key = 0;

	return bpf_map_update_elem(fd, &key, value, BPF_ANY) ? -errno : 0;
}

/*
 * Writes m->next to the map `info`.  seq is odd while the other fields change, so that a reader
 * notices a mixture of old and new fields.
 */
static int publish_info(struct mirror *m)
{
	int r;

	if (m->info < 0)
		return 0;
	m->next.seq = m->shown.seq;
	if (!memcmp(&m->next, &m->shown, sizeof(m->next)))
		return 0;
	m->shown.seq |= 1;
	r = write_entry(m->info, &m->shown);
	m->next.seq = m->shown.seq;
	if (!r)
		r = write_entry(m->info, &m->next);
	m->next.seq++;
	if (!r)
		r = write_entry(m->info, &m->next);
	m->shown = m->next;
	return r;
}

void mirror_map_free(struct mirror_map *map)
{
	if (map->bits)
		munmap((void *)map->bits, map->size);
	map->bits = NULL;
	forget_fd(&map->fd);
}

static void drop_writeset(struct mirror *m)
{
	mirror_map_free(&m->writeset);
	m->words.nr = 0;
}

/*
 * Marks the mirror as degraded in its map `info`, because the mirror misses blocks from now on.
 * Logs err.
 */
static void degrade_mirror(struct mirror *m, const struct err *err)
{
	trouble_says(&m->trouble, "the BPF mirror is degraded", err);
	drop_writeset(m);
	atomic_store(&m->changed, MIRROR_UNKNOWN);
	m->next.flags |= ERAD_MAP_DEGRADED;
	m->next.writeset_id = 0;
	m->count.failures++;
	/*
	 * If `info` cannot be written, remove its pin: readers then find no mirror, instead of a
	 * mirror that lacks blocks.
	 */
	if (m->info < 0 || publish_info(m))
		pins_remove(m->trouble.volume, pin_name[INFO]);
	pins_remove(m->trouble.volume, pin_name[WRITESET]);
	if (m->stats >= 0)
		write_entry(m->stats, &m->count);
}

static int flush_words(struct bitmap_words *w, void *ctx)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	struct mirror *m = ctx;
	uint32_t nr = w->nr;

	if (nr && bpf_map_update_batch(m->writeset.fd, w->index, w->word, &nr, &opts))
		return -errno;
	w->nr = 0;
	return 0;
}

/*
 * Computes m->changed.  If a bit stands for several blocks, the result may be larger than all
 * recorded blocks together.
 */
static void count_changed(struct mirror *m)
{
	uint64_t blocks = m->words.marked << m->words.shift;

	if (blocks > m->next.nr_blocks)
		blocks = m->next.nr_blocks;
	atomic_store(&m->changed, blocks * m->next.block_sectors * 512);
}

static int add_recorded(void *ctx, uint64_t first, uint64_t len)
{
	struct mirror *m = ctx;

	return bitmap_words_add(&m->words, first, len, flush_words, m);
}

/* Opens or creates the map `info` or `stats`.  These two maps are kept from era to era. */
static int open_lasting_map(struct mirror *m, int which, int *fd, void *value, struct err *err)
{
	return pins_lasting(m->trouble.volume, pin_name[which], types->obj, type_of(which), fd, value, err);
}

static int create_writeset_map(struct mirror_map *map, uint64_t nr_blocks, struct err *err)
{
	const uint64_t nr = bitmap_words_count(nr_blocks, bitmap_words_shift(nr_blocks, ERAD_MAPS_CAP));
	struct bpf_map_info kernel = { 0 };
	uint32_t len = sizeof(kernel);
	void *p;
	int r;

	r = pins_make(pin_name[WRITESET], types->obj, type_of(WRITESET), nr);
	if (r < 0)
		return err_set(err, r, "cannot make a BPF map of %llu bytes: %s",
			       (unsigned long long)nr * sizeof(uint64_t), strerror(-r));
	*map = (struct mirror_map){ .fd = r, .size = nr * sizeof(uint64_t), .nr_blocks = nr_blocks };
	p = mmap(NULL, map->size, PROT_READ, MAP_SHARED, map->fd, 0);
	if (p == MAP_FAILED) {
		r = err_set(err, -errno, "cannot map the BPF map: %m");
	} else {
		map->bits = p;
		r = bpf_obj_get_info_by_fd(map->fd, &kernel, &len) ?
			err_set(err, -errno, "cannot get the BPF map's id: %m") : 0;
	}
	map->id = kernel.id;
	if (r)
		mirror_map_free(map);
	return r;
}

void mirror_prepare(const struct mirror *m, uint64_t nr_blocks, struct mirror_map *map)
{
	struct err err;

	*map = (struct mirror_map){ .fd = -1 };
	if (!types || create_writeset_map(map, nr_blocks, &err))
		return;
	map->pinned = true;
	for (int i = WRITESET; i <= STATS && map->pinned; i++)
		map->pinned = pins_there(m->trouble.volume, pin_name[i]);
}

/* Sets the writeset of the mirror: the prepared map if it fits, or else a new map. */
static int install_map(struct mirror *m, uint64_t nr_blocks, struct mirror_map *map, struct err *err)
{
	struct mirror_map old = m->writeset;
	int r = 0;

	if (map && map->fd >= 0 && map->nr_blocks == nr_blocks) {
		m->writeset = *map;
		*map = old;
		/* The caller may only free the old map, and must not use it as a prepared map. */
		map->nr_blocks = 0;
		map->pinned = false;
	} else {
		mirror_map_free(&m->writeset);
		r = create_writeset_map(&m->writeset, nr_blocks, err);
	}
	m->words.nr = 0;
	m->words.have = m->writeset.bits;
	m->words.shift = bitmap_words_shift(nr_blocks, ERAD_MAPS_CAP);
	m->words.marked = 0;
	m->next.writeset_id = m->writeset.id;
	return r;
}

static int begin_mirror(struct mirror *m, const struct mirror_era *e, struct mirror_map *map,
			struct err *err)
{
	struct store_info s;
	int r;

	if (!types) {
		*err = unusable;
		return -EOPNOTSUPP;
	}
	if (!map || !map->pinned || m->trouble.since_ms) {
		r = pins_make_dir(m->trouble.volume, err);
		if (!r)
			r = open_lasting_map(m, INFO, &m->info, &m->shown, err);
		if (!r)
			r = open_lasting_map(m, STATS, &m->stats, &m->count, err);
		if (r)
			return r;
	}

	store_info(e->store, &s);
	m->next = (struct erad_map_info){
		.nr_blocks = s.nr_blocks, .era = e->era, .block_sectors = s.block_sectors,
		.state = e->state, .dev_major = major(e->dev), .dev_minor = minor(e->dev),
	};
	memcpy(m->next.uuid, s.uuid, sizeof(m->next.uuid));
	/*
	 * The standby must not wait for memory.  To free memory, the kernel may have to write to
	 * this volume, and the volume's writes are held now.
	 */
	if (e->fill && standby_is_me())
		return err_set(err, -ENOMEM, "the mirror lacks blocks that were recorded earlier in this era, because erad has died and its standby must not wait for memory; the mirror is complete again in the next era, or after a restart of erad");
	r = install_map(m, s.nr_blocks, map, err);
	if (!r && e->fill && s.nr_blocks > FILL_MAX)
		r = err_set(err, -EFBIG, "the mirror lacks blocks that were recorded earlier in this era, because reading the metadata of %llu blocks would delay writes; the mirror is complete again in the next era",
			    (unsigned long long)s.nr_blocks);
	if (!r && e->fill)
		r = store_diff(e->store, e->era, add_recorded, m, err);
	if (!r) {
		r = flush_words(&m->words, m);
		if (r)
			err_set(err, r, "cannot write the BPF map: %s", strerror(-r));
	}
	if (!r)
		r = pins_put(m->trouble.volume, pin_name[WRITESET], m->writeset.fd, err);
	if (r)
		return r;
	m->next.shift = m->words.shift;
	m->next.flags = m->words.shift ? ERAD_MAP_COARSE : 0;
	m->count.marked = m->words.marked;
	m->count.writesets++;
	r = publish_info(m);
	if (!r)
		r = write_entry(m->stats, &m->count);
	return r ? err_set(err, r, "cannot write a BPF map: %s", strerror(-r)) : 0;
}

void mirror_begin(struct mirror *m, const struct mirror_era *e, struct mirror_map *map)
{
	struct err err;

	if (e->era != m->next.era)
		atomic_store(&m->changed_before, atomic_load(&m->changed));
	if (begin_mirror(m, e, map, &err)) {
		m->next.era = e->era;
		degrade_mirror(m, &err);
	} else {
		count_changed(m);
		trouble_over(&m->trouble, "the BPF mirror");
	}
}

void mirror_add(struct mirror *m, const struct erad_range *range, unsigned int nr_ranges)
{
	unsigned int nr = journal_runs(m->runs, range, nr_ranges);
	struct err err;
	int r = 0;

	if (!m->writeset.bits) {
		m->count.failures++;
		if (m->stats >= 0)
			write_entry(m->stats, &m->count);
		return;
	}
	for (unsigned int i = 0; i < nr && !r; i++)
		r = bitmap_words_add(&m->words, m->runs[i].first, m->runs[i].len, flush_words, m);
	if (!r)
		r = flush_words(&m->words, m);
	count_changed(m);
	m->count.commits++;
	m->count.ranges += nr;
	m->count.marked = m->words.marked;
	if (!r)
		r = write_entry(m->stats, &m->count);
	if (r) {
		err_set(&err, r, "cannot write a BPF map: %s", strerror(-r));
		degrade_mirror(m, &err);
	}
}

void mirror_state(struct mirror *m, uint32_t state)
{
	struct err err;
	int r;

	m->next.state = state;
	r = publish_info(m);
	if (r) {
		err_set(&err, r, "cannot write a BPF map: %s", strerror(-r));
		degrade_mirror(m, &err);
	}
}

void mirror_end(struct mirror *m, bool gone)
{
	if (gone) {
		/*
		 * Programs that still have the maps open see by writeset_id 0 that the volume is
		 * closed.
		 */
		m->next.writeset_id = m->next.state = 0;
		publish_info(m);
		for (int i = WRITESET; i <= STATS; i++)
			pins_remove(m->trouble.volume, pin_name[i]);
		pins_remove(m->trouble.volume, NULL);
	}
	drop_writeset(m);
	forget_fd(&m->info);
	forget_fd(&m->stats);
}

const char *mirror_status(const struct mirror *m, bool serves, struct err *error)
{
	const struct trouble *t = &m->trouble;

	err_set(error, 0, "%s", t->since_ms ? t->err.msg : "");
	return t->since_ms ? "degraded" : serves ? "complete" : NULL;
}
