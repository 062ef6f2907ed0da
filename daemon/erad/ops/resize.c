// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes the size of volumes: checks whether the size is possible, and loads a table that differs
 * from the live table only in its length.  The metadata changes later, when erad attaches to the
 * new target (attach.c).  In this way, the metadata also follows a table that somebody else has
 * loaded.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/failpoint.h"
#include "common/image.h"
#include "common/size.h"
#include "erad/base/log.h"
#include "erad/device/dm.h"
#include "erad/device/dm_child.h"
#include "erad/device/probe.h"
#include "common/sysfs.h"
#include "erad/ops/closed.h"
#include "erad/ops/resize.h"
#include "erad/volume/peek.h"
#include "erad/volume/registry.h"
#include "store/super.h"

#define SETTLE_MS	60000
/* Limit of the wait for the I/O in flight to the origin.  Meanwhile all I/O of the volume waits. */
#define SWAP_S		20

#define NEAREST		96	/* size of the buffer of nearest(), in bytes */

/*
 * Returns a text about the nearest possible sizes: "are N and M bytes", or "is N bytes" if only one
 * of them is possible.
 */
static const char *nearest(char buf[NEAREST], uint64_t down, uint64_t up, uint64_t max)
{
	if (!down || up > max)
		snprintf(buf, NEAREST, "is %" PRIu64 " bytes", down ? down : up);
	else
		snprintf(buf, NEAREST, "are %" PRIu64 " and %" PRIu64 " bytes", down, up);
	return buf;
}

/*
 * Sets *nr_sectors to the new number of sectors, and *dev to the number of the origin.  bytes 0:
 * the size of the origin.
 */
static int choose_size(const char *origin, uint64_t bytes, dev_t *dev, uint64_t *nr_sectors,
		       struct err *err)
{
	char got[SIZE_EXACT], upper[SIZE_EXACT], near[NEAREST];
	unsigned int sector;
	uint64_t has, down;
	int r;

	r = peek_ask(origin, PEEK_OPEN, PEEK_OPEN_MS, NULL, err);
	if (!r)
		r = probe_device(origin, dev, &has, err);
	if (r)
		return r;
	r = probe_sector_size(origin, &sector, err);
	if (r)
		return r;
	has -= has % (sector / 512);
	if (!bytes)
		bytes = has * 512;
	down = bytes - bytes % sector;
	if (!bytes || down > has * 512)
		return err_set(err, -EINVAL, "got a size of %s, expected at least %u bytes and at most the %s of origin %s",
			       size_exact(got, bytes), sector, size_exact(upper, has * 512), origin);
	/*
	 * Check the size here, because the kernel checks the table only after the device is
	 * suspended.
	 */
	if (bytes != down)
		return err_set(err, -EINVAL,
			       "got a size of %s, expected a multiple of the %u bytes of a sector of origin %s; the nearest %s",
			       size_exact(got, bytes), sector, origin,
			       nearest(near, down, down + sector, has * 512));
	*nr_sectors = bytes / 512;
	return 0;
}

static int make_metadata_room(struct volume *v, uint64_t nr_sectors, struct err *err)
{
	struct store *s;
	int r;

	r = peek_ask(v->metadata, PEEK_WRITE, PEEK_OPEN_MS, NULL, err);
	if (r)
		return r;
	s = volume_store_get(v);
	if (!s)
		return volume_store_missing(err);
	r = store_make_room(s, nr_sectors, err);
	volume_store_put(v);
	return r;
}

/* Properties of the volume, which were copied under its lock. */
struct look {
	struct erad_info info;
	dev_t dev;
	const char *state;
	struct err why;
	bool ready;
	uint64_t trouble_ms;
};

static void copy_state(struct volume *v, struct look *l)
{
	pthread_mutex_lock(&v->lock);
	l->info = v->info;
	l->dev = v->dev;
	l->state = volume_state(v, &l->why);
	l->ready = v->ready && v->info.state == ERAD_ACTIVE;
	l->trouble_ms = v->attach_trouble.since_ms;
	pthread_mutex_unlock(&v->lock);
}

/*
 * Puts the loaded table into use.  After an error, the volume has its old size, unless somebody else
 * has replaced the table meanwhile.
 */
static int swap_in(const struct volume *v, dev_t dev, uint64_t nr_sectors, struct err *err)
{
	struct dm_device d;
	uint64_t us;
	bool swapped;
	int r;

	r = dm_tables_read(dev, &d, err);
	if (r)
		return r;
	r = dm_child_swap_within(SWAP_S, &d, &us, err);
	if (r == -ETIMEDOUT)
		err_set(err, r, "the size is unchanged, because I/O to origin %.200s has not ended within %d seconds; check whether the origin hangs; when it works again, run 'eractl resize %s' again",
			v->origin, SWAP_S, v->name);
	else if (r == -EINPROGRESS)
		err_suffix(err, "when it works again, run 'eractl resize %s' again", v->name);
	dm_tables_free(&d);
	if (r)
		return r;
	/*
	 * The swap succeeds without effect if the loaded table has gone: a resize that an earlier
	 * erad began drops the loaded table when its own time is over.
	 */
	r = dm_tables_read(dev, &d, err);
	if (r)
		return r;
	swapped = d.nr == 1 && d.line->length == nr_sectors;
	dm_tables_free(&d);
	return swapped ? 0 : err_set(err, -EBUSY, "the table of the volume's device was replaced or dropped meanwhile; run 'eractl resize %s' again",
				     v->name);
}

static int swap_table(struct volume *v, const struct look *l, uint64_t nr_sectors, struct err *err)
{
	char mapped[DM_NAME_SIZE];
	int r;

	/* Find out the current name of the device, because somebody may have renamed it. */
	if (dm_name(l->dev, mapped))
		strcpy(mapped, v->name);
	r = dm_load_size(mapped, nr_sectors, err);
	if (r)
		return r;
	failpoint(FAILPOINT_RESIZE_LOADED);
	r = swap_in(v, l->dev, nr_sectors, err);
	if (r)
		return r;
	failpoint(FAILPOINT_RESIZE_RESUMED);
	r = volume_wait_size(v, nr_sectors, l->trouble_ms, SETTLE_MS, err);
	return r ? err_prefix(err, r, "the device has the new size, but new writes wait") : 0;
}

/*
 * Changes the table of an open volume.  Does not wait for held writes, so this works even if erad
 * cannot serve the volume.  For example, if the metadata could not follow a new table, the user can
 * set the old size again.
 */
static int resize_open(struct volume *v, uint64_t bytes, struct resized *out, struct err *err)
{
	uint64_t nr_sectors;
	struct look l;
	dev_t origin;
	int r;

	copy_state(v, &l);
	r = image_refuse(v->name, l.dev, err);
	if (r)
		return r;
	r = choose_size(v->origin, bytes, &origin, &nr_sectors, err);
	if (r)
		return r;
	if (origin != makedev(l.info.origin_major, l.info.origin_minor))
		return err_set(err, -EINVAL, "%s is now device %u:%u, but the origin of the live target is device %u:%u",
			       v->origin, major(origin), minor(origin), l.info.origin_major,
			       l.info.origin_minor);
	*out = (struct resized){ .had = l.info.nr_sectors * 512, .has = nr_sectors * 512 };
	if (nr_sectors != l.info.nr_sectors) {
		r = make_metadata_room(v, nr_sectors, err);
		if (!r)
			r = swap_table(v, &l, nr_sectors, err);
		if (r)
			return r;
		copy_state(v, &l);
	} else if (!l.ready) {
		return err_set(err, -EAGAIN, "the volume has this size already, but is %s%s%s", l.state,
			       *l.why.msg ? ": " : "", l.why.msg);
	}
	out->era = l.info.era;
	return 0;
}

/*
 * Returns an error if the volume has a live target to which erad has not attached, because then the
 * target would keep its size.  Writes nothing.
 */
static int check_no_target(const struct eratab_entry *e, struct engine *engine, struct err *err)
{
	struct instances l;
	struct erad_disk_super sb;
	dev_t metadata;
	int r;

	r = super_read(engine, &sb, err);
	if (r)
		return r;

	metadata = blockdev_at(e->metadata);
	r = volumes_targets(&l, err);
	for (uint32_t n = 0; n < l.nr && !r; n++) {
		const struct erad_info *i = &l.info[n];

		if (!memcmp(i->uuid, sb.uuid, sizeof(sb.uuid)) ||
		    (metadata && makedev(i->meta_major, i->meta_minor) == metadata))
			r = err_set(err, -EBUSY, "the target of device %u:%u is live with the metadata of this volume, but erad has not attached to the target; see 'journalctl -u erad'",
				    i->dev_major, i->dev_minor);
	}
	instances_free(&l);
	return r;
}

/* Changes the size of a closed volume.  Only the metadata changes, because there is no target. */
static int resize_metadata(const struct eratab_entry *e, uint64_t bytes, struct resized *out,
			   struct err *err)
{
	struct store_info info;
	struct engine *engine;
	uint64_t nr_sectors;
	struct store *s;
	struct err ignored;
	dev_t dev;
	int r;

	r = choose_size(e->origin, bytes, &dev, &nr_sectors, err);
	if (!r)
		r = peek_ask(e->metadata, PEEK_WRITE, PEEK_OPEN_MS, NULL, err);
	if (!r)
		r = engine_open(e->metadata, ENGINE_CLAIM, &engine, err);
	if (r)
		return r;
	r = check_no_target(e, engine, err);
	if (r) {
		engine_destroy(engine);
		return r;
	}
	r = store_open(engine, STORE_WRITE, &s, err);
	if (r)
		return r;
	store_info(s, &info);
	*out = (struct resized){
		.had = info.nr_sectors * 512, .has = nr_sectors * 512, .era = info.era,
	};
	r = store_resize(s, nr_sectors, err);
	if (!r)
		r = store_close(s, true, err);
	else
		store_close(s, false, &ignored);
	return r;
}

static int resize_closed(const char *name, uint64_t bytes, struct resized *out, struct err *err)
{
	const struct eratab_entry *e;
	struct eratab tab;
	int r;

	r = op_find_entry(name, &tab, &e, err);
	if (r)
		return r;
	r = resize_metadata(e, bytes, out, err);
	eratab_free(&tab);
	return r;
}

int op_resize(const char *name, uint64_t bytes, struct resized *out, struct err *err)
{
	struct claim claim;
	struct volume *v;
	int r;

	r = volumes_claim(&claim, name, &v, err);
	if (r)
		return r;
	if (v) {
		/*
		 * If erad is attaching, wait: the user may have repeated the request after a
		 * restart of erad.
		 */
		volume_wait_settled(v, SETTLE_MS, err);
		r = resize_open(v, bytes, out, err);
		volume_unref(v);
	} else {
		r = resize_closed(name, bytes, out, err);
	}
	volumes_release(&claim);
	return r;
}
