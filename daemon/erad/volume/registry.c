// SPDX-License-Identifier: GPL-2.0-or-later
/* The registry of open volumes, and the adoption of targets that live without one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/eratab.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/volume/commit.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

#define CLAIM_WAIT_MS	10000
#define PEEK_MS		2000	/* writes to other volumes wait meanwhile */

static int control_fd, progress_fd;	/* constant after the start */

static pthread_mutex_t volumes_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released;		/* a claim ended, a volume went */
static pthread_cond_t adopt_wake;
/* All under volumes_lock. */
static struct volume *first, **last = &first;
static struct claim *claims;
static bool adopt_wanted = true;
static bool adopted;			/* once */
static bool stopping;

int volumes_control(void)
{
	return control_fd;
}

/* Under volumes_lock. */
static struct volume *find(const char *name)
{
	struct volume *v = first;

	while (v && strcmp(v->name, name))
		v = v->next;
	return v;
}

struct volume *volumes_get(const char *name)
{
	struct volume *v;

	pthread_mutex_lock(&volumes_lock);
	v = find(name);
	if (v)
		volume_ref(v);
	pthread_mutex_unlock(&volumes_lock);
	return v;
}

int volumes_all(struct volume ***out, size_t *nr)
{
	struct volume *v;
	int r = 0;

	*nr = 0;
	pthread_mutex_lock(&volumes_lock);
	for (v = first; v; v = v->next)
		(*nr)++;
	*out = malloc((*nr + 1) * sizeof(**out));
	if (!*out)
		r = -ENOMEM;
	*nr = 0;
	for (v = first; v && !r; v = v->next)
		(*out)[(*nr)++] = volume_ref(v);
	pthread_mutex_unlock(&volumes_lock);
	return r;
}

/* Tells the standby what volumes are open.  Under volumes_lock. */
static void leave_to_standby(void)
{
	heirlooms_begin();
	for (struct volume *v = first; v; v = v->next) {
		struct heirloom h = {
			.name = v->name, .origin = v->origin, .metadata = v->metadata,
			.meta_dev = v->meta_dev, .may_format = v->may_format,
		};

		memcpy(h.uuid, v->uuid, sizeof(h.uuid));
		pthread_mutex_lock(&v->lock);
		h.dev = v->dev;
		pthread_mutex_unlock(&v->lock);
		heirlooms_put(&h);
	}
	heirlooms_commit();
}

/* Under volumes_lock: one that has the same UUID, so that each would own the other's targets. */
static const struct volume *find_twin(const struct volume *v)
{
	const struct volume *other = first;

	if (uuid_is_zero(v->uuid))
		return NULL;
	while (other && memcmp(other->uuid, v->uuid, sizeof(v->uuid)))
		other = other->next;
	return other;
}

int volumes_add(struct volume *v, struct err *err)
{
	const struct volume *twin;
	int r = 0;

	pthread_mutex_lock(&volumes_lock);
	twin = find_twin(v);
	if (twin) {
		r = err_set(err, -EBUSY,
			    "metadata %.200s has the same UUID as that of volume %s, which is open; a copy of metadata cannot be used beside it",
			    v->metadata, twin->name);
	} else {
		volume_ref(v);
		v->next = NULL;
		*last = v;
		last = &v->next;
	}
	/* A request that was let in before that ends as if it had failed. */
	if (stopping && !r)
		volume_stop(v);
	leave_to_standby();
	pthread_mutex_unlock(&volumes_lock);
	return r;
}

void volumes_remove(struct volume *v)
{
	struct volume **p = &first;

	pthread_mutex_lock(&volumes_lock);
	while (*p && *p != v)
		p = &(*p)->next;
	if (*p) {
		*p = v->next;
		if (last == &v->next)
			last = p;
		v->next = NULL;
		leave_to_standby();
	}
	pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&volumes_lock);
	volume_unref(v);
}

/* Under volumes_lock. */
static bool claimed(const char *name)
{
	struct claim *c = claims;

	while (c && strcmp(c->name, name))
		c = c->next;
	return c;
}

/* Under volumes_lock. */
static void push_claim(struct claim *c, const char *name)
{
	c->name = name;
	c->next = claims;
	claims = c;
}

int volumes_claim(struct claim *c, const char *name, struct err *err)
{
	struct timespec until = thread_deadline(CLAIM_WAIT_MS);
	int r = 0;

	pthread_mutex_lock(&volumes_lock);
	while (claimed(name) && !stopping && !r)
		r = pthread_cond_timedwait(&released, &volumes_lock, &until);
	if (stopping)
		r = err_set(err, -ESHUTDOWN, "erad is stopping");
	else if (claimed(name))
		r = err_set(err, -EBUSY, "another request for this volume is being carried out");
	else
		r = 0;
	if (!r)
		push_claim(c, name);
	pthread_mutex_unlock(&volumes_lock);
	return r;
}

/* Under volumes_lock. */
static void drop_claim(struct claim *c)
{
	struct claim **p = &claims;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	pthread_cond_broadcast(&released);
}

void volumes_release(struct claim *c)
{
	pthread_mutex_lock(&volumes_lock);
	drop_claim(c);
	/* A target may have been passed over because its name was claimed. */
	adopt_wanted = true;
	pthread_cond_signal(&adopt_wake);
	pthread_mutex_unlock(&volumes_lock);
}

/* ---- adoption ---- */

static void want_adoption(void)
{
	pthread_mutex_lock(&volumes_lock);
	adopt_wanted = true;
	pthread_cond_signal(&adopt_wake);
	pthread_mutex_unlock(&volumes_lock);
}

/*
 * Whether the metadata of e is what a target whose device has another name was made with.  Nothing
 * is read of a metadata device that the target names.  *unsure becomes true if the metadata hangs: other volumes
 * are not to wait for it.  When it hangs no more, all targets are looked at again.
 */
static bool has_metadata(const struct eratab_entry *e, const struct erad_info *i, bool *unsure)
{
	const enum peek_depth depth = i->meta_major ? PEEK_DEVICE : PEEK_SUPER;
	struct peek found;
	int r;

	r = peek_within(e->metadata, depth, PEEK_MS, want_adoption, &found);
	if (r == -ETIMEDOUT) {
		*unsure = true;
		return false;
	}
	/* Without memory for a thread, waiting is better than leaving the target alone. */
	if (r)
		peek_now(e->metadata, depth, &found);
	if (i->meta_major)
		return found.dev == makedev(i->meta_major, i->meta_minor);
	return found.is_erad && !uuid_is_zero(i->uuid) &&
		!memcmp(found.uuid, i->uuid, sizeof(found.uuid));
}

/*
 * The entry of a live target: the one that its device is named after, or
 * else, should somebody have renamed the device or made it by hand, the one
 * that has its metadata.  *unsure: see has_metadata().
 */
static const struct eratab_entry *entry_of(const struct eratab *tab, const char *name,
					   const struct erad_info *i, bool *unsure)
{
	const struct eratab_entry *e;

	if (!eratab_find(tab, name, &e, NULL))
		return e;
	for (size_t n = 0; n < tab->nr; n++) {
		struct volume *v;

		e = tab->line[n].entry;
		if (!e)
			continue;
		v = volumes_get(e->name);
		volume_unref(v);
		if (!v && has_metadata(e, i, unsure))
			return e;
	}
	return NULL;
}

/* A table that no entry knows, made by hand, but with a metadata device of its own: dm-era's way. */
struct by_hand {
	struct eratab_entry e;
	char origin[NODE_PATH_SIZE], metadata[NODE_PATH_SIZE];
};

/* Its entry, named after the device; where that is taken, by another target of the same table, after its metadata too. */
static const struct eratab_entry *make_entry(struct by_hand *h, const char *name,
					     const struct erad_info *i)
{
	struct volume *v;

	if (!i->meta_major || dm_node(makedev(i->meta_major, i->meta_minor), h->metadata) ||
	    dm_node(makedev(i->origin_major, i->origin_minor), h->origin))
		return NULL;
	h->e = (struct eratab_entry){ .origin = h->origin, .metadata = h->metadata };
	v = volumes_get(name);
	if (v || eratab_check_name(name, NULL))
		snprintf(h->e.name, sizeof(h->e.name), "dm-%u.%u-%u", i->dev_minor, i->meta_major,
			 i->meta_minor);
	else
		strcpy(h->e.name, name);
	volume_unref(v);
	return &h->e;
}

static bool has_volume(const struct erad_info *i)
{
	bool found = false;
	struct volume *v;

	pthread_mutex_lock(&volumes_lock);
	for (v = first; v && !found; v = v->next)
		found = volume_owns(v, i);
	pthread_mutex_unlock(&volumes_lock);
	return found;
}

static int adopt_as(const struct eratab_entry *e, const struct erad_info *i, bool by_hand,
		    struct err *err)
{
	struct volume *v;
	int r;

	r = volume_new(e->name, e->origin, e->metadata, i->uuid, NULL, &v, err);
	if (r)
		return r;
	v->dev = makedev(i->dev_major, i->dev_minor);
	v->meta_dev = makedev(i->meta_major, i->meta_minor);
	v->may_format = by_hand;
	r = volumes_add(v, err);
	if (r)
		goto out;
	r = volume_start(v, false, err);
	if (r)
		volumes_remove(v);
out:
	volume_unref(v);
	return r;
}

/* *told: the newest instance that something was said about. */
static void adopt(const struct eratab *tab, const struct erad_info *i, uint64_t *told)
{
	const struct eratab_entry *e;
	char name[DM_NAME_SIZE], uuid[UUID_TEXT_SIZE];
	struct by_hand hand;
	struct claim claim;
	struct err err;
	bool unsure = false, busy;

	if (has_volume(i) || dm_name(makedev(i->dev_major, i->dev_minor), name))
		return;
	e = entry_of(tab, name, i, &unsure);
	if (!e && !unsure)
		e = make_entry(&hand, name, i);
	if (!e) {
		if (i->instance_id > *told)
			log_warn("/dev/mapper/%s (%u:%u) is an erad target with UUID %s, which %s %s; its new writes wait",
				 name, i->dev_major, i->dev_minor, uuid_text(i->uuid, uuid),
				 unsure ? "may be that of metadata that hangs, in" : "is not in",
				 tab->file);
		if (i->instance_id > *told)
			*told = i->instance_id;
		return;
	}

	pthread_mutex_lock(&volumes_lock);
	/* The claim's end wakes us again. */
	busy = stopping || claimed(e->name) || find(e->name);
	if (!busy)
		push_claim(&claim, e->name);
	pthread_mutex_unlock(&volumes_lock);
	if (busy)
		return;
	if (!has_volume(i) && adopt_as(e, i, e == &hand.e, &err))
		log_error("volume %s: %s", e->name, err.msg);
	pthread_mutex_lock(&volumes_lock);
	drop_claim(&claim);
	pthread_mutex_unlock(&volumes_lock);
}

static int adopt_all(struct instances *l, uint64_t *told)
{
	struct eratab tab;
	struct err err;
	int r;

	r = control_list(control_fd, l);
	if (r || !l->nr)
		return r;
	if (eratab_read(ERAD_TAB, &tab, &err)) {
		log_error("%s", err.msg);
		return 0;
	}
	for (uint32_t n = 0; n < l->nr; n++)
		adopt(&tab, &l->info[n], told);
	eratab_free(&tab);
	return 0;
}

static void *adopter(void *arg)
{
	struct instances list = { 0 };
	uint64_t told = 0;

	(void)arg;
	pthread_mutex_lock(&volumes_lock);
	for (;;) {
		while (!adopt_wanted && !stopping)
			pthread_cond_wait(&adopt_wake, &volumes_lock);
		if (stopping)
			break;
		adopt_wanted = false;
		pthread_mutex_unlock(&volumes_lock);
		while (adopt_all(&list, &told))
			sleep(1);	/* out of memory, for all that is known: this passes */
		pthread_mutex_lock(&volumes_lock);
		if (!adopted) {
			adopted = true;
			volumes_settled_one();
		}
	}
	pthread_mutex_unlock(&volumes_lock);
	instances_free(&list);
	return NULL;
}

/* In the standby, which need not read the boot table for it. */
static void inherit(const struct heirloom *h)
{
	struct volume *v;
	struct err err;
	int r;

	r = volume_new(h->name, h->origin, h->metadata, h->uuid, NULL, &v, &err);
	if (!r) {
		v->dev = h->dev;
		v->meta_dev = h->meta_dev;
		v->may_format = h->may_format;
		r = volumes_add(v, &err);
		if (!r) {
			r = volume_start(v, false, &err);
			if (r)
				volumes_remove(v);
		}
		volume_unref(v);
	}
	if (r)
		log_error("volume %s: %s", h->name, err.msg);
}

int volumes_start(int control, int progress, struct err *err)
{
	int r;

	control_fd = control;
	progress_fd = progress;
	thread_cond_init(&released);
	thread_cond_init(&adopt_wake);
	if (standby_is_me())
		heirlooms_each(inherit);
	r = thread_start_detached(adopter, NULL);
	return r ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

/* ---- the main loop's questions ---- */

/* Something that differs when the instances of v have changed; FNV-1a. */
static uint64_t digest(struct volume *v, const struct instances *l)
{
	uint64_t h = 0xcbf29ce484222325;

	for (uint32_t n = 0; n < l->nr; n++) {
		const struct erad_info *i = &l->info[n];
		const uint64_t what[] = { i->instance_id, i->era, i->state, i->status };

		if (!volume_owns(v, i))
			continue;
		for (size_t k = 0; k < sizeof(what) / sizeof(*what); k++)
			h = (h ^ what[k]) * 0x100000001b3;
	}
	return h;
}

void volumes_looking(struct volume *v)
{
	pthread_mutex_lock(&volumes_lock);
	v->seen = 0;
	pthread_mutex_unlock(&volumes_lock);
}

void volumes_looked(struct volume *v, const struct instances *l)
{
	pthread_mutex_lock(&volumes_lock);
	v->seen = digest(v, l);
	pthread_mutex_unlock(&volumes_lock);
}

void volumes_changed(const struct instances *l)
{
	struct volume *v;

	pthread_mutex_lock(&volumes_lock);
	for (v = first; v; v = v->next)
		if (digest(v, l) != v->seen)
			volume_kick(v);
	adopt_wanted = true;
	pthread_cond_signal(&adopt_wake);
	pthread_mutex_unlock(&volumes_lock);
}

void volumes_settled_one(void)
{
	uint64_t one = 1;

	if (write(progress_fd, &one, sizeof(one)) < 0)
		return;
}

bool volumes_settled(struct err *who)
{
	struct volume *v;
	bool settled;

	pthread_mutex_lock(&volumes_lock);
	settled = adopted;
	if (!settled)
		err_set(who, 0, "the live targets have not all been looked at");
	for (v = first; v && settled; v = v->next) {
		pthread_mutex_lock(&v->lock);
		settled = v->settled;
		pthread_mutex_unlock(&v->lock);
		if (!settled)
			err_set(who, 0, "volume %s has not been attached", v->name);
	}
	pthread_mutex_unlock(&volumes_lock);
	return settled;
}

bool volumes_progress(unsigned int ms, struct err *who)
{
	uint64_t now = thread_now_ms();
	struct volume *v;
	bool good = true;

	pthread_mutex_lock(&volumes_lock);
	for (v = first; v && good; v = v->next) {
		uint64_t since = atomic_load(&v->busy_since);

		good = !since || now < since + ms;
		if (!good)
			err_set(who, 0, "volume %s has been in one commit for %llu seconds",
				v->name, (unsigned long long)(now - since) / 1000);
	}
	pthread_mutex_unlock(&volumes_lock);
	return good;
}

bool volumes_stop(unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	struct volume *v;
	int r = 0;

	pthread_mutex_lock(&volumes_lock);
	stopping = true;
	pthread_cond_signal(&adopt_wake);
	for (v = first; v; v = v->next)
		volume_stop(v);
	while (first && !r)
		r = pthread_cond_timedwait(&released, &volumes_lock, &until);
	pthread_mutex_unlock(&volumes_lock);
	return !r;
}
