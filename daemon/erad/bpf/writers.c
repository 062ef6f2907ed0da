// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and clears the counts of first writes for each writer: see writers.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "erad/bpf/pins.h"
#include "erad/bpf/writers.h"
#include "recorded.skel.h"

/*
 * If an era begins and the map has more than CROWDED entries, the entries of the oldest eras are
 * removed until at most ROOMY entries are left.
 */
#define CROWDED		(ERAD_MAP_WRITERS / 4 * 3)
#define ROOMY		(ERAD_MAP_WRITERS / 2)

/* These are constant after writers_setup(). */
static struct counter_map_kind kind = { .pin = "writers" };
static bool is_off;

void writers_setup(bool off)
{
	struct recorded *programs;
	unsigned int tries = 0;

	is_off = off;
	if (off) {
		err_set(&kind.unusable, -EOPNOTSUPP, "erad was started with --no-writers");
		return;
	}
	do
		programs = recorded__open_and_load();
	while (!programs && counter_map_load_again(&tries));
	if (!programs) {
		err_set(&kind.unusable, -errno, "BPF programs cannot be loaded here: %m");
	} else if (recorded__attach(programs)) {
		err_set(&kind.unusable, -errno, "BPF programs cannot be attached to the module's tracepoints: %m");
		recorded__destroy(programs);
	} else {
		kind.obj = programs->obj;
		kind.like = programs->maps.writers;
		kind.volumes = programs->maps.volumes;
	}
}

int writers_init(struct writers *w, const char *volume, pthread_mutex_t *lock)
{
	counter_map_init(&w->map, volume, lock);
	w->list = is_off ? NULL : malloc(sizeof(*w->list));
	return w->list || is_off ? 0 : -ENOMEM;
}

void writers_free(struct writers *w)
{
	free(w->list);
}

static int read_entries(int fd, struct writers_list *l)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t at;

	l->nr = ERAD_MAP_WRITERS;
	/* The kernel returns ENOENT when it has read all entries. */
	return bpf_map_lookup_batch(fd, NULL, &at, l->who, l->written, &l->nr, &opts) && errno != ENOENT ?
		-errno : 0;
}

/* Moves the entries of all eras up to `era` to the front of the list.  Returns their number. */
static uint32_t move_to_front(struct writers_list *l, uint32_t era)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < l->nr; i++) {
		struct erad_map_writer w = l->who[i];

		if (w.era > era)
			continue;
		l->who[i] = l->who[nr];
		l->who[nr++] = w;
	}
	return nr;
}

/* Returns the oldest era in the list from position `from` on.  UINT32_MAX: there is no entry. */
static uint32_t oldest_era(const struct writers_list *l, uint32_t from)
{
	uint32_t era = UINT32_MAX;

	for (uint32_t i = from; i < l->nr; i++)
		if (l->who[i].era < era)
			era = l->who[i].era;
	return era;
}

static int forget_writers(int fd, const struct erad_map_writer *who, uint32_t nr)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t done;

	while (nr) {
		done = nr;
		if (!bpf_map_delete_batch(fd, who, &done, &opts))
			return 0;
		if (errno != ENOENT)
			return -errno;
		/* ENOENT: another thread has removed the entry. */
		who += done + 1;
		nr -= done + 1;
	}
	return 0;
}

/*
 * If the map has more than CROWDED entries, removes the entries of the oldest eras.  Never removes
 * `era` or a later era.
 */
static int remove_old_eras(int fd, struct writers_list *l, uint32_t era)
{
	uint32_t nr = 0, old;
	int r;

	r = read_entries(fd, l);
	if (r || l->nr <= CROWDED)
		return r;
	while (l->nr - nr > ROOMY) {
		old = oldest_era(l, nr);
		if (old >= era)
			break;
		nr = move_to_front(l, old);
	}
	return forget_writers(fd, l->who, nr);
}

/*
 * Adds the entry that counts the first writes of an era for all writers without an entry of their
 * own.  Add this entry before the map is full.
 */
static int add_others(int fd, uint32_t era)
{
	const struct erad_map_writer others = { .era = era, .flags = ERAD_MAP_OTHERS };
	const struct erad_map_written none = { 0 };

	return bpf_map_update_elem(fd, &others, &none, BPF_NOEXIST) && errno != EEXIST ? -errno : 0;
}

static int begin_writers(struct writers *w, dev_t dev, uint32_t era, struct err *err)
{
	struct counter_map *t = &w->map;
	int r;

	r = counter_map_begin(t, &kind, dev, err);
	if (r)
		return r;
	r = remove_old_eras(t->fd, w->list, era);
	if (!r)
		r = add_others(t->fd, era);
	return r ? err_set(err, r, "cannot write a BPF map: %s", strerror(-r)) : 0;
}

void writers_begin(struct writers *w, dev_t dev, uint32_t era)
{
	struct trouble *t = &w->map.trouble;
	struct err err;

	if (is_off) {
		/*
		 * Remove the map of an earlier erad, because nothing would add to its counts any
		 * more.
		 */
		pins_remove(t->volume, kind.pin);
		return;
	}
	if (begin_writers(w, dev, era, &err))
		trouble_says(t, "writers are not counted", &err);
	else
		trouble_over(t, "counting writers");
}

bool writers_pinned(const struct writers *w)
{
	return counter_map_pinned(&w->map, &kind);
}

void writers_next(struct writers *w, dev_t dev, uint32_t era)
{
	if (is_off || w->map.trouble.since_ms || w->map.fd < 0 || add_others(w->map.fd, era))
		writers_begin(w, dev, era);
}

void writers_end(struct writers *w, bool gone)
{
	counter_map_end(&w->map, &kind, gone);
}

/*
 * Returns a duplicate of the map's fd, because the volume may close its own fd at any time.  The
 * caller closes the duplicate.
 */
static int duplicate_fd(struct writers *w, struct err *err)
{
	const struct trouble *t = &w->map.trouble;
	int fd;

	pthread_mutex_lock(t->lock);
	if (t->since_ms) {
		*err = t->err;
		fd = -EIO;
	} else {
		fd = w->map.fd;
		if (fd >= 0)
			fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = err_set(err, -EAGAIN, "erad is not attached to the volume's target");
	}
	pthread_mutex_unlock(t->lock);
	return fd;
}

void writers_make_room(struct writers *w, uint32_t era)
{
	struct writers_list *l;
	struct err err;
	int fd;

	fd = is_off ? -1 : duplicate_fd(w, &err);
	if (fd < 0)
		return;
	l = malloc(sizeof(*l));
	if (l)
		remove_old_eras(fd, l, era);
	free(l);
	close(fd);
}

int writers_read(struct writers *w, struct writers_list **out, struct err *err)
{
	struct writers_list *l;
	int fd, r;

	if (is_off) {
		*err = kind.unusable;
		return -EOPNOTSUPP;
	}
	fd = duplicate_fd(w, err);
	if (fd < 0)
		return fd;
	l = malloc(sizeof(*l));
	r = l ? read_entries(fd, l) : -ENOMEM;
	close(fd);
	if (r) {
		free(l);
		return err_set(err, r, "cannot read a BPF map: %s", strerror(-r));
	}
	*out = l;
	return 0;
}
