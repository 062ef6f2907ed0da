// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chooses the instance to which a volume attaches, and makes it active.
 *
 * During a table reload, there are two instances.  erad serves the old instance until the new one
 * is resumed, because the suspend of the old instance waits for its held writes.  When the new
 * instance is resumed, the old instance is suspended or gone, and has no held writes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/image.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/attach.h"
#include "erad/volume/degraded.h"
#include "erad/volume/fold.h"
#include "erad/volume/link.h"
#include "erad/volume/message.h"
#include "erad/volume/origin.h"
#include "erad/volume/origin_compare.h"
#include "erad/volume/past.h"
#include "erad/volume/registry.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"
#include "erad/volume/witness.h"
#include "store/history.h"
#include "store/place.h"

/*
 * Formats a blank metadata device that somebody has named in a table.  No other function of this
 * folder formats metadata.
 */
static int format_device(struct volume *v, const struct erad_info *i, struct err *err)
{
	struct store_geometry g = {
		.nr_sectors = i->nr_sectors, .block_sectors = i->block_sectors,
	};
	struct engine *e;
	int r;

	memcpy(g.uuid, i->uuid, sizeof(g.uuid));
	r = uuid_is_zero(g.uuid) ? uuid_random(g.uuid) : 0;
	if (r)
		return err_set(err, r, "cannot make a UUID: %s", strerror(-r));
	r = engine_open(v->metadata, ENGINE_WRITE, &e, err);
	if (r)
		return r;
	r = place_blank(v->metadata, e, &g, err);
	if (r == -EEXIST) {
		struct err what = *err;

		err_set(err, r, "%s; erad writes new metadata to a blank device only: load a table that names the right metadata device, or clear this device",
			what.msg);
	}
	if (!r)
		r = store_format(e, &g, NULL, NULL, err);
	engine_destroy(e);
	if (!r)
		log_notice("volume %s: wrote new metadata to %s", v->name, v->metadata);
	return r;
}

static int read_attached_store(struct volume *v, struct store **s, struct err *err)
{
	struct engine *e;
	int r = engine_open(v->metadata, ENGINE_WRITE, &e, err);

	return r ? r : store_open(e, STORE_WRITE, s, err);
}

static int open_store(struct volume *v, const struct erad_info *i, struct err *err)
{
	struct store *s;
	int r;

	r = read_attached_store(v, &s, err);
	if (r == -ENODATA && v->may_format) {
		r = format_device(v, i, err);
		if (!r)
			r = read_attached_store(v, &s, err);
	}
	if (r)
		return r;
	pthread_mutex_lock(&v->lock);
	v->store = s;
	pthread_mutex_unlock(&v->lock);
	failpoint(FAILPOINT_OPEN_DONE);
	return 0;
}

void attach_let_go(struct volume *v)
{
	int fd;

	if (v->fd >= 0)
		table_note_leave(v);
	pthread_mutex_lock(&v->lock);
	/*
	 * Count the state before and after the change of v->fd.  volume_count_states() would
	 * otherwise miss a state that begins and ends within this step of the thread.
	 */
	volume_count_states(v);
	fd = v->fd;
	v->fd = -1;
	v->ready = false;
	volume_count_states(v);
	pthread_mutex_unlock(&v->lock);
	if (fd >= 0)
		close(fd);
	mirror_state(&v->shown.mirror, ERAD_DETACHED);
	v->batch = 0;
	v->failed = false;
	rollover_fail(v, -EAGAIN, "erad has detached from the target in the meantime");
	/* Without a target, the thread does nothing at these times, and must not wake up for them. */
	v->retry_at = v->degraded_at = v->roll_at = UINT64_MAX;
}

/* Checks that this target and this metadata belong together. */
static int compare_target(struct volume *v, const struct erad_info *i, const struct store_info *s,
			  struct err *err)
{
	char got[UUID_TEXT_SIZE], expected[UUID_TEXT_SIZE];
	struct stat st;

	if (!uuid_is_zero(i->uuid) && memcmp(i->uuid, s->uuid, sizeof(s->uuid)))
		return err_set(err, -EINVAL, "metadata %s has UUID %s, the target expects %s",
			       v->metadata, uuid_text(s->uuid, got),
			       uuid_text(i->uuid, expected));
	if (i->meta_major && !stat(v->metadata, &st) && S_ISBLK(st.st_mode) &&
	    st.st_rdev != makedev(i->meta_major, i->meta_minor))
		return err_set(err, -EINVAL,
			       "the target names metadata device %u:%u, " ERAD_TAB " names %s (%u:%u)",
			       i->meta_major, i->meta_minor, v->metadata,
			       major(st.st_rdev), minor(st.st_rdev));
	if (i->block_sectors != s->block_sectors)
		return err_set(err, -EINVAL,
			       "the target has blocks of %u sectors, metadata %s expects %u",
			       i->block_sectors, v->metadata, s->block_sectors);
	return 0;
}

static int compare_size(struct volume *v, const struct erad_info *i, const struct store_info *s,
			struct err *err)
{
	if (i->nr_sectors != s->nr_sectors)
		return err_set(err, -EINVAL,
			       "the target has %llu sectors, metadata %s expects %llu",
			       (unsigned long long)i->nr_sectors, v->metadata,
			       (unsigned long long)s->nr_sectors);
	if (i->nr_blocks != s->nr_blocks)
		return err_set(err, -EINVAL,
			       "the target has %llu blocks, metadata %s expects %llu",
			       (unsigned long long)i->nr_blocks, v->metadata,
			       (unsigned long long)s->nr_blocks);
	return 0;
}

/* Tells the target to allocate the memory for era `to`. */
static int prepare_era(struct volume *v, uint32_t to, struct err *err)
{
	const int r = instance_prepare_era(v->fd, to);

	return r ? err_set(err, r, "the target cannot prepare era %u: %s", to, strerror(-r)) : 0;
}

/* Moves the target to era `to`, which is durable and prepared.  Does not wait for the drain. */
static int flip_era(struct volume *v, uint32_t from, uint32_t to, struct err *err)
{
	int r;

	r = instance_new_era(v->fd, from, to, 0);
	if (r == -ETIMEDOUT || r == -EINTR)
		r = 0;
	return r ? err_set(err, r, "the target cannot begin era %u after %u: %s", to, from,
			   strerror(-r)) : 0;
}

/*
 * Changes the size in the metadata to the size of a new target with another length.  At this
 * moment, only the new target is in use, so the targets of the old length have no write that must
 * be recorded.  As long as the target has no era, the size may be changed again, also for another
 * target that replaces this target.
 */
static int follow_size(struct volume *v, struct store_info *s, struct err *err)
{
	const uint64_t had = s->nr_sectors;
	int r;

	if (v->info.nr_sectors == had)
		return 0;
	r = store_resize(v->store, v->info.nr_sectors, err);
	if (r)
		return r;
	store_info(v->store, s);
	log_notice("volume %s: the volume has %llu sectors now, and had %llu before", v->name,
		   (unsigned long long)s->nr_sectors, (unsigned long long)had);
	return 0;
}

/*
 * Begins the timeline of this activation, and stores the note.  If the timeline has begun already,
 * only stores the note.  note: as in store_new_timeline().
 */
static int begin_timeline(struct volume *v, const struct table_note *note, struct err *err)
{
	uint64_t number = 0;
	int r;

	if (v->activated)
		return store_set_item(v->store, STORE_TABLE_NOTE, (const uint8_t *)note, err);
	while (!number)
		if (getrandom(&number, sizeof(number), 0) < 0 && errno != EINTR)
			return err_set(err, -errno, "cannot get a random number for a timeline: %m");
	r = store_new_timeline(v->store, number, (const uint8_t *)note, err);
	v->activated = !r;
	return r;
}

int attach_begin_timeline(struct volume *v, struct err *err)
{
	return v->activated ? 0 : begin_timeline(v, NULL, err);
}

/* Begins the first era of a new target. */
static int begin_first_era(struct volume *v, struct store_info *s, struct err *err)
{
	/*
	 * Take no witness for new metadata: the origin may be in use, and writes would wait until
	 * the witness is taken.
	 */
	const bool opens = !v->activated && s->era;
	struct table_note note;
	int r;

	if (s->era >= UINT32_MAX - 1)
		return err_set(err, -EOVERFLOW,
			       "metadata %s is in era %u, and no further era is possible; create the volume anew",
			       v->metadata, s->era);
	r = follow_size(v, s, err);
	if (!r)
		r = compare_size(v, &v->info, s, err);
	/*
	 * Compare before the new timeline begins, because the timeline drops the seal and replaces
	 * the table note.
	 */
	if (!r)
		r = origin_compare(v, err);
	if (!r)
		r = table_note_arrive(v, s->era, &note, err);
	if (!r)
		r = origin_compare_witness(v, err);
	if (!r)
		r = past_look_first(v, err);
	/*
	 * Prepare the era before it is durable: preparing may fail again and again, and each
	 * durable era uses up an era number.
	 */
	if (!r)
		r = prepare_era(v, s->era + 1, err);
	if (!r)
		r = begin_timeline(v, &note, err);
	if (!r)
		v->begun = true;
	if (!r)
		r = store_begin_era(v->store, ++s->era, err);
	if (!r && opens)
		r = witness_begin(v, s->era, err);
	if (r)
		return r;
	/* The metadata works now, so end its trouble, if there is one. */
	trouble_over(&v->mark_trouble, "the metadata");
	v->left.version = 0;
	failpoint(FAILPOINT_FIRST_DURABLE);
	r = flip_era(v, 0, s->era, err);
	if (!r)
		failpoint(FAILPOINT_FIRST_BEGUN);
	return r;
}

/*
 * Continues to serve a target that already has an era, because another process, or this process, was
 * attached to it before.
 */
static int go_on(struct volume *v, const struct store_info *s, struct err *err)
{
	const uint32_t live = v->info.era;
	int r;

	/*
	 * First do all checks that may refuse the metadata.  Refused metadata must keep its seal,
	 * and must begin a timeline for its next target.
	 */
	if (s->era != live && s->era != live + 1)
		return err_set(err, -ESTALE,
			       "metadata %s is in era %u, but the target is in era %u, expected era %u or %u; this is not the metadata that the target was used with last",
			       v->metadata, s->era, live, s->era, s->era - 1);
	v->activated = true;
	r = compare_size(v, &v->info, s, err);
	if (r)
		return r;
	r = table_note_stay(v, err);
	if (!r)
		r = past_look_first(v, err);
	if (r)
		return r;
	v->begun = true;
	if (s->era == live + 1) {
		r = prepare_era(v, s->era, err);
		return r ? r : flip_era(v, live, s->era, err);
	}
	return 0;
}

/*
 * Makes the target active.  A new target begins a new era, because it is not known which writes
 * were in flight when the last target ended.  A target to which an erad was attached before
 * continues in its own era, or begins the era that was already durable when erad was last attached.
 */
static int activate_target(struct volume *v, struct err *err)
{
	const uint32_t live = v->info.era;
	struct mirror_era now;
	struct store_info s;
	int r;

	store_info(v->store, &s);
	r = compare_target(v, &v->info, &s, err);
	if (!r)
		r = degraded_take_up(v, err);
	store_info(v->store, &s);
	if (!r)
		r = live ? go_on(v, &s, err) : begin_first_era(v, &s, err);
	if (r)
		return r;
	now = (struct mirror_era){
		.era = s.era, .fill = live, .state = v->info.state, .dev = v->dev, .store = v->store,
	};
	shown_attach(&v->shown, &now);
	r = degraded_ready(v, s.era, err);
	if (r)
		return r;
	failpoint(FAILPOINT_ATTACH_READY);
	shown_count(&v->shown, &now);
	log_info("volume %s: active in era %u%s", v->name, s.era,
		 live ? ", attached to the live target again" : "");
	return 0;
}

/*
 * Makes the error for a failed control_attach(): the reason, and what the user can do.  erad tries
 * again in any case.
 */
static int attach_error(struct volume *v, int r, struct err *err)
{
	bool preparing;

	pthread_mutex_lock(&v->lock);
	preparing = v->preparing;
	pthread_mutex_unlock(&v->lock);
	if (r == -EBUSY && preparing)
		return err_set(err, r, "cannot attach to the target yet: an earlier checkpoint still waits for memory for its era");
	if (r == -EBUSY)
		return err_set(err, r, "cannot attach to the target: another process owns the target; if that process is a second erad, stop it");
	return err_set(err, r, "cannot attach to the target: %s",
		       r == -EAGAIN ? "it is writing its degrade record" : strerror(-r));
}

static int attach_to(struct volume *v, const struct erad_info *i, struct err *err)
{
	const dev_t origin = image_beneath(makedev(i->origin_major, i->origin_minor));
	int fd, r;

	if (!v->store) {
		r = open_store(v, i, err);
		if (r)
			return r;
	}
	if (!v->fold_running) {
		r = fold_start(v, err);
		if (r)
			return r;
	}
	if (!v->message_running) {
		r = message_start(v, err);
		if (r)
			return r;
	}
	r = control_attach(volumes_control(), i->instance_id, &fd);
	if (r)
		return attach_error(v, r, err);
	pthread_mutex_lock(&v->lock);
	v->fd = fd;
	v->info = *i;
	v->origin_dev = origin;
	pthread_mutex_unlock(&v->lock);
	failpoint(FAILPOINT_ATTACH_OWNED);

	r = link_refresh(v);
	if (r)
		err_set(err, r, "cannot read the state of the target: %s", strerror(-r));
	else
		r = activate_target(v, err);
	if (!r)
		r = link_refresh(v);
	if (r)
		attach_let_go(v);
	return r;
}

static bool better_instance(const struct erad_info *a, const struct erad_info *b)
{
	if ((a->status ^ b->status) & ERAD_RESUMED)
		return a->status & ERAD_RESUMED;
	if (!a->era != !b->era)
		return a->era;
	return a->instance_id > b->instance_id;
}

/* The result of a search for the instances of volume v in the list of all instances. */
struct look {
	struct volume *v;
	uint64_t digest;			/* digest of the volume's instances */
	bool has_best, has_current;
	/*
	 * best: the instance to which the volume should attach.  current: the instance to which it
	 * is attached.
	 */
	struct erad_info best, current;
};

static void look_at_one(void *ctx, const struct erad_info *i)
{
	struct look *l = ctx;

	if (!volume_owns(l->v, i))
		return;
	l->digest = volumes_digest(l->digest, i);
	if (l->v->fd >= 0 && i->instance_id == l->v->info.instance_id) {
		l->current = *i;
		l->has_current = true;
	}
	if (!l->has_best || better_instance(i, &l->best)) {
		l->best = *i;
		l->has_best = true;
	}
}

static void settle_attach(struct volume *v, bool ready)
{
	pthread_mutex_lock(&v->lock);
	v->ready = ready;
	v->settled = true;
	volume_count_states(v);
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	volumes_settled_one();
}

bool attach_look(struct volume *v)
{
	const bool refusing = atomic_load(&v->refuse_gap);
	struct look l = { .v = v, .digest = VOLUMES_NO_INSTANCE };
	const struct erad_info *best, *current;
	struct err err;
	bool expected;
	int r;

	v->look_at = UINT64_MAX;
	/*
	 * Read `expected` before the list.  In the other order, this thread could miss a target
	 * that is made between the two reads, and end the volume.
	 */
	pthread_mutex_lock(&v->lock);
	expected = v->expected;
	pthread_mutex_unlock(&v->lock);
	volumes_looking(v);
	r = control_each(volumes_control(), look_at_one, &l);
	if (r) {
		/* LIST is not expected to fail.  If it fails, try again later. */
		v->look_at = thread_now_ms() + 1000;
		return true;
	}
	volumes_looked(v, l.digest);
	best = l.has_best ? &l.best : NULL;
	current = l.has_current ? &l.current : NULL;

	pthread_mutex_lock(&v->lock);
	if (best)
		v->dev = makedev(best->dev_major, best->dev_minor);
	v->passing = best && (best->status & ERAD_PASSES_ALL);
	if (current)
		v->info = *current;
	volume_count_states(v);
	pthread_mutex_unlock(&v->lock);
	if (!best)
		return expected;

	if (current && (best->instance_id == current->instance_id || (current->status & ERAD_RESUMED) ||
			!(best->status & ERAD_RESUMED)))
		return true;
	/* The new instance is not resumed yet.  The resume will wake this thread. */
	if (!best->era && !(best->status & ERAD_RESUMED)) {
		if (!expected)
			settle_attach(v, false);
		return true;
	}

	/*
	 * A failed attempt changes the list itself, and so wakes this thread.  If nothing else has
	 * changed, wait until try_at.
	 */
	if (thread_now_ms() < v->try_at && !memcmp(best, &v->tried, sizeof(*best)) && v->tried_refusing == refusing) {
		v->look_at = v->try_at;
		return true;
	}

	if (v->fd >= 0) {
		log_info("volume %s: moving to the new table", v->name);
		attach_let_go(v);
	}
	r = attach_to(v, best, &err);
	/* ESHUTDOWN: erad is stopping, and the volume thread ends after this call. */
	if (r == -ESHUTDOWN)
		return true;
	if (r) {
		v->look_at = thread_now_ms() +
			trouble_says(&v->attach_trouble,
				     best->status & ERAD_PASSES_ALL ? "all writes pass, unrecorded" :
				     "new writes wait", &err);
		v->tried = *best;
		v->tried_refusing = refusing;
		v->try_at = v->look_at;
	} else {
		v->try_at = 0;
		trouble_over(&v->attach_trouble, "the target");
	}
	settle_attach(v, !r);
	volume_usage(v);
	return true;
}
