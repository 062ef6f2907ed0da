// SPDX-License-Identifier: GPL-2.0-or-later
/* The registry of open volumes, and the claims on their names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/uuid.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "erad/volume/registry.h"

#define CLAIM_WAIT_MS	10000
#define VOLUMES_SPARE	16u		/* volumes that may come between two tries of volumes_all() */

/* These are constant after the start. */
static int control_fd, progress_fd;
static void (*name_is_free)(void);

static pthread_mutex_t volumes_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released;		/* signalled when a claim ends or a volume is removed */
/* The fields below are protected by volumes_lock. */
static struct volume *first, **last = &first;
static struct claim *claims;
static bool adopted;			/* volumes_adopted() was called; never reset */
static bool stopping;

int volumes_control(void)
{
	return control_fd;
}

int volumes_targets(struct instances *l, struct err *err)
{
	int r;

	*l = (struct instances){ 0 };
	r = control_list(control_fd, l);
	return r ? err_set(err, r, "cannot list the targets: %s", strerror(-r)) : 0;
}

/* Returns the volume of this name, or NULL.  Context: volumes_lock. */
static struct volume *find_volume(const char *name)
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
	v = find_volume(name);
	if (v)
		volume_ref(v);
	pthread_mutex_unlock(&volumes_lock);
	return v;
}

bool volumes_have(const char *name)
{
	bool found;

	pthread_mutex_lock(&volumes_lock);
	found = find_volume(name);
	pthread_mutex_unlock(&volumes_lock);
	return found;
}

int volumes_all(struct volume ***out, size_t *nr)
{
	size_t room = 0, needed;

	*out = NULL;
	*nr = 0;
	/*
	 * Allocate without volumes_lock: an allocation may wait for memory, and the threads of all
	 * volumes take volumes_lock.
	 */
	do {
		free(*out);
		room += VOLUMES_SPARE;
		*out = malloc(room * sizeof(**out));
		if (!*out)
			return -ENOMEM;
		needed = 0;
		pthread_mutex_lock(&volumes_lock);
		for (struct volume *v = first; v; v = v->next)
			needed++;
		if (needed <= room) {
			for (struct volume *v = first; v; v = v->next)
				(*out)[(*nr)++] = volume_ref(v);
		} else {
			room = needed;
		}
		pthread_mutex_unlock(&volumes_lock);
	} while (needed > *nr);
	return 0;
}

/* Tells the standby which volumes are open.  Context: volumes_lock. */
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

/*
 * Returns another volume with the same UUID, or NULL.  Each of the two volumes would attach to the
 * targets of the other.  Context: volumes_lock.
 */
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
			    "metadata %.200s has the same UUID as the metadata of volume %s, which is open; a copy of metadata cannot be used at the same time as the original",
			    v->metadata, twin->name);
	} else {
		volume_ref(v);
		v->next = NULL;
		*last = v;
		last = &v->next;
	}
	/*
	 * After volumes_stop(), no volume may stay open, so end this volume at once; the request
	 * fails.
	 */
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

/* Returns whether the name is claimed.  Context: volumes_lock. */
static bool name_is_claimed(const char *name)
{
	struct claim *c = claims;

	while (c && strcmp(c->name, name))
		c = c->next;
	return c;
}

/* Adds the claim to the list.  Context: volumes_lock. */
static void push_claim(struct claim *c, const char *name, bool tried)
{
	c->tried = tried;
	c->name = name;
	c->next = claims;
	claims = c;
}

int volumes_claim(struct claim *c, const char *name, struct volume **v, struct err *err)
{
	struct timespec until = thread_deadline(CLAIM_WAIT_MS);
	int r = 0;

	pthread_mutex_lock(&volumes_lock);
	while (name_is_claimed(name) && !stopping && !r)
		r = pthread_cond_timedwait(&released, &volumes_lock, &until);
	if (stopping)
		r = err_set(err, -ESHUTDOWN, "erad is stopping");
	else if (name_is_claimed(name))
		r = err_set(err, -EBUSY, "another request for this volume is being carried out; try again later");
	else
		r = 0;
	if (!r) {
		push_claim(c, name, false);
		*v = find_volume(name);
		if (*v)
			volume_ref(*v);
	}
	pthread_mutex_unlock(&volumes_lock);
	return r;
}

bool volumes_try_claim(struct claim *c, const char *name)
{
	bool busy;

	pthread_mutex_lock(&volumes_lock);
	busy = stopping || name_is_claimed(name) || find_volume(name);
	if (!busy)
		push_claim(c, name, true);
	pthread_mutex_unlock(&volumes_lock);
	return !busy;
}

void volumes_release(struct claim *c)
{
	struct claim **p = &claims;

	pthread_mutex_lock(&volumes_lock);
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&volumes_lock);
	if (!c->tried)
		volumes_name_is_free();
}

void volumes_name_is_free(void)
{
	if (name_is_free)
		name_is_free();
}

struct volume *volumes_owner(const struct erad_info *i)
{
	struct volume *v;

	pthread_mutex_lock(&volumes_lock);
	for (v = first; v && !volume_owns(v, i); v = v->next)
		;
	if (v)
		volume_ref(v);
	pthread_mutex_unlock(&volumes_lock);
	return v;
}

bool volumes_own(const struct erad_info *i)
{
	struct volume *v = volumes_owner(i);

	volume_unref(v);
	return v;
}

void volumes_start(int control, int progress, void (*is_free)(void))
{
	control_fd = control;
	progress_fd = progress;
	name_is_free = is_free;
	thread_cond_init(&released);
}

/* ---- for the main loop ---- */

uint64_t volumes_digest(uint64_t digest, const struct erad_info *i)
{
	const uint64_t what[] = { i->instance_id, i->era, i->state, i->status };

	for (size_t k = 0; k < sizeof(what) / sizeof(*what); k++)
		digest = (digest ^ what[k]) * 0x100000001b3;
	return digest;
}

void volumes_looking(struct volume *v)
{
	pthread_mutex_lock(&volumes_lock);
	v->seen = 0;
	pthread_mutex_unlock(&volumes_lock);
}

void volumes_looked(struct volume *v, uint64_t digest)
{
	pthread_mutex_lock(&volumes_lock);
	v->seen = digest;
	pthread_mutex_unlock(&volumes_lock);
}

/* Adds an instance to the digest of each volume that owns it.  Context: volumes_lock. */
static void add_to_owners(void *ctx, const struct erad_info *i)
{
	(void)ctx;
	for (struct volume *v = first; v; v = v->next)
		if (volume_owns(v, i))
			v->listed = volumes_digest(v->listed, i);
}

int volumes_changed(int control)
{
	struct volume *v;
	int r;

	pthread_mutex_lock(&volumes_lock);
	for (v = first; v; v = v->next)
		v->listed = VOLUMES_NO_INSTANCE;
	r = control_each(control, add_to_owners, NULL);
	for (v = first; v && !r; v = v->next)
		if (v->listed != v->seen)
			volume_kick(v);
	pthread_mutex_unlock(&volumes_lock);
	return r;
}

void volumes_settled_one(void)
{
	uint64_t one = 1;

	if (write(progress_fd, &one, sizeof(one)) < 0)
		return;
}

void volumes_adopted(void)
{
	bool first_time;

	pthread_mutex_lock(&volumes_lock);
	first_time = !adopted;
	adopted = true;
	pthread_mutex_unlock(&volumes_lock);
	if (first_time)
		volumes_settled_one();
}

bool volumes_settled(struct err *who)
{
	struct volume *v;
	bool settled;

	pthread_mutex_lock(&volumes_lock);
	settled = adopted;
	if (!settled)
		err_set(who, 0, "erad has not looked at all live targets yet");
	for (v = first; v && settled; v = v->next) {
		pthread_mutex_lock(&v->lock);
		settled = v->settled;
		pthread_mutex_unlock(&v->lock);
		if (!settled)
			err_set(who, 0, "erad has not attached to volume %s yet", v->name);
	}
	pthread_mutex_unlock(&volumes_lock);
	return settled;
}

bool volumes_hang(unsigned int ms, struct err *who)
{
	uint64_t now = thread_now_ms();
	bool found = false;

	pthread_mutex_lock(&volumes_lock);
	for (struct volume *v = first; v && !found; v = v->next) {
		const uint64_t since = atomic_load(&v->busy_since);

		found = since && now >= since + ms && v->hang_found != since;
		if (!found)
			continue;
		v->hang_found = since;
		err_set(who, 0, "volume %s: one write to the metadata has taken %llu seconds so far; check whether the metadata device hangs",
			v->name, (unsigned long long)(now - since) / 1000);
	}
	pthread_mutex_unlock(&volumes_lock);
	return found;
}

bool volumes_stop(unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	struct volume *v;
	int r = 0;

	pthread_mutex_lock(&volumes_lock);
	stopping = true;
	for (v = first; v; v = v->next)
		volume_stop(v);
	while (first && !r)
		r = pthread_cond_timedwait(&released, &volumes_lock, &until);
	pthread_mutex_unlock(&volumes_lock);
	return !r;
}
