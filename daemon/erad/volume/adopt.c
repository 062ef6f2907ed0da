// SPDX-License-Identifier: GPL-2.0-or-later
/* The adopter: a thread that opens a volume for each target that lives without one. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/eratab.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "erad/device/sysfs.h"
#include "erad/volume/adopt.h"
#include "erad/volume/commit.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

#define PEEK_MS		2000	/* writes to other volumes wait meanwhile */

/* Innermost. */
static pthread_mutex_t adopt_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t adopt_changed = PTHREAD_COND_INITIALIZER;
/* Both under adopt_lock. */
static bool adopt_wanted = true;
static bool adopt_stopping;

/* The boot table as it was when erad was started.  The adopter's, from adopt_start() on; without a file there is none. */
static struct eratab early;

void adopt_wake(void)
{
	pthread_mutex_lock(&adopt_lock);
	adopt_wanted = true;
	pthread_cond_signal(&adopt_changed);
	pthread_mutex_unlock(&adopt_lock);
}

void adopt_stop(void)
{
	pthread_mutex_lock(&adopt_lock);
	adopt_stopping = true;
	pthread_cond_signal(&adopt_changed);
	pthread_mutex_unlock(&adopt_lock);
}

/*
 * Whether the metadata of e is what a target whose device has another name was made with.  Nothing
 * is read of a metadata device that the target names.  *unsure becomes true if the metadata hangs and may be that
 * of the target: other volumes are not to wait for it.  When it hangs no more, all targets are looked at again.
 */
static bool has_metadata(const struct eratab_entry *e, const struct erad_info *i, bool *unsure)
{
	const enum peek_depth depth = i->meta_major ? PEEK_DEVICE : PEEK_SUPER;
	struct peek found;
	int r;

	r = peek_within(e->metadata, depth, PEEK_MS, adopt_wake, &found);
	if (r == -ETIMEDOUT) {
		/*
		 * A target that names a metadata device needs no entry: without one it is adopted with that device.
		 * So it does not wait for a path of another entry, which lies in a file system that hangs.
		 */
		if (depth == PEEK_SUPER)
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

/* For a table that was made by hand, as for dm-era: eratab has no line for it, and the table names its metadata device. */
struct by_hand {
	struct eratab_entry e;
	char origin[NODE_PATH_SIZE], metadata[NODE_PATH_SIZE];
};

/*
 * Whether the volume of that name has no target any more.  Another target is to wait until the volume has ended,
 * rather than to get another name.  The end wakes the adopter.
 */
static bool is_closing(const char *name, const struct instances *l)
{
	struct volume *v = volumes_get(name);
	bool closing = v;

	for (uint32_t n = 0; n < l->nr && closing; n++)
		closing = !volume_owns(v, &l->info[n]);
	volume_unref(v);
	return closing;
}

/*
 * The entry of such a table, named after the device.  If another target of the same table has this name already, the
 * name has the number of the metadata device too.
 */
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

/* i: one of l.  *told: the newest instance that something was said about. */
static void adopt(const struct eratab *tab, const struct instances *l, const struct erad_info *i,
		  uint64_t *told)
{
	const struct eratab_entry *e;
	char name[DM_NAME_SIZE], uuid[UUID_TEXT_SIZE];
	struct by_hand hand;
	struct claim claim;
	struct err err;
	bool unsure = false;

	if (volumes_own(i) || dm_name(makedev(i->dev_major, i->dev_minor), name) ||
	    is_closing(name, l))
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

	/* The end of another's claim wakes the adopter again. */
	if (!volumes_try_claim(&claim, e->name))
		return;
	if (!volumes_own(i) && adopt_as(e, i, e == &hand.e, &err))
		log_error("volume %s: %s", e->name, err.msg);
	volumes_release(&claim);
}

static bool all_owned(const struct instances *l)
{
	for (uint32_t n = 0; n < l->nr; n++)
		if (!volumes_own(&l->info[n]))
			return false;
	return true;
}

static void drop_early(void)
{
	if (early.file)
		eratab_free(&early);
	early = (struct eratab){ 0 };
}

/* Reads the boot table only if a target needs it, because the read may wait for a write that waits for erad. */
static int adopt_all(struct instances *l, uint64_t *told)
{
	uint64_t silent = UINT64_MAX;
	struct eratab tab;
	struct err err;
	int r;

	r = control_list(volumes_control(), l);
	if (r)
		return r;
	for (uint32_t n = 0; early.file && n < l->nr; n++)
		adopt(&early, l, &l->info[n], &silent);
	drop_early();
	if (all_owned(l))
		return 0;
	if (eratab_read(ERAD_TAB, &tab, &err)) {
		log_error("%s", err.msg);
		return 0;
	}
	for (uint32_t n = 0; n < l->nr; n++)
		adopt(&tab, l, &l->info[n], told);
	eratab_free(&tab);
	return 0;
}

/* False: the adopter is to end. */
static bool wait_until_wanted(void)
{
	bool go_on;

	pthread_mutex_lock(&adopt_lock);
	while (!adopt_wanted && !adopt_stopping)
		pthread_cond_wait(&adopt_changed, &adopt_lock);
	go_on = !adopt_stopping;
	adopt_wanted = false;
	pthread_mutex_unlock(&adopt_lock);
	return go_on;
}

static void *adopter(void *arg)
{
	struct instances list = { 0 };
	uint64_t told = 0;

	(void)arg;
	while (wait_until_wanted()) {
		while (adopt_all(&list, &told))
			sleep(1);	/* out of memory, for all that is known: this passes */
		volumes_adopted();
	}
	instances_free(&list);
	return NULL;
}

void adopt_prepare(void)
{
	struct err err;

	if (eratab_read(ERAD_TAB, &early, &err)) {
		log_error("%s", err.msg);
		early = (struct eratab){ 0 };
	}
}

/* In the standby, which need not read the boot table for it. */
static void inherit(const struct heirloom *h)
{
	struct volume *v;
	struct err err;
	int r;

	/* The main process had opened its volumes, perhaps long after it had read the boot table. */
	drop_early();
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

int adopt_start(struct err *err)
{
	int r;

	if (standby_is_me())
		heirlooms_each(inherit);
	r = thread_start_detached(adopter, NULL);
	return r ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}
