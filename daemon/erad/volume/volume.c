// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open volumes, for all threads: creates and frees them, and returns their store and their state.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/uuid.h"
#include "erad/base/thread.h"
#include "erad/volume/volume.h"

/* How often and how long volume_check_compared() waits for the volume thread to attach again. */
#define COMPARED_TRIES		10
#define COMPARED_PAUSE_MS	100

static void init_troubles(struct volume *v)
{
	struct trouble *const all[] = {
		&v->attach_trouble, &v->mark_trouble, &v->fold_trouble, &v->degrade_trouble,
		&v->home_trouble, &v->past_trouble,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		trouble_init(all[i], v->name, &v->lock);
}

int volume_new(const char *name, const char *origin, const char *metadata,
	       const uint8_t uuid[16], struct store *store, struct volume **out,
	       struct err *err)
{
	struct volume *v;
	int r;

	v = calloc(1, sizeof(*v));
	if (!v)
		return err_set(err, -ENOMEM, "out of memory");
	v->fd = -1;
	v->asked_identity.fd = v->asked.fd = -1;
	r = shown_init(&v->shown, v->name, &v->lock);
	v->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->origin = strdup(origin);
	v->metadata = strdup(metadata);
	if (v->event_fd < 0)
		r = -errno;
	else if (!v->origin || !v->metadata)
		r = -ENOMEM;
	if (r) {
		if (v->event_fd >= 0)
			close(v->event_fd);
		shown_free(&v->shown);
		free(v->origin);
		free(v->metadata);
		free(v);
		return err_set(err, r, "cannot set up the volume: %s", strerror(-r));
	}
	strcpy(v->name, name);
	memcpy(v->uuid, uuid, sizeof(v->uuid));
	v->refs = 1;
	v->store = store;
	v->look_at = v->retry_at = v->roll_at = v->degraded_at = UINT64_MAX;
	pthread_mutex_init(&v->lock, NULL);
	init_troubles(v);
	pthread_mutex_init(&v->checkpoint_lock, NULL);
	pthread_mutex_init(&v->snapshot_lock, NULL);
	pthread_mutex_init(&v->past_lock, NULL);
	thread_cond_init(&v->changed);
	*out = v;
	return 0;
}

struct volume *volume_ref(struct volume *v)
{
	atomic_fetch_add(&v->refs, 1);
	return v;
}

void volume_unref(struct volume *v)
{
	if (!v || atomic_fetch_sub(&v->refs, 1) > 1)
		return;
	pthread_cond_destroy(&v->changed);
	pthread_mutex_destroy(&v->past_lock);
	pthread_mutex_destroy(&v->snapshot_lock);
	pthread_mutex_destroy(&v->checkpoint_lock);
	pthread_mutex_destroy(&v->lock);
	close(v->event_fd);
	origin_drop(&v->asked_identity);
	origin_drop(&v->asked);
	shown_free(&v->shown);
	free(v->origin);
	free(v->metadata);
	free(v);
}

void volume_kick(struct volume *v)
{
	uint64_t one = 1;

	atomic_store(&v->attention, true);
	/* The counter cannot overflow, because each read sets it to 0. */
	if (write(v->event_fd, &one, sizeof(one)) < 0)
		return;
}

void volume_expect(struct volume *v, bool expected)
{
	pthread_mutex_lock(&v->lock);
	v->expected = expected;
	pthread_mutex_unlock(&v->lock);
	volume_kick(v);
}

void volume_stop(struct volume *v)
{
	pthread_mutex_lock(&v->lock);
	v->stop = true;
	pthread_mutex_unlock(&v->lock);
	volume_kick(v);
}

void volume_accept_gap(struct volume *v)
{
	if (!atomic_exchange(&v->refuse_gap, false))
		return;
	pthread_mutex_lock(&v->lock);
	if (!v->ready)
		v->settled = false;
	pthread_mutex_unlock(&v->lock);
	volume_kick(v);
}

int volume_wait_settled(struct volume *v, unsigned int ms, struct err *err)
{
	struct timespec until = thread_deadline(ms);
	int r = 0;

	pthread_mutex_lock(&v->lock);
	while (!v->settled && !v->ended && !v->stop && !r)
		r = pthread_cond_timedwait(&v->changed, &v->lock, &until);
	if (v->ready)
		r = 0;
	else if (v->ended)
		r = err_set(err, -ENODEV, "the target was removed while the volume was being opened");
	else if (v->stop)
		r = err_set(err, -ESHUTDOWN, "erad is stopping");
	else if (v->attach_trouble.since_ms)
		r = err_set(err, -EIO, "%s", v->attach_trouble.err.msg);
	else
		r = err_set(err, -ETIMEDOUT, "the target was not ready within %u seconds",
			    ms / 1000);
	pthread_mutex_unlock(&v->lock);
	return r;
}

/*
 * Returns whether the volume serves the table for which wait_for_table() waits.  what: as passed to
 * wait_for_table().  Context: v->lock.
 */
typedef bool (*serves_fn)(const struct volume *v, uint64_t what);

static int wait_for_table(struct volume *v, serves_fn serves, uint64_t what, uint64_t trouble_ms, unsigned int ms,
			  struct err *err)
{
	const struct trouble *t = &v->attach_trouble;
	struct timespec until = thread_deadline(ms);
	int r = 0;

	pthread_mutex_lock(&v->lock);
	while (!serves(v, what) && !v->ended && !v->stop && (!t->since_ms || t->since_ms == trouble_ms) && !r)
		r = pthread_cond_timedwait(&v->changed, &v->lock, &until);
	if (serves(v, what))
		r = 0;
	else if (v->ended)
		r = err_set(err, -ENODEV, "the target was removed while its table was being replaced");
	else if (v->stop)
		r = err_set(err, -ESHUTDOWN, "erad is stopping");
	else if (t->since_ms)
		r = err_set(err, -EIO, "%s", t->err.msg);
	else
		r = err_set(err, -ETIMEDOUT, "the new target was not ready within %u seconds",
			    ms / 1000);
	pthread_mutex_unlock(&v->lock);
	return r;
}

static bool serves_size(const struct volume *v, uint64_t nr_sectors)
{
	return v->ready && v->info.nr_sectors == nr_sectors;
}

int volume_wait_size(struct volume *v, uint64_t nr_sectors, uint64_t trouble_ms, unsigned int ms,
		     struct err *err)
{
	return wait_for_table(v, serves_size, nr_sectors, trouble_ms, ms, err);
}

static bool serves_other(const struct volume *v, uint64_t instance_id)
{
	return v->ready && v->info.instance_id != instance_id;
}

int volume_wait_other(struct volume *v, uint64_t instance_id, uint64_t trouble_ms, unsigned int ms, struct err *err)
{
	return wait_for_table(v, serves_other, instance_id, trouble_ms, ms, err);
}

bool volume_wait_ended(struct volume *v, unsigned int ms)
{
	struct timespec until = thread_deadline(ms);
	bool ended;
	int r = 0;

	pthread_mutex_lock(&v->lock);
	while (!v->ended && !r)
		r = pthread_cond_timedwait(&v->changed, &v->lock, &until);
	ended = v->ended;
	pthread_mutex_unlock(&v->lock);
	return ended;
}

struct store *volume_store_get(struct volume *v)
{
	struct store *s;

	pthread_mutex_lock(&v->lock);
	s = v->store;
	if (s)
		v->store_users++;
	pthread_mutex_unlock(&v->lock);
	return s;
}

int volume_store_missing(struct err *err)
{
	return err_set(err, -EAGAIN, "the metadata is not open; run 'eractl status' to see why");
}

void volume_store_put(struct volume *v)
{
	pthread_mutex_lock(&v->lock);
	v->store_users--;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
}

struct store *volume_store_take(struct volume *v)
{
	struct store *s;

	pthread_mutex_lock(&v->lock);
	s = v->store;
	v->store = NULL;
	while (v->store_users)
		pthread_cond_wait(&v->changed, &v->lock);
	pthread_mutex_unlock(&v->lock);
	return s;
}

bool volume_closing(struct volume *v)
{
	bool closing;

	pthread_mutex_lock(&v->lock);
	closing = !v->store;
	pthread_mutex_unlock(&v->lock);
	return closing;
}

/*
 * Returns whether the target is in the table of its device, or the device is suspended.  Asks the
 * target itself, because the volume thread may not have noticed yet that another table has replaced
 * the target's table.  The ioctl fails if the target was removed.  Device-mapper lets writes through
 * the other table before it removes this target, so the device may be in use without it.
 */
static bool is_in_use(const struct volume *v, struct erad_info *i)
{
	char suspended[4];

	if (instance_info(v->fd, i))
		return false;
	return i->status & ERAD_RESUMED || blockdev_attribute(v->dev, "dm/suspended", suspended, sizeof(suspended)) ||
	       strcmp(suspended, "0");
}

static int check_compared(struct volume *v, struct err *err)
{
	struct erad_info i;
	const char *state;
	struct err why;
	int r = 0;

	pthread_mutex_lock(&v->lock);
	if (!v->ready || !is_in_use(v, &i) || i.status & ERAD_PASSES_ALL) {
		state = v->ready ? "detached" : volume_state(v, &why);
		r = err_set(err, -EAGAIN,
			    "its state is %s, expected active: writes may have gone past erad, and erad has not noticed them yet%s%s; try again when 'eractl status %s' says active",
			    state, !v->ready && *why.msg ? ": " : "", v->ready ? "" : why.msg, v->name);
	}
	pthread_mutex_unlock(&v->lock);
	return r;
}

int volume_check_compared(struct volume *v, struct err *err)
{
	int r;

	for (unsigned int i = 0; (r = check_compared(v, err)) == -EAGAIN && i < COMPARED_TRIES; i++)
		poll(NULL, 0, COMPARED_PAUSE_MS);
	return r;
}

bool volume_era_is_complete(const struct volume *v, uint32_t era)
{
	struct erad_info i;

	if (!v->ready || instance_info(v->fd, &i) || i.status & ERAD_PASSES_ALL)
		return false;
	return i.era > era || (i.era == era && !(i.status & ERAD_DRAINING));
}

const char *volume_state(const struct volume *v, struct err *error)
{
	const struct trouble *t = &v->attach_trouble;

	if (!t->since_ms)
		t = &v->mark_trouble;
	if (!t->since_ms)
		t = &v->degrade_trouble;
	if (!t->since_ms)
		t = &v->home_trouble;
	if (!t->since_ms)
		t = &v->past_trouble;
	if (!t->since_ms)
		t = &v->fold_trouble;
	if (error)
		err_set(error, 0, "%s", t->since_ms ? t->err.msg : "");

	if (v->fd >= 0 && v->info.state == ERAD_FAILED)
		return "failed";
	if (v->passing)
		return "degraded";
	if (v->ready)
		return "active";
	return v->attach_trouble.since_ms ? "detached" : "loading";
}

unsigned int volume_count_states(struct volume *v)
{
	const char *state = volume_state(v, NULL);

	/* The first state is not a change. */
	if (v->counted_state && strcmp(v->counted_state, state))
		v->state_changes++;
	v->counted_state = state;
	return v->state_changes;
}

bool volume_owns(struct volume *v, const struct erad_info *i)
{
	bool ours;

	if (!uuid_is_zero(i->uuid))
		return !memcmp(i->uuid, v->uuid, sizeof(v->uuid));
	/*
	 * A table that was made by hand may name no UUID, and several targets may have this kind of
	 * table.  So compare the devices.
	 */
	if (v->meta_dev && makedev(i->meta_major, i->meta_minor) != v->meta_dev)
		return false;
	pthread_mutex_lock(&v->lock);
	ours = v->dev && makedev(i->dev_major, i->dev_minor) == v->dev;
	pthread_mutex_unlock(&v->lock);
	return ours;
}

void volume_usage(struct volume *v)
{
	struct store_info s;

	pthread_mutex_lock(&v->lock);
	if (v->store && v->fd >= 0) {
		store_info(v->store, &s);
		instance_usage(v->fd, s.used_pages, s.size_pages, s.snapshot_era);
	}
	pthread_mutex_unlock(&v->lock);
}

