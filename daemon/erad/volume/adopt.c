// SPDX-License-Identifier: GPL-2.0-or-later
/* The adopter: a thread that opens a volume for each live target that has no volume. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/eratab.h"
#include "common/image.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "common/sysfs.h"
#include "erad/volume/adopt.h"
#include "erad/volume/commit.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"

/* Limit for one look at metadata, in ms.  Writes of other volumes wait during the look. */
#define PEEK_MS		2000

/* No other lock is taken while adopt_lock is held. */
static pthread_mutex_t adopt_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t adopt_changed = PTHREAD_COND_INITIALIZER;
/* adopt_lock protects the next two variables. */
static bool adopt_wanted = true;
static bool adopt_stopping;

/*
 * The content of eratab when erad started; empty if there is no file.  Once the adopter runs, only
 * the adopter uses this copy.
 */
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
 * Returns whether the target was made with the metadata of e, although the device has another name
 * than e.  If the target names a metadata device, compares device numbers, and reads nothing from
 * the device.
 *
 * Waits at most PEEK_MS for the metadata, because other volumes wait during this time.  If the
 * metadata has not answered by then, returns false, which may be wrong.  In this case, sets *unsure
 * to true if the target names no metadata device.  When the metadata answers, the adopter looks at
 * all targets again.
 */
static bool has_metadata(const struct eratab_entry *e, const struct erad_info *i, bool *unsure)
{
	const enum peek_depth depth = i->meta_major ? PEEK_DEVICE : PEEK_SUPER;
	struct peek found;
	int r;

	r = peek_within(e->metadata, depth, PEEK_MS, adopt_wake, &found);
	/*
	 * If no thread can be started, ask in this thread.  If this fails, too, no thread calls
	 * adopt_wake() when the metadata answers, so look at all targets again after a second.
	 */
	if (r && r != -ETIMEDOUT) {
		r = peek_ask(e->metadata, depth, PEEK_MS, &found, NULL);
		if (r && r != -ENAMETOOLONG) {
			sleep(1);
			adopt_wake();
		}
	}
	if (r) {
		/*
		 * If the target names a metadata device, erad can adopt the target with this
		 * device, even without an entry in eratab.  So the target does not wait for the
		 * metadata of this entry, which may be on a file system that hangs.
		 */
		if (depth == PEEK_SUPER)
			*unsure = true;
		return false;
	}
	if (i->meta_major)
		return found.dev == makedev(i->meta_major, i->meta_minor);
	return found.is_erad && !uuid_is_zero(i->uuid) &&
		!memcmp(found.uuid, i->uuid, sizeof(found.uuid));
}

/*
 * Finds the entry of a live target: the entry with the name of the target's device.  If somebody
 * has renamed the device or has made it by hand, there may be no entry with this name.  Then finds
 * the entry with the target's metadata among the entries that have no open volume.  Returns NULL if
 * no entry fits.  *unsure: see has_metadata().
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

/*
 * The entry for a table that was made by hand, as users of dm-era do, and space for the paths of
 * the entry.  A table counts as made by hand if eratab has no line for the device, and the table
 * names a metadata device.  make_entry() fills this structure.
 */
struct by_hand {
	struct eratab_entry e;
	char origin[NODE_PATH_SIZE], metadata[NODE_PATH_SIZE];
};

/*
 * Returns whether a volume with this name is open and has lost its target.  If so, a new target
 * with the same name must wait: the end of the volume wakes the adopter, which opens a volume for
 * the new target.
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
 * Makes the entry of a table that was made by hand.  The entry has the name of the device.  There
 * are two cases in which the entry gets another name, which consists of the minor number of the
 * device and the number of the metadata device: eratab does not allow the name of the device, or an
 * open volume has this name already, for example the volume of another target of the same table.
 * Returns NULL if the table names no metadata device, or if a device has no node.
 */
static const struct eratab_entry *make_entry(struct by_hand *h, const char *name,
					     const struct erad_info *i)
{
	struct volume *v;

	if (!i->meta_major || dm_node(makedev(i->meta_major, i->meta_minor), h->metadata) ||
	    dm_node(image_beneath(makedev(i->origin_major, i->origin_minor)), h->origin))
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

/*
 * Opens a volume for target i of l, unless it has one.  *told: id of the newest instance about
 * which a warning was logged, because no line of the table fits it.
 */
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
			log_warn("/dev/mapper/%s (%u:%u) is an erad target with UUID %s: %s %s %s; writes to the device wait until erad has opened its volume",
				 name, i->dev_major, i->dev_minor, uuid_text(i->uuid, uuid),
				 unsure ? "metadata of a line in" : "no line of", tab->file,
				 unsure ? "does not answer and may have this UUID" : "names metadata with this UUID");
		if (i->instance_id > *told)
			*told = i->instance_id;
		return;
	}

	/*
	 * If another thread has claimed the name, do nothing now.  The end of the claim wakes the
	 * adopter.
	 */
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

/*
 * Opens a volume for each live target that has none.  Reads eratab only if a target needs
 * it, because reading may wait for a write, and the write may wait for erad.  Returns a negative
 * errno only if LIST has failed.
 */
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

/* Waits until the adopter must look.  Returns false if the adopter must end. */
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
			sleep(1);	/* LIST has failed, probably for lack of memory */
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

/*
 * Opens a volume that the main process had open.  The standby calls this function, and needs no
 * eratab.
 */
static void inherit(const struct heirloom *h)
{
	struct volume *v;
	struct err err;
	int r;

	/*
	 * The copy of eratab is of no use: the main process may have opened the volume long after
	 * it had made the copy.
	 */
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
